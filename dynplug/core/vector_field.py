"""Right-hand sides of differential equations."""

from collections.abc import Callable

import jax
import numpy as np
from jax.tree_util import keystr, tree_leaves_with_path
from jaxtyping import Array, PyTree

from dynplug.core.drive import Drive
from dynplug.errors import StateError

VectorField = Callable[[Array | float, PyTree, Drive], PyTree]
"""The time derivative of a state, of the time [ms], the state and its input, in diffrax's order."""


def checked(vector_field: VectorField, where: str) -> VectorField:
    """A vector field that raises `StateError` unless it returns a derivative of the shape of each variable.

    Solvers would broadcast one of another shape: all units would share the derivative of one.

    **Arguments:**

    - `vector_field`: the vector field.
    - `where`: the path of the system, for the message.
    """

    def field(t: Array | float, y: PyTree, drive: Drive) -> PyTree:
        dy = vector_field(t, y, drive)
        wanted, found = _shapes(y), _shapes(dy)
        if found != wanted:
            name = next(name for name in {**wanted, **found} if found.get(name) != wanted.get(name))
            what = "an array" if isinstance(dy, jax.Array) else f"a {type(dy).__name__}"
            raise StateError(
                f"{where}: vector_field must return a {type(y).__name__}, each derivative of its variable's shape, "
                f"and None for discrete fields; got {what} in which {name.lstrip('.') or 'all'} "
                f"{_told(found.get(name))}; its variable {_told(wanted.get(name))}."
            )
        return dy

    return field


def _shapes(tree: PyTree) -> dict[str, tuple[int, ...]]:
    return {keystr(path): np.shape(leaf) for path, leaf in tree_leaves_with_path(tree)}


def _told(shape: tuple[int, ...] | None) -> str:
    return "is None" if shape is None else f"has shape {shape}"
