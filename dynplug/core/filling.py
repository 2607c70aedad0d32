"""Filling a tree with arrays by path, with a report of what does not fit."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jax.typing import DTypeLike
from jaxtyping import Array, PyTree

from dynplug.core.definition import Difference
from dynplug.core.nodes import is_array
from dynplug.core.paths import Leaf
from dynplug.core.uncompiled import to_jax
from dynplug.errors import CheckpointError


class Loaded(NamedTuple):
    """The result of loading.

    **Attributes:**

    - `tree`: the tree with its new arrays.
    - `missing`: the paths of the tree for which there was no array.
    - `unexpected`: the paths that the tree does not have.
    - `differing`: the disagreements, where the tree stays as it was: `(path, saved, present)` for each array of
        another shape or dtype and, if the file holds a definition, for each class or constant that differs.
    """

    tree: PyTree
    missing: list[str]
    unexpected: list[str]
    differing: list[Difference]

    @property
    def whole(self) -> bool:
        """Whether everything was there and agreed."""
        return not (self.missing or self.unexpected or self.differing)


def arrays_by_path(known: Sequence[Leaf]) -> dict[str, Array | np.ndarray]:
    """The arrays among the leaves of a tree, by path.

    **Raises:** `CheckpointError` where two have the same path, as one of them would be lost.
    """
    _check_distinct(known)
    return {leaf.path: leaf.value for leaf in known if is_array(leaf.value)}


def fill(tree: PyTree, known: Sequence[Leaf], arrays: Mapping[str, PyTree], *, cast: bool) -> Loaded:
    """Put arrays into a tree where they fit; the given tree is unchanged.

    **Arguments:**

    - `tree`: the tree.
    - `known`: its leaves, in order, with their paths in `arrays`.
    - `arrays`: arrays by path.
    - `cast`: whether they may be converted to the dtypes of those they replace.

    **Raises:** `CheckpointError` where two arrays of the tree have the same path.
    """
    _check_distinct(known)
    takes = {leaf.path for leaf in known if _takes(leaf.value)}
    missing = [leaf.path for leaf in known if is_array(leaf.value) and leaf.path not in arrays]
    differing: list[Difference] = []
    values: list[PyTree] = []
    for leaf in known:
        value = leaf.value
        if leaf.path in takes and leaf.path in arrays:
            new = arrays[leaf.path]
            value, problem = _put(leaf.value, new, cast)
            if problem:
                differing.append(Difference(leaf.path, problem, _form(leaf.value)))
        values.append(value)
    filled = jax.tree.unflatten(jax.tree.structure(tree), values)
    return Loaded(filled, missing, [path for path in arrays if path not in takes], differing)


def _check_distinct(known: Sequence[Leaf]) -> None:
    seen: set[str] = set()
    for leaf in known:
        if not _takes(leaf.value):
            continue
        if leaf.path in seen:
            raise CheckpointError(
                f"Two values have the path {leaf.path!r}, which can name but one: it joins the names of parts "
                "by dots, and one of these names has a dot itself, or is both a number and a text. Rename it."
            )
        seen.add(leaf.path)


def _takes(old: object) -> bool:
    return is_array(old) or isinstance(old, float)


def _put(old: PyTree, new: PyTree, cast: bool) -> tuple[PyTree, str]:
    """A new value in the form of an old one, and an empty text; or the old one, and a description of the new one."""
    new, bare = _words(new), not hasattr(new, "dtype")
    known = not isinstance(new, Tracer)
    new = np.asarray(new) if known else new
    wanted = np.dtype(_words(old).dtype if is_array(old) else _own(new.dtype))
    if new.shape != np.shape(_words(old)):
        return old, _form(new)
    given = new
    if new.dtype != wanted:
        if not ((cast or bare) and _kind(new.dtype) == _kind(wanted) != ""):
            return old, _form(new)
        with np.errstate(over="ignore", invalid="ignore"):
            new = new.astype(wanted)
        if known and not _holds(new, given):
            return old, f"{_form(given)} with values that {wanted} cannot hold"
    if _is_key(old):
        return jax.random.wrap_key_data(to_jax(new), impl=jax.random.key_impl(old)), ""
    return new if isinstance(old, np.ndarray) else to_jax(new), ""


def _own(dtype: DTypeLike) -> np.dtype:
    """The dtype of an array that replaces a number after training: its own, if JAX has it enabled."""
    return jax.dtypes.canonicalize_dtype(dtype) if _kind(dtype) == "floating" else jnp.result_type(float)


def _kind(dtype: DTypeLike) -> str:
    kinds = {"floating": jnp.floating, "integer": jnp.integer, "complex": jnp.complexfloating}
    return next((name for name, kind in kinds.items() if jnp.issubdtype(dtype, kind)), "")


def _holds(new: np.ndarray, given: np.ndarray) -> bool:
    """Whether a conversion lost no more than digits."""
    if _kind(new.dtype) == "integer":
        return bool(np.array_equal(new, given))
    return bool(np.array_equal(np.isfinite(new), np.isfinite(given)))


def _is_key(value: object) -> bool:
    return jnp.issubdtype(jnp.result_type(value), jax.dtypes.prng_key)


def _words(value: PyTree) -> PyTree:
    """A value as it is saved: a random key as its words."""
    return jax.random.key_data(value) if hasattr(value, "dtype") and _is_key(value) else value


def _form(value: PyTree) -> str:
    value = _words(value)
    return f"{getattr(value, 'dtype', jnp.result_type(value))}{list(np.shape(value))}"
