"""Modules of `flax.nnx`."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import PRNGKeyArray, PyTree

from dynplug_flax.module_form import Module, ModuleForm, NeedsKey, Variables
from dynplug_flax.phase import check_inputs, phase, told_by


@dataclass(frozen=True)
class NNXForm(ModuleForm):
    """A module of nnx without its variables.

    **Attributes:**

    - `title`: its class, for messages.
    - `fitting`, `predicting`: its graph in each phase.
    - `collections`: the types of its variables, and `structures`, what holds the arrays of each.
    - `streams`: the shapes of the keys of its random numbers, and `holders`, what holds the keys and their counts.
    - `told`: the arguments that tell the phase.
    """

    trained: ClassVar = "Param"
    known: ClassVar = {"BatchStat": "statistic"}
    title: str
    fitting: nnx.GraphDef
    predicting: nnx.GraphDef
    collections: tuple[str, ...]
    structures: tuple[Any, ...]  # JAX names no type of these
    streams: tuple[tuple[int, ...], ...]
    holders: tuple[Any, Any]
    told: tuple[str, ...]

    @classmethod
    def of(cls, module: nnx.Module) -> "NNXForm":
        """The form of a module, which is left as it is. **Raises:** `CompositionError`, as for linen."""
        call: Any = module.__call__
        title, is_cell = type(module).__name__, isinstance(module, nnx.RNNCellBase)
        check_inputs(title, call, is_cell=is_cell)
        found = {_collection(variable) for _, variable in nnx.to_flat_state(nnx.state(module))}
        collections = tuple(sorted(found - {_STREAMS}))
        copied = nnx.clone(module)
        copied.train()
        fitting, keys, counts, *states, _ = nnx.split(
            copied, nnx.RngKey, nnx.RngCount, *map(_of_collection, collections), ...
        )
        copied.eval()
        return cls(
            is_cell,
            title,
            fitting,
            nnx.graphdef(copied),
            collections,
            tuple(map(jax.tree.structure, states)),
            tuple(key.shape for key in jax.tree.leaves(keys)),
            (jax.tree.structure(keys), jax.tree.structure(counts)),
            tuple(told_by(call)),
        )

    @property
    def name(self) -> str:
        return self.title

    @property
    def draws(self) -> bool:
        return False

    def drawn(self, module: Module, x: PyTree, key: PRNGKeyArray | None) -> Variables:
        return self.opened(module)

    def carry(self, variables: Variables, shape: tuple[int, ...], key: PRNGKeyArray | None) -> PyTree:
        return self._merged(variables, False, key).initialize_carry(shape, nnx.Rngs(key))

    def call(
        self,
        variables: Variables,
        inputs: tuple[PyTree, ...],
        *,
        fit: bool,
        key: PRNGKeyArray | None,
        changing: list[str],
    ) -> tuple[PyTree, Variables]:
        module = self._merged(variables, fit, key)
        before = jax.tree.leaves(nnx.state(module, nnx.RngCount))
        out = module(*inputs, **phase(self.told, fit))
        drawn = [a is not b for a, b in zip(before, jax.tree.leaves(nnx.state(module, nnx.RngCount)), strict=True)]
        if key is None and any(drawn):
            raise NeedsKey
        return out, {name: nnx.to_pure_dict(nnx.state(module, _of_collection(name))) for name in changing}

    def opened(self, given: PyTree) -> Variables:
        """From an `nnx.State`, or a module."""
        state = nnx.state(given) if isinstance(given, nnx.Module) else given
        found = {_collection(variable) for _, variable in nnx.to_flat_state(state)} - {_STREAMS}
        return {name: nnx.to_pure_dict(nnx.filter_state(state, _of_collection(name))) for name in found}

    def closed(self, variables: Variables) -> PyTree:
        return nnx.merge_state(*self._states(variables))

    def module(self, variables: Variables) -> nnx.Module:
        return self._merged(variables, False, None)

    def _merged(self, variables: Variables, fit: bool, key: PRNGKeyArray | None) -> Any:
        """The module in a phase, its streams of random numbers begun anew from a key."""
        key = jax.random.key(0) if key is None else key
        keys = [jax.random.split(jax.random.fold_in(key, n), shape) for n, shape in enumerate(self.streams)]
        counts = [jnp.zeros(shape, jnp.uint32) for shape in self.streams]
        seeded = (holder.unflatten(of) for holder, of in zip(self.holders, (keys, counts), strict=True))
        return nnx.merge(self.fitting if fit else self.predicting, *seeded, *self._states(variables))

    def _states(self, variables: Variables) -> list[PyTree]:
        """The arrays as Flax holds them, by collection."""
        arrays = (jax.tree.leaves(variables[name]) for name in self.collections)
        return [structure.unflatten(leaves) for structure, leaves in zip(self.structures, arrays, strict=True)]


_STREAMS = "RngState"
_BASES = {_STREAMS: nnx.RngState, "Param": nnx.Param, "BatchStat": nnx.BatchStat, "Array": jax.Array}


def _collection(variable: object) -> str:
    """The name by which variables of a type are known: that of a base which has a role, or else its own."""
    return next((name for name, base in _BASES.items() if isinstance(variable, base)), type(variable).__name__)


def _of_collection(name: str) -> Callable[[object, object], bool]:
    return lambda path, variable: _collection(variable) == name
