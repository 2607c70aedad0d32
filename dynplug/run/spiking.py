"""Warnings about populations that spike in nearly every step, or never: mostly mistakes in units."""

import warnings
from collections.abc import Callable, Mapping
from typing import NamedTuple

import jax
import jax.tree_util as jtu
import numpy as np
from jaxtyping import Array, PyTree

from dynplug.core import Drive, DynamicalSystem, events
from dynplug.errors import SpikingWarning
from dynplug.measures import Events
from dynplug.run.monitors import Monitors, PathReader
from dynplug.run.spike_fields import SPIKE

_STEPS = 100  # fewer say nothing
_SILENCE = 50.0  # [ms]: a neuron with a sizeable input has spiked by then
_NEARLY = 0.9  # of the steps
_FASTEST = 1.0  # [kHz]: no neuron does so
_LOOKED_AT = 200  # rows at the end of a run, which bounds the cost of the check


class _Seen(NamedTuple):
    """Spikes of a population: the steps so far, its units' spikes in the last of them, and whether any ever spiked."""

    steps: int
    looked_at: int
    spikes: np.ndarray
    ever: Callable[[], object]


class SpikeWatch:
    """Checks the recorded spikes of runs, and warns once.

    **Arguments:**

    - `target`: the system.
    - `monitors`: the monitors of its state.
    - `dt`: the step [ms].
    """

    def __init__(self, target: DynamicalSystem, monitors: Monitors, dt: float):
        self._target, self._readers, self._dt = target, monitors.readers, dt
        self._warned = False

    def look(
        self,
        counted: PyTree,
        records: PyTree,
        recorded: Mapping[str, Events],
        state: PyTree,
        every: int,
        driving: PyTree,
    ) -> None:
        """Warn if the spikes of a run look wrong.

        **Arguments:**

        - `counted`: a tree with `None` where a record is not an event.
        - `records`: outputs and monitors, time first.
        - `recorded`: spikes that are recorded as events, by population.
        - `state`: the system's state.
        - `every`: the number of steps per row.
        - `driving`: the inputs of the system, as far as known.
        """
        if self._warned:
            return
        found = {name: _of_rows(spikes, every) for name, spikes in self._populations(counted, records, state).items()}
        own = type(self._target).__name__
        found |= {repr(n) if n != SPIKE else own: _of_events(events, self._dt) for n, events in recorded.items()}
        problems = [said for name, seen in found.items() if (said := self._too_fast(name, seen))]
        problems += self._silent(found, driving)
        if problems:
            self._warned = True
            warnings.warn(" ".join(problems), SpikingWarning, stacklevel=3)

    def _populations(self, counted: PyTree, records: PyTree, state: PyTree) -> dict[str, Array | np.ndarray]:
        """Recorded events by the name of their population."""
        marked = {path for path, _ in jtu.tree_leaves_with_path(counted)}
        known = list(events(state))
        return {
            self._name(path, known): spikes for path, spikes in jtu.tree_leaves_with_path(records) if path in marked
        }

    def _name(self, path: jtu.KeyPath, known: list[str]) -> str:
        """The population of an event: known if its path is monitored, or if there is only one."""
        reader = self._readers[path[1].key] if path[0].idx else None
        if isinstance(reader, PathReader):
            below = jtu.keystr(path[2:], simple=True, separator=".")
            at = f"{reader.path}.{below}" if below else reader.path
        elif len(known) == 1:
            at = known[0]
        else:
            return f"the output of {type(self._target).__name__}" if reader is None else f"monitor {path[1].key!r}"
        owner = at.rpartition(".")[0]
        some = "" if not isinstance(reader, PathReader) or reader.index is None else f" at {reader.index}"
        return (repr(owner) if owner else type(self._target).__name__) + some

    def _too_fast(self, name: str, seen: _Seen) -> str | None:
        if seen.looked_at < _STEPS:
            return None
        share = seen.spikes / seen.looked_at
        many = (share >= _NEARLY) | (share / self._dt > _FASTEST)
        if not many.any():
            return None
        units = f"{many.sum()} of {many.size} units of {name}" if many.size > 1 else f"The unit of {name}"
        return (
            f"{units} spiked at {share.max() / self._dt:.3g} kHz, in {share.max():.0%} of the steps: check the units "
            "of the input (a current meant in pA is 1000 times too large in nA), the weights, and that V_reset is well "
            "below V_th."
        )

    def _silent(self, found: dict[str, _Seen], driving: PyTree) -> list[str]:
        silent = [
            (name, seen)
            for name, seen in found.items()
            if seen.steps >= max(_STEPS, _SILENCE / self._dt) and not np.any(seen.spikes)
        ]
        if not silent or not any(np.any(np.asarray(a) > 0) for a in jax.tree.leaves(_excitation(driving))):
            return []
        return [
            f"No unit of {name} spiked in {seen.steps * self._dt:g} ms, although there was an input: check "
            "its units and the weights. A constant current must exceed (V_th - V_rest) / R, or the model's rheobase."
            for name, seen in silent
            if not seen.ever()
        ]


def _of_rows(spikes: Array | np.ndarray, every: int) -> _Seen:
    """The spikes in records (rows, ...), each of `every` steps."""
    last = np.asarray(spikes[-_LOOKED_AT:])
    return _Seen(len(spikes) * every, len(last) * every, np.asarray(last.sum(0)), lambda: np.any(spikes))


def _of_events(events: Events, dt: float) -> _Seen:
    """The spikes among events, in a run of steps `dt` [ms]."""
    last = events.between(max(events.start, events.stop - _LOOKED_AT * dt), events.stop)
    spikes = np.bincount(last.train, minlength=last.train_count)
    return _Seen(round(events.duration / dt), round(last.duration / dt), spikes, lambda: len(events))


def _excitation(driving: PyTree) -> PyTree:
    """The inputs that may excite: of a drive not the conductance, which may inhibit."""

    def is_drive(node: object) -> bool:
        return isinstance(node, Drive)

    return jax.tree.map(lambda x: (x.current, x.jump) if is_drive(x) else x, driving, is_leaf=is_drive)
