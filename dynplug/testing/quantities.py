"""The named quantities of a model, their units, and points at which to compare two statements of its equations."""

import dataclasses
import inspect
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike
from jaxtyping import Array, PyTree

from dynplug.core import POSITIVE, Drive, ODESystem, continuous, leaves, lookup
from dynplug.equations import NANOAMPERE, Unit, parse_unit
from dynplug.errors import EquationError
from dynplug.plugin import argument_of, unit_of, variable_of
from dynplug.testing.stepping import Trial, context, run, start, started

_PLACES = 64
_MOMENT = 1e-12  # [ms]
_NEAR = 0.2  # how far parameters and variables are moved, relative to their values
_STILL, _FAR = 0.25, 0.2  # the share of variables that stay as they were, and of those that go far
_TENS = (-1.0, 3.0)  # how far that is, as a power of ten


@dataclass(frozen=True)
class Quantities:
    """The quantities that a model's equations can name: state variables, parameters, the time and the current."""

    system: ODESystem
    state: PyTree
    kind: str

    @property
    def variables(self) -> list[str]:
        """The variables that the solver integrates."""
        return [leaf.path for leaf in leaves(self.state)]

    @property
    def parameters(self) -> dict[str, ArrayLike]:
        """The parameters declared by `dynplug.param`, in the model and its parts."""
        return {leaf.path: leaf.value for leaf in leaves(self.system) if _declared(self.system, leaf.path)}

    @property
    def constants(self) -> dict[str, float]:
        """Other numbers in the model's fields."""
        fields = {f.name: getattr(self.system, f.name) for f in dataclasses.fields(self.system)}
        numbers = {n: v for n, v in fields.items() if isinstance(v, (int, float)) and not isinstance(v, bool)}
        return {name: float(value) for name, value in numbers.items() if name not in self.parameters}

    @property
    def given(self) -> list[str]:
        """The quantities that belong to neither the model nor its state."""
        return ["t", "I"] if self.kind == "neuron" else ["t"]

    def unit(self, name: str) -> Unit:
        """The unit of a quantity in its docstring; without one, it is a pure number."""
        if name == "I":
            return NANOAMPERE
        if name == "t":
            return parse_unit("ms")
        said = variable_of if name in self.variables else argument_of
        doc = _doc(_owner(self.state if name in self.variables else self.system, name))
        try:
            return parse_unit(unit_of(said(doc, name.rpartition(".")[2])))
        except EquationError as error:
            raise EquationError(f"{name!r}: {error}") from None


