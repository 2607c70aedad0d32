"""The arrays of a model, or of a state, by path: taken out, put in, and kept in a file."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from dynplug.core.arrays_file import read_arrays, write_arrays
from dynplug.core.nodes import is_array
from dynplug.core.paths import leaves
from dynplug.errors import CheckpointError, StateDictError

_FORMAT, _VERSION = "dynplug-states", 1


class Loaded(NamedTuple):
    """What loading gave: the tree with its new arrays, and the paths without a counterpart on either side."""

    tree: Any
    missing: list[str]
    unexpected: list[str]


def state_dict(tree: Any) -> dict[str, Array | np.ndarray]:
    """The arrays of a model, a state or any other pytree, by path.

    Numbers such as `tau=20.0` belong to the model's definition and are not among them.

    **Arguments:**

    - `tree`: a model, a state, a `RunState`.
    """
    return {leaf.path: leaf.value for leaf in leaves(tree) if is_array(leaf.value)}


def load_state_dict(tree: Any, arrays: Mapping[str, Any], *, strict: bool = True) -> Loaded:
    """A tree with its arrays replaced by others, by path; the given tree stays as it is.

    Floating values take the dtype of those that they replace. A number of the tree for which there is an array of shape
    (), a time constant that was trained, becomes that array.

    **Arguments:**

    - `tree`: a model, a state, a `RunState`.
    - `arrays`: arrays by path, as `state_dict` gives them.
    - `strict`: whether each path of the tree must be among `arrays` and the other way round. Otherwise what is missing
        stays as it is, what is unexpected is left out, and both are reported.

    **Returns:** `(tree, missing, unexpected)`.

    **Raises:** `StateDictError`, with attributes `missing` and `unexpected`, where `strict` is not met, and for an
    array of another shape or kind.
    """
    known = leaves(tree)
    missing = [leaf.path for leaf in known if is_array(leaf.value) and leaf.path not in arrays]
    takes = {leaf.path for leaf in known if is_array(leaf.value) or isinstance(leaf.value, float)}
    unexpected = [path for path in arrays if path not in takes]
    misfits = [
        f"{leaf.path} is {_describe(arrays[leaf.path])}, not {_describe(_words(leaf.value))}"
        for leaf in known
        if leaf.path in takes and leaf.path in arrays and not _fits(leaf.value, arrays[leaf.path])
    ]
    if misfits or (strict and (missing or unexpected)):
        raise StateDictError(type(tree).__name__, missing, unexpected, misfits)
    values = [
        _like(leaf.value, arrays[leaf.path]) if leaf.path in takes and leaf.path in arrays else leaf.value
        for leaf in known
    ]
    return Loaded(jax.tree.unflatten(jax.tree.structure(tree), values), missing, unexpected)


def save_states(path: str | Path, tree: Any) -> None:
    """Write the arrays of a model, a state or any other pytree to a safetensors file, whole or not at all.

    **Arguments:**

    - `path`: the file.
    - `tree`: a model, a state, a `RunState`, or a tuple or dictionary of these.
    """
    write_arrays(path, state_dict(tree), {"format": _FORMAT, "version": str(_VERSION)})


def load_states(path: str | Path, tree: Any, *, strict: bool = True, prefix: str = "") -> Loaded:
    """As `load_state_dict`, from a safetensors file. Nothing in it is executed.

    **Arguments:**

    - `path`: the file: of `save_states`, of a trainer, of anybody.
    - `tree`: what to put its arrays into.
    - `strict`: as for `load_state_dict`.
    - `prefix`: take what is called so and something more: `"model/"` finds the model in the file of a trainer.

    **Raises:** `CheckpointError` where the file is missing, damaged or of a newer format; `StateDictError`.
    """
    arrays, header = read_arrays(path)
    if header.get("format") == _FORMAT and int(header.get("version", 1)) > _VERSION:
        raise CheckpointError(f"{path} has version {header['version']}; this dynplug reads {_VERSION}. Update dynplug.")
    chosen = {name.removeprefix(prefix): value for name, value in arrays.items() if name.startswith(prefix)}
    return load_state_dict(tree, chosen, strict=strict)


def _words(value: Any) -> Any:
    """A value as it is kept: a key as its words."""
    return jax.random.key_data(value) if jnp.issubdtype(jnp.result_type(value), jax.dtypes.prng_key) else value


def _fits(old: Any, new: Any) -> bool:
    old, new = _words(old), _words(new)
    floating = all(jnp.issubdtype(jnp.result_type(value), jnp.floating) for value in (old, new))
    return jnp.shape(old) == jnp.shape(new) and (floating or jnp.result_type(old) == jnp.result_type(new))


def _like(old: Any, new: Any) -> Array:
    if jnp.issubdtype(jnp.result_type(old), jax.dtypes.prng_key):
        return jax.random.wrap_key_data(jnp.asarray(_words(new)), impl=jax.random.key_impl(old))
    return jnp.asarray(new, jnp.result_type(old))


def _describe(value: Any) -> str:
    return f"{jnp.result_type(value)}{list(jnp.shape(value))}"
