"""A neuron: its potential under a step of current, and its rate over the current."""

import inspect
import re

import jax
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from dynplug.core import DynamicalSystem, Sized, leaves
from dynplug.plot.portraits.sitter import Sitter, panels
from dynplug.plugin import unit_of, variable_of
from dynplug.run import LoopOverTime

_DT = 0.05  # [ms], short enough for models of ion channels
_STRENGTHS = np.logspace(-3, 4, 29)
_SEARCH = 150.0  # of a current, in search of the least that elicits spikes [ms]
_DURATION, _SETTLED = 350.0, 100.0  # of a current, and until its rate is measured [ms]
_ABOVE = 1.5  # the current of the trace, in units of the least one that elicits spikes
_MAXIMUM = 2.5  # of the currents of the curve, likewise
_INTERVALS = 6  # in the trace
_CURVE = 19


def neuron(sitter: Sitter, figure: Figure) -> None:
    """Above, the potential under a step of current, with a mark for each spike; below, the rate over the current."""
    above, below = panels(figure, 2)
    unit = _unit_of_current(sitter.made)
    least = _least(_under(sitter.made, _STRENGTHS, _SEARCH))
    if least is None:
        _without_spikes(sitter, above, below, unit)
        return
    currents = np.linspace(0.0, _MAXIMUM * least, _CURVE)
    rates = [_rate(row) for row in _under(sitter.made, currents, _DURATION).T]
    below.plot(currents, rates)
    below.set(xlabel=f"current [{unit}]", ylabel="rate [Hz]", ylim=(0.0, None))
    chosen = _ABOVE * least
    _trace(sitter, above, chosen, _length(float(np.interp(chosen, currents, rates))))
    above.margins(y=0.15)
    above.set_title(f"a step of {chosen:.3g} {unit}", fontsize="medium")


def _trace(sitter: Sitter, ax: Axes, current: float, length: float) -> None:
    """The potential before, during and after a current for `length` [ms]."""
    steps = round(length / _DT)
    drive = np.concatenate([np.zeros(steps // 4), np.full(steps, current), np.zeros(steps // 4)])
    ts, V, spikes, label = _response(sitter.made, drive)
    ax.plot(ts, V, linewidth=1.0)
    ax.plot(ts[spikes], np.full(int(spikes.sum()), 0.94), "|", color="black", transform=ax.get_xaxis_transform())
    ax.axvspan(ts[steps // 4], ts[steps // 4 + steps - 1], color="0.93", zorder=0)
    ax.set(xlabel="time [ms]", ylabel=label)


def _without_spikes(sitter: Sitter, above: Axes, below: Axes, unit: str) -> None:
    """A neuron without spikes: its potential under three currents, and its steady state."""
    steps = round(_DURATION / 3 / _DT)
    ends = []
    for current in (0.5, 1.0, 2.0):
        drive = np.concatenate([np.zeros(steps // 4), np.full(steps, current), np.zeros(steps // 4)])
        ts, V, _, label = _response(sitter.made, drive)
        ends.append(V[steps // 4 + steps - 1])
        above.plot(ts, V, label=f"{current:g} {unit}")
        above.set(xlabel="time [ms]", ylabel=label)
        below.set(xlabel=f"current [{unit}]", ylabel=label)
    above.legend(frameon=False)
    below.plot([0.5, 1.0, 2.0], ends, marker="o")


def _under(system: Sized, currents: np.ndarray, duration: float) -> np.ndarray:
    """The spikes of the first unit under constant currents, as a mask (time, currents)."""
    loop = LoopOverTime(system, dt=_DT, data_first_axis="T")
    size = system.in_size
    steps = round(duration / _DT)
    xs = np.broadcast_to(currents.reshape(1, -1, *(1 for _ in size)), (steps, len(currents), *size))
    state, out = loop(xs.astype(np.float32), key=jax.random.key(0))
    spikes = np.asarray(jax.tree.leaves(out)[0]).reshape(steps, len(currents), -1)[..., 0]
    if getattr(state.system, "spike", None) is None:
        spikes = np.zeros_like(spikes)
    return np.where(np.isfinite(spikes), spikes, 0.0) > 0


def _least(spikes: np.ndarray) -> float | None:
    """The least current with repeated spikes, or else with any."""
    counts = spikes.sum(axis=0)
    for enough in (3, 1):
        if len(found := np.flatnonzero((counts >= enough) & (counts < len(spikes) // 4))):
            return float(_STRENGTHS[found[0]])
    return None


def _rate(spikes: np.ndarray) -> float:
    """The inverse of the mean interval between spikes, after the start [Hz]."""
    at = np.flatnonzero(spikes) * _DT
    at = at[at >= _SETTLED]
    return 1000.0 * (len(at) - 1) / (at[-1] - at[0]) if len(at) > 1 else 0.0


def _length(rate: float) -> float:
    """The duration of a trace that shows a few intervals at a rate [ms]."""
    return float(np.clip(_INTERVALS * 1000.0 / rate, 20.0, 250.0)) if rate else 100.0


def _response(system: Sized, drive: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, str]:
    """Times [ms], potential and spikes of a first unit, and the potential's label."""
    xs = np.broadcast_to(drive.reshape(-1, *(1 for _ in system.in_size)), (len(drive), *system.in_size))
    state = LoopOverTime(system, dt=_DT).reset_state(key=jax.random.key(0)).system
    paths = [leaf.path for leaf in leaves(state)]
    path = next((p for p in paths if p.rpartition(".")[2] == "V"), paths[0])
    spiking = [p for p in paths if p.rpartition(".")[2] == "spike"]
    loop = LoopOverTime(system, [path, *spiking], dt=_DT)
    _, (_, seen) = loop(xs.astype(np.float32), key=jax.random.key(0))
    V, *rest = (np.asarray(a).reshape(len(drive), -1)[:, 0] for a in seen)
    spikes = rest[0] > 0 if rest else np.zeros(len(drive), bool)
    unit = unit_of(variable_of(inspect.getdoc(type(state)) or "", path)) or "mV"
    return _DT * (1 + np.arange(len(drive))), V, spikes, f"{path} [{unit}]"


def _unit_of_current(system: DynamicalSystem) -> str:
    """The unit of `I` in the equations that the class states."""
    texts = " ".join(map(str, dict(getattr(system, "equations", {})).values()))
    found = re.search(r"\bI\[([^\]]+)\]", texts)
    return found[1] if found else "nA"
