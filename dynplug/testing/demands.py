"""Demands of the conformance suite: equal trees of arrays, with messages that name the path."""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import PyTree

from dynplug.core import leaves
from dynplug.errors import ConformanceError


def demand(condition: object, message: str) -> None:
    """Raise `ConformanceError` with a message unless a condition holds."""
    if not condition:
        raise ConformanceError(message)


def close(found: PyTree, wanted: PyTree, what: str, *, rtol: float = 1e-4, least: float = 1e-3) -> None:
    """Demand that two trees hold equal numbers, up to `rtol` times the largest one in each array, or `least`."""
    named = leaves({"": found}), leaves({"": wanted})
    paths = [[leaf.path for leaf in some] for some in named]
    demand(paths[0] == paths[1], f"{what}: one has {_names(paths[0])}, the other {_names(paths[1])}.")
    for a, b in zip(*named, strict=True):
        x, y = _numbers(a.value), _numbers(b.value)
        where = f"{what}, at {a.path!r}" if a.path else what
        demand(x.shape == y.shape, f"{where}: the shapes are {x.shape} and {y.shape}.")
        if np.array_equal(x, y, equal_nan=True):
            continue
        with np.errstate(invalid="ignore", over="ignore"):
            apart = np.max(np.abs(x - y), initial=0.0)
            limit = rtol * max(np.max(np.abs(y), initial=0.0), least)
        demand(apart <= limit, f"{where}: they differ by {apart:.3g}, {limit:.3g} is allowed.")


def finite(tree: PyTree, what: str) -> None:
    """Demand that all numbers of a tree are finite."""
    for leaf in leaves({"": tree}):
        value = _numbers(leaf.value)
        where = f"{what}, at {leaf.path!r}" if leaf.path else what
        demand(np.all(np.isfinite(value)), f"{where}: not finite in {np.sum(~np.isfinite(value))} of {value.size}.")


def _numbers(value: object) -> np.ndarray:
    if isinstance(value, jax.Array) and jnp.issubdtype(value.dtype, jax.dtypes.prng_key):
        value = jax.random.key_data(value)
    array = np.asarray(value)
    return array.astype(np.float64) if array.dtype.kind in "fiub" or array.dtype.name == "bfloat16" else array


def _names(paths: list[str]) -> list[str]:
    return [path or "an array" for path in paths]
