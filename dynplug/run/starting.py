"""Values of variables at the start of a run."""

import dataclasses
from collections.abc import Mapping, Sequence

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

from dynplug.core import is_array, leaves, lookup
from dynplug.errors import OptionError, ShapeError, UnknownPathError
from dynplug.timeloop import RunState

Values = ArrayLike | Sequence
"""A number, or one for each unit, or for each sample and unit."""

Start = int | Mapping[str, Values] | None
"""The first argument of `reset_state`: a number of samples, or values by path."""


def size_and_values(first: Start, values: Mapping[str, Values] | None) -> tuple[int | None, Mapping[str, Values]]:
    """The number of samples and the values by path, from the first two arguments of `reset_state`."""
    if not isinstance(first, Mapping):
        return first, values or {}
    if values is not None:
        raise OptionError("reset_state was given values twice: pass one mapping from paths to values.")
    return None, first


def with_values(state: RunState, values: Mapping[str, Values], *, batch: bool) -> RunState:
    """A state in which some variables have other values.

    **Arguments:**

    - `values`: by path, such as `{"hidden.V": -65.0}`: a number, one value per unit, or one per sample and unit.
    - `batch`: whether the state has an axis of samples first.

    **Raises:** `UnknownPathError` for a path that is no variable of the state; `ShapeError`.
    """
    system = state.system
    for path, value in values.items():
        old = lookup(system, path)
        if not is_array(old):
            known = ", ".join(leaf.path for leaf in leaves(old))
            raise UnknownPathError(f"Path {path!r} is no variable but has parts: {known or 'none'}.")
        new, unit = np.shape(value), old.shape[1:] if batch else old.shape
        if new not in ((), unit, old.shape):
            each = f", or one per sample and unit: {old.shape}" if batch else ""
            raise ShapeError(f"{path} has shape {new}; give one number, or one per unit: {unit}{each}.")
        array = jnp.broadcast_to(jnp.asarray(value, old.dtype), old.shape)
        system = eqx.tree_at(lambda tree, path=path: lookup(tree, path), system, array)
    return dataclasses.replace(state, system=system)