@dataclass(frozen=True)
class Places:
    """Random values of all quantities that equations can name, with points as the first axis."""

    variables: dict[str, np.ndarray]
    parameters: dict[str, np.ndarray]
    t: np.ndarray
    current: np.ndarray
    conductance: np.ndarray

    def field(self, quantities: Quantities) -> dict[str, np.ndarray]:
        """The values of `vector_field` there, in double precision, by variable."""
        system, structure = quantities.system, jax.tree.structure(quantities.state)

        def at(values: list[Array], y: list[Array], t: Array, drive: Drive) -> PyTree:
            there = _replaced(system, self.parameters, values)
            return there.vector_field(t, jax.tree.unflatten(structure, y), drive)

        drive = Drive(self.current, self.conductance) if quantities.kind == "neuron" else Drive()
        values, y = list(self.parameters.values()), list(self.variables.values())
        arguments = jax.tree.map(jnp.asarray, (values, y, self.t, drive))
        return {leaf.path: np.asarray(leaf.value) for leaf in leaves(jax.jit(jax.vmap(at))(*arguments))}

    def starts(self, quantities: Quantities) -> dict[str, np.ndarray]:
        """The initial state, in double precision, by variable."""

        def at(values: list[Array]) -> PyTree:
            return continuous(start(_replaced(quantities.system, self.parameters, values)))

        arrays = jax.tree.map(jnp.asarray, list(self.parameters.values()))
        return {leaf.path: np.asarray(leaf.value) for leaf in leaves(jax.jit(jax.vmap(at))(arrays))}

    def emitted(self, quantities: Quantities, before: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """The state that `emit` returns for the variables there and those before the step, with its spikes."""
        structure, whole = jax.tree.structure(quantities.state), started(quantities.system)

        def at(values: list[Array], old: list[Array], new: list[Array]) -> PyTree:
            there = _replaced(quantities.system, self.parameters, values)
            was, now = (eqx.combine(jax.tree.unflatten(structure, y), whole) for y in (old, new))
            return there.emit(was, now, context(there, 1))[0]

        values = [list(named.values()) for named in (self.parameters, before, self.variables)]
        return {
            leaf.path: np.asarray(leaf.value)
            for leaf in leaves(jax.jit(jax.vmap(at))(*jax.tree.map(jnp.asarray, values)))
        }

    def received(self, quantities: Quantities, weights: np.ndarray) -> dict[str, np.ndarray]:
        """The state after an infinitesimal step with an event of each of these weights, by variable."""
        structure, whole = jax.tree.structure(quantities.state), started(quantities.system)

        def at(values: list[Array], y: list[Array], weight: Array) -> PyTree:
            there = _replaced(quantities.system, self.parameters, values)
            state = eqx.combine(jax.tree.unflatten(structure, y), whole)
            return continuous(there.update(state, weight, context(there, 1, dt=_MOMENT))[0])

        arguments = (list(self.parameters.values()), list(self.variables.values()), weights)
        after = jax.jit(jax.vmap(at))(*jax.tree.map(jnp.asarray, arguments))
        return {leaf.path: np.asarray(leaf.value) for leaf in leaves(after)}

    def names(self, quantities: Quantities) -> dict[str, np.ndarray]:
        """The values by name, including the drive's current at each potential."""
        named = quantities.constants | self.parameters | self.variables | {"t": self.t}
        acts_on = self.variables.get(getattr(quantities.system, "potential", ""))
        if quantities.kind == "neuron" and acts_on is not None:
            rank = acts_on.ndim
            named["I"] = padded(self.current, rank) - padded(self.conductance, rank) * acts_on
        most = max(np.ndim(value) for value in named.values())
        return {name: padded(value, most) for name, value in named.items()}


def places(quantities: Quantities, trial: Trial) -> Places:
    """Points near a driven run of the model, and some further away, with different parameters at each.

    A variable that is never negative in the run is not negative here either.
    """
    rng = np.random.default_rng(11)
    runs = [
        run(trial.system, x, trial.key)[1][0] for x in ((trial.x, -trial.x) if trial.kind == "neuron" else (trial.x,))
    ]
    seen = {leaf.path: np.asarray(leaf.value, float) for leaf in leaves(jax.tree.map(_joined, *map(continuous, runs)))}
    start = {leaf.path: np.asarray(leaf.value, float) for leaf in leaves(continuous(started(trial.system)))}
    return Places(
        {path: _drawn(rng, np.where(np.isfinite(values), values, start[path])) for path, values in seen.items()},
        {path: _moved(rng, value) for path, value in quantities.parameters.items()},
        rng.uniform(0.0, 100.0, _PLACES),
        rng.normal(0.0, 10.0, _PLACES),
        rng.uniform(0.0, 1.0, _PLACES),
    )


def _replaced(system: ODESystem, paths: Iterable[str], values: list[Array]) -> ODESystem:
    return eqx.tree_at(lambda s: [lookup(s, path) for path in paths], system, values)


def _joined(*runs: Array) -> np.ndarray:
    return np.concatenate(runs)


def _drawn(rng: np.random.Generator, seen: np.ndarray) -> np.ndarray:
    """Values of a variable: those of a run, displaced."""
    base = seen[rng.integers(len(seen), size=_PLACES)]
    near = base + _NEAR * np.maximum(np.abs(base), 1.0) * rng.normal(size=base.shape)
    far = base + rng.choice([-1.0, 1.0], base.shape) * 10.0 ** rng.uniform(*_TENS, base.shape)
    chance = rng.random(base.shape)
    drawn = np.where(chance < _STILL, base, np.where(chance < _STILL + _FAR, far, near))
    return np.abs(drawn) if np.all(seen >= 0.0) else drawn


def _moved(rng: np.random.Generator, value: ArrayLike) -> np.ndarray:
    """Values of a parameter near the present one and of the same sign."""
    given = np.broadcast_to(np.asarray(value, float), (_PLACES, *np.shape(value)))
    by = _NEAR * rng.uniform(-1.0, 1.0, given.shape)
    return np.where(given == 0.0, by, given * (1.0 + by))


def padded(value: ArrayLike, rank: int) -> np.ndarray:
    """An array with trailing axes of length one, to be broadcast over units."""
    array = np.asarray(value)
    return array.reshape(*array.shape, *(1,) * (rank - array.ndim)) if array.ndim else array


def _owner(tree: PyTree, path: str) -> PyTree:
    """The part of a tree that holds the field of a path."""
    above = path.rpartition(".")[0]
    return lookup(tree, above) if above else tree


def _doc(owner: object) -> str:
    return inspect.getdoc(type(owner)) or ""


def _declared(system: ODESystem, path: str) -> bool:
    """Whether `dynplug.param` made the field at a path."""
    owner = _owner(system, path)
    fields: Mapping[str, dataclasses.Field] = getattr(type(owner), "__dataclass_fields__", {})
    name = path.rpartition(".")[2]
    return name in fields and POSITIVE in fields[name].metadata
