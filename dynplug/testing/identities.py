"""The check of identities: equations, stated as text in a spec, between a component's arguments and its behaviour."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike
from jaxtyping import Array

from dynplug.connectors import Connections
from dynplug.core import DynamicalSystem, leaves
from dynplug.equations import Node, parse
from dynplug.errors import EquationError, nearest
from dynplug.testing.demands import close
from dynplug.testing.losses import all_data_of
from dynplug.testing.stepping import Trial, quick_jit, size_of, start, step
from dynplug.testing.subject import UNITS, Subject
from dynplug.testing.variants import arguments

_POINTS = 4096
_FAN_OUT, _FAN_IN, _SIZE, _VALUES = 120, 80, 120, (50, 50)
_EXACT, _STATISTICAL = 1e-4, 0.05
_APART = 0.3  # by how much arrays are moved, so that a bias of zero does not hide a slip
_BEFORE = "_before"


@dataclass(frozen=True)
class Quantities:
    """The quantities that identities can name.

    **Attributes:** `made`, the arrays of an instance as it was built; `run`, what it was given and what it did, with
    the arrays that it had meanwhile, which take the place of those in identities about it; `rtol`, the accuracy.
    """

    made: dict[str, ArrayLike]
    run: dict[str, ArrayLike]
    rtol: float


def satisfies_its_identities(subject: Subject) -> None:
    """The `identities` of its spec hold, for its arguments as they are and for other values of those they name."""
    identities = {left: (parse(left), parse(right)) for left, right in subject.spec.identities.items()}
    used = {name for pair in identities.values() for node in pair for name in node.names()}
    for given in _variations(subject, used):
        for quantities in QUANTITIES[subject.kind](subject, subject.make(0, **given)):
            _compare(identities, quantities, _numbers_of(subject) | given, f" with {given}" if given else "")


def _compare(
    identities: dict[str, tuple[Node, Node]], quantities: Quantities, given: dict[str, int | float], how: str
) -> None:
    known, running = given | quantities.run | quantities.made, given | quantities.made | quantities.run
    happening, defined = quantities.run.keys() - quantities.made.keys(), dict[str, ArrayLike]()
    for left, (side, node) in identities.items():
        names = {*side.names(), *node.names()}
        there = (running if names & {*happening, *defined} else known) | defined
        new = left.isidentifier() and left not in there  # a name for what follows
        for name in names:
            if name not in there and not (new and name == left):
                raise EquationError(f"{left} = {node.text}: unknown name {name!r}. {nearest(name, there)}")
        with np.errstate(all="ignore"):
            wanted = node.value(there)
            if new:
                defined[left] = wanted
                continue
            found = np.asarray(side.value(there))
        close(found, np.broadcast_to(wanted, found.shape), f"{left}, and {node.text}{how}", rtol=quantities.rtol)
    used = {name for _, node in identities.values() for name in node.names()}
    for left in defined:
        if left not in used:
            raise EquationError(f"`identities` has a line for {left!r}, which is unknown. {nearest(left, known)}")


def _numbers_of(subject: Subject) -> dict[str, int | float]:
    """The numbers among the arguments; a shape of one axis is one."""
    plain = {n: v[0] if isinstance(v, tuple) and len(v) == 1 else v for n, v in arguments(subject).items()}
    return {n: v for n, v in plain.items() if isinstance(v, (bool, int, float))}


def _variations(subject: Subject, used: set[str]) -> Iterator[dict[str, int | float]]:
    """No argument, then other values of each one that is named, if the constructor accepts them."""
    yield {}
    for name, value in _numbers_of(subject).items():
        if name not in used:
            continue
        for other in (
            (not value,) if isinstance(value, bool) else (value + 1,) if isinstance(value, int) else _far(value)
        ):
            with suppress(Exception):
                subject.make(0, **{name: other})
                yield {name: other}


def _far(value: float) -> tuple[float, ...]:
    return (1.5 * value, 0.5 * value) if value else (0.5,)


def _of_system(subject: Subject, system: DynamicalSystem) -> list[Quantities]:
    """One step from random states, with random arrays."""
    numbers = np.random.default_rng(14)
    trial = Trial(system, subject.kind, subject.double)

    def drawn(a: ArrayLike, *shape: int) -> Array:
        return jnp.asarray(numbers.normal(size=(*shape, *np.shape(a))), jnp.result_type(a))

    moved = jax.tree.map(lambda a: a + _APART * drawn(a) if eqx.is_inexact_array(a) else a, system)
    state = eqx.filter_eval_shape(lambda: start(moved, trial.key))
    before = jax.tree.map(lambda a: jnp.asarray(numbers.normal(size=(_POINTS, *a.shape)), a.dtype), state)
    x = numbers.normal(size=(_POINTS, *(size_of(system, "in_size") or (UNITS,)))).astype(trial.zero.dtype)
    keys = None if trial.key is None else jax.random.split(trial.key, _POINTS)
    after, out = quick_jit(jax.vmap(lambda s, x, key: step(moved, s, x, 1, key)))(before, jnp.asarray(x), keys)
    done = {leaf.path + _BEFORE: leaf.value for leaf in leaves(before)} | {
        leaf.path: leaf.value for leaf in leaves(after)
    }
    run = {**_arrays(moved), **{name: np.asarray(value) for name, value in done.items()}}
    return [
        Quantities(
            _arrays(system), {**run, "x": x, "output": np.asarray(out)}, _STATISTICAL if trial.stochastic else _EXACT
        )
    ]


def _arrays(system: DynamicalSystem) -> dict[str, ArrayLike]:
    return {leaf.path: np.asarray(leaf.value) for leaf in leaves(system) if eqx.is_array(leaf.value)}


def _of_measure(subject: Subject, function: Callable[..., Array]) -> list[Quantities]:
    """A value for targets of each type that it accepts; classes are given as rows with a one."""
    found: list[Quantities] = []
    for predicts, targets in all_data_of(subject):
        scores, classes = 2 * predicts, targets.dtype.kind == "i"
        value = quick_jit(function)(scores, targets)
        rows = np.eye(scores.shape[-1])[targets] if classes else targets
        found.append(Quantities({}, {"value": np.asarray(value), "predicts": scores, "targets": rows}, _EXACT))
    return found


def _of_initializer(subject: Subject, initializer: Callable[..., Array]) -> list[Quantities]:
    array = np.asarray(initializer(jax.random.key(0), (_FAN_OUT, _FAN_IN), jnp.float32))
    return [Quantities({}, {"array": array, "fan_in": _FAN_IN, "fan_out": _FAN_OUT}, _STATISTICAL)]


def _of_connector(subject: Subject, connector: Callable[..., Connections]) -> list[Quantities]:
    """A population connected with itself."""
    mask = np.asarray(connector(_SIZE, _SIZE, key=jax.random.key(0)).mask, float)
    degrees = {"indegree": mask.sum(axis=1), "outdegree": mask.sum(axis=0), "self_connected": np.diag(mask)}
    return [Quantities({}, {"mask": mask, "size": _SIZE, **degrees}, _STATISTICAL)]


def _of_encoder(subject: Subject, encoder: Callable[..., Array]) -> list[Quantities]:
    x = np.random.default_rng(15).uniform(0.05, 1.0, _VALUES).astype(np.float32)
    code = np.asarray(encoder(x, key=jax.random.key(0)), float)
    return [Quantities({}, {"x": x, "code": code, "first": np.argmax(code != 0, axis=0)}, _STATISTICAL)]


QUANTITIES: dict[str, Callable[[Subject, Any], list[Quantities]]] = {
    "layer": _of_system,
    "loss": _of_measure,
    "metric": _of_measure,
    "initializer": _of_initializer,
    "connector": _of_connector,
    "encoder": _of_encoder,
}
"""By kind, a function of a subject and an instance."""
