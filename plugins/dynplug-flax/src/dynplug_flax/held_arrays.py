"""Arrays that are put into a layer: they must be those that it has."""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import PyTree

from dynplug.core import leaves
from dynplug.errors import ParameterError
from dynplug_flax.module_form import Variables


def in_default_precision(tree: PyTree) -> PyTree:
    """Arrays in single precision, as Flax makes them, in the precision that is set, `jax_enable_x64`."""
    return jax.tree.map(lambda a: jnp.asarray(a, precise(a.dtype)), tree)


def precise(dtype: np.dtype) -> np.dtype:
    """The dtype that an array which Flax makes has here."""
    return jnp.result_type(float) if dtype == jnp.float32 else dtype


def fitting(name: str, known: Variables, given: Variables) -> Variables:
    """Given arrays by collection, which have the names and shapes of the known ones, with their dtypes.

    **Raises:** `ParameterError` for others.
    """
    given = _plain(given)
    shapes, found = _shapes(known), _shapes(given)
    differing = sorted(path for path in shapes.keys() & found.keys() if shapes[path] != found[path])
    problems = [
        *(f"{path} is missing" for path in sorted(shapes.keys() - found.keys())),
        *(f"there is no {path}" for path in sorted(found.keys() - shapes.keys())),
        *(f"{path} has shape {found[path]}, not {shapes[path]}" for path in differing),
    ]
    if problems:
        raise ParameterError(f"FlaxLayer: these are not the variables of the {name}: {'; '.join(problems[:5])}.")
    return jax.tree.map(lambda old, new: jnp.asarray(new, old.dtype), known, given)


def _shapes(tree: PyTree) -> dict[str, tuple[int, ...]]:
    return {leaf.path: np.shape(leaf.value) for leaf in leaves(tree)}


def _plain(tree: PyTree) -> PyTree:
    return {name: _plain(value) for name, value in tree.items()} if hasattr(tree, "items") else tree
