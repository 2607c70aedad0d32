"""The arrays of a model, or of a state, by path: extracting, replacing, saving and loading them."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar

import numpy as np
from jaxtyping import Array, PyTree

from dynplug.core.arrays_file import read_arrays, write_arrays
from dynplug.core.definition import definition, differences
from dynplug.core.filling import Loaded, arrays_by_path, fill
from dynplug.core.paths import leaves
from dynplug.core.value_checks import check_values
from dynplug.errors import CheckpointError, StateDictError, nearest

_FORMAT, _VERSION = "dynplug-states", 2  # 1 had no definition
DEFINITION = "definition"

T = TypeVar("T")


def state_dict(tree: PyTree) -> dict[str, Array | np.ndarray]:
    """The arrays of a model, a state or any other pytree, by path.

    Numbers such as `tau=20.0` belong to the model's definition and are not among them.

    ```python
    model = dp.Sequential(encode=dp.layers.Dense(3, 2, key=jax.random.key(0)), hidden=dp.neurons.LIF(2))
    shapes = {path: array.shape for path, array in dp.state_dict(model).items()}
    assert shapes == {"encode.weight": (2, 3), "encode.bias": (2,)}
    ```

    **Arguments:**

    - `tree`: a model, a state, a `RunState`.

    **Raises:** `CheckpointError` where two arrays have the same path, as a name has a dot.
    """
    return arrays_by_path(leaves(tree))


def load_state_dict(tree: PyTree, arrays: Mapping[str, object], *, strict: bool = True, cast: bool = False) -> Loaded:
    """A tree with its arrays replaced by others, by path; the given tree is unchanged.

    A number of the tree for which there is an array of shape (), such as a trained time constant, becomes that array.
    In a function that JAX traces, arrays may be traced: shapes and dtypes are compared then, and values are not.

    ```python
    one, other = (dp.layers.Dense(3, 2, key=jax.random.key(seed)) for seed in (0, 1))
    same, *_ = dp.load_state_dict(other, dp.state_dict(one))
    assert (same.weight == one.weight).all() and not (other.weight == one.weight).any()
    ```

    **Arguments:**

    - `tree`: a model, a state, a `RunState`.
    - `arrays`: arrays by path, as `state_dict` gives them.
    - `strict`: whether everything must fit. Otherwise arrays that are missing, or of another shape or dtype, stay as
        they are, unexpected ones are left out, and all of them are reported.
    - `cast`: whether values take the dtype of those they replace, as from double to single precision.

    **Returns:** `(tree, missing, unexpected, differing)`.

    **Raises:** `StateDictError`, with attributes `missing`, `unexpected` and `differing`, if `strict` is not met;
    `CheckpointError` for anything but a dictionary; `ParameterError` for a parameter that is not finite, or not
    positive where it must be.
    """
    if not isinstance(arrays, Mapping):
        raise CheckpointError(
            "load_state_dict takes a dictionary of arrays by path, as state_dict gives it; got "
            f"{type(arrays).__name__}. A file is read by load_states(path, tree)."
        )
    for path, value in arrays.items():
        dtype = getattr(value, "dtype", None)
        if getattr(np.asarray(value).dtype if dtype is None else dtype, "kind", "") in ("U", "S", "O"):
            raise CheckpointError(f"load_state_dict takes an array of numbers for {path!r}; got {value!r:.80}.")
    return _checked(fill(tree, leaves(tree), arrays, cast=cast), strict)


def save_states(path: str | Path, tree: PyTree) -> None:
    """Write the arrays of a model, a state or any other pytree to a safetensors file, whole or not at all.

    Its header holds the definition of the model: the classes and constants that the arrays belong to.

    ```python
    model = dp.layers.Dense(3, 2, key=jax.random.key(0)) >> dp.neurons.LIF(2)
    state, _ = dp.LoopOverTime(model, dt=1.0)(jnp.ones((20, 3)))
    dp.save_states("run.safetensors", {"model": model, "state": state})
    before, *_ = dp.load_states("run.safetensors", {"model": model, "state": state})
    assert (before["state"]["1.V"] == state["1.V"]).all()
    ```

    **Arguments:**

    - `path`: the file.
    - `tree`: a model, a state, a `RunState`, or a tuple or dictionary of these.

    **Raises:** `CheckpointError` where the file cannot be written, or where two arrays have the same path.
    """
    header = {"format": _FORMAT, "version": str(_VERSION), DEFINITION: json.dumps(definition(tree))}
    write_arrays(path, state_dict(tree), header)


def load_states(path: str | Path, tree: PyTree, *, strict: bool = True, cast: bool = False, prefix: str = "") -> Loaded:
    """As `load_state_dict`, from a safetensors file. Nothing in it is executed.

    A file written by `save_states` or a trainer knows its model: a class, a constant such as `tau`, a surrogate or an
    integrator that differs from that in `tree` is listed in `differing`, and refused unless `strict=False`; the tree
    keeps its own.

    ```python
    trained = dp.layers.Dense(3, 2, key=jax.random.key(0))
    dp.save_states("model.safetensors", trained)
    built = dp.layers.Dense(3, 2, W_initializer=0.0)
    model, missing, unexpected, differing = dp.load_states("model.safetensors", built)
    assert (model.weight == trained.weight).all() and not (missing or unexpected or differing)
    ```

    **Arguments:**

    - `path`: the file, from `save_states`, a trainer or any other source.
    - `tree`: the model or state to put its arrays into.
    - `strict`, `cast`: as for `load_state_dict`.
    - `prefix`: the part of the file to load, such as `"hidden"`; `"model"` finds the model in the file of a trainer,
        and `"best"` that of the best epoch, where it is kept.

    **Raises:** `CheckpointError` if the file is missing, damaged, of a newer format or without such a part;
    `StateDictError`; `ParameterError`.
    """
    arrays, header = read_arrays(path)
    if header.get("format") == _FORMAT and int(header.get("version", 1)) > _VERSION:
        raise CheckpointError(f"{path} has version {header['version']}; this dynplug reads {_VERSION}. Update dynplug.")
    chosen = _below(arrays, prefix)
    if prefix and not chosen:
        parts = {name[: min(at for sign in "./" if (at := f"{name}{sign}".find(sign)) >= 0)] for name in arrays}
        raise CheckpointError(f"{path} has no part {prefix!r}. {nearest(prefix, parts)}")
    loaded = fill(tree, leaves(tree), chosen, cast=cast)
    saved = _below(json.loads(header.get(DEFINITION, "{}")), prefix)
    if saved:
        loaded.differing.extend(differences(saved, definition(tree), {*chosen, *state_dict(tree)}))
    return _checked(loaded, strict)


def _checked(loaded: Loaded, strict: bool) -> Loaded:
    if strict and not loaded.whole:
        raise StateDictError(type(loaded.tree).__name__, loaded.missing, loaded.unexpected, loaded.differing)
    check_values(loaded.tree)
    return loaded


def _below(named: Mapping[str, T], prefix: str) -> dict[str, T]:
    """The arrays at a path or below it, by the rest of their paths; parts are separated by dots, trees by a slash."""
    at = prefix.rstrip("./")
    if not at:
        return dict(named)
    found = {name[len(at) + 1 :]: value for name, value in named.items() if name.startswith((f"{at}.", f"{at}/"))}
    return {"": named[at], **found} if at in named else found
