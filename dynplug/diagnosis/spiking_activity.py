"""Statistics of the spikes and potentials of a model in a run."""

from collections.abc import Mapping
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, PyTree

from dynplug.core import DynamicalSystem, events, leaves, lookup
from dynplug.errors import UnknownPathError
from dynplug.sources import Source
from dynplug.surrogates import Surrogate

_SPIKE = "spike"
_PEAK = 0.01  # the share of a surrogate's peak below which no gradient is worth the name


class Population(NamedTuple):
    """Statistics of the spiking units of one part of a model, over all samples and steps.

    **Attributes:**

    - `share`: of each unit, the share of the steps in which it spiked [-].
    - `highest`: the greatest potential at the end of a step [mV]; `mean` and `std` of it [mV]; NaN where unknown.
    - `support`: the share of the potentials at which the surrogate's derivative is over 1 % of its peak [-].
    """

    share: Array
    highest: Array
    mean: Array
    std: Array
    support: Array

    @property
    def silent(self) -> float:
        """The share of units without a spike [-]."""
        return float(np.mean(np.asarray(self.share) == 0))

    def saturated(self, above: float) -> float:
        """The share of units that spiked in more than a share of the steps [-]."""
        return float(np.mean(np.asarray(self.share) > above))


class Activity(NamedTuple):
    """The activity of a model in a run on a batch.

    **Attributes:**

    - `populations`: the spiking parts, by path.
    - `finite`: of each array of the state, by path, whether it was finite after each step, as bools (time,).
    - `start`: of each, whether it was finite before the first.
    """

    populations: dict[str, Population]
    finite: dict[str, Array]
    start: dict[str, Array]


class Reader(NamedTuple):
    """Reads, after each step, what `measured` needs of a state."""

    spiking: tuple[str, ...]

    def __call__(self, state: PyTree) -> tuple[dict[str, PyTree], dict[str, PyTree]]:
        seen = {path: (lookup(state, _join(path, _SPIKE)), _potential(state, path)) for path in self.spiking}
        return seen, finite(state)


def reader(model: DynamicalSystem, state: PyTree) -> Reader:
    """The reader for a model with this state, of one sample or of many."""
    owners = [path.rpartition(".")[0] for path in events(state) if path.rpartition(".")[2] == _SPIKE]
    return Reader(tuple(path for path in owners if not isinstance(part(model, path), Source)))


def measured(model: DynamicalSystem, start: PyTree, read: tuple[dict[str, PyTree], dict[str, PyTree]]) -> Activity:
    """The activity, from what a `Reader` returned after each step, (time, batch, ...)."""
    seen, sound = read
    populations = {path: _population(part(model, path), *values) for path, values in seen.items()}
    return Activity(populations, {path: jnp.all(a, axis=1) for path, a in sound.items()}, finite(start))


def part(model: DynamicalSystem, path: str) -> PyTree:
    """The system whose state is at a path; `None` where the state has another structure than the model."""
    try:
        return lookup(model, path) if path else model
    except UnknownPathError:
        return None


def finite(state: PyTree) -> dict[str, Array]:
    """For each floating array of a state, by path, whether all of it is finite."""
    return {leaf.path: jnp.all(jnp.isfinite(leaf.value)) for leaf in leaves(state) if is_real(leaf.value)}


def is_real(value: object) -> bool:
    """Whether a value is an array, or a number, with a floating dtype."""
    return bool(jnp.issubdtype(jnp.result_type(value), jnp.inexact))


def limits(model: DynamicalSystem, path: str) -> Mapping[str, np.ndarray]:
    """The known ones of a spiking part's `V_th`, `V_rest` and `R`, which give the range of its potential."""
    system = part(model, path)
    known = {name: getattr(system, name, None) for name in ("V_th", "V_rest", "R")}
    return {name: np.asarray(value) for name, value in known.items() if isinstance(value, float) or _is_array(value)}


def _is_array(value: object) -> bool:
    return isinstance(value, (jax.Array, np.ndarray))


def _population(system: PyTree, spikes: Array, V: Array | None) -> Population:
    share = jnp.mean(spikes, axis=(0, 1)).ravel()
    unknown = jnp.full((), jnp.nan, share.dtype)
    if V is None:
        return Population(share, unknown, unknown, unknown, unknown)
    return Population(share, V.max(), V.mean(), V.std(), _support(system, spikes, V))


def _support(system: PyTree, spikes: Array, V: Array) -> Array:
    """The share of potentials within the surrogate's support, without those that a spike has reset."""
    surrogate, threshold = getattr(system, "surrogate", None), getattr(system, "V_th", None)
    if not isinstance(surrogate, Surrogate) or threshold is None:
        return jnp.full((), jnp.nan, V.dtype)
    peak = surrogate.derivative(jnp.asarray(0.0, V.dtype))
    near = surrogate.derivative(V - jnp.asarray(threshold, V.dtype)) > _PEAK * peak
    return jnp.mean(near.astype(V.dtype), where=spikes == 0)  # NaN where there is always a spike


def _potential(state: PyTree, path: str) -> PyTree:
    owner = lookup(state, path) if path else state
    V = getattr(owner, "V", None)
    return V if V is not None and jnp.shape(V) == jnp.shape(lookup(state, _join(path, _SPIKE))) else None


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name
