"""A tree taken apart into its arrays, with which a program is called, and all else, for which it is compiled."""

from collections.abc import Sequence
from typing import Any

import jax
import numpy as np
from jaxtyping import PyTree

ARRAY = object()  # in the place of one


class FrozenTree:
    """A tree with gaps in the place of its arrays. Equal ones have equal leaves, of the same types: 1 is not 1.0.

    **Arguments:**

    - `leaves`: with `ARRAY` in the place of each array.
    - `structure`: the tree's.
    """

    def __init__(self, leaves: Sequence[Any], structure: Any):
        self.leaves, self.structure = tuple(leaves), structure
        self._told = structure, *((type(leaf), leaf) for leaf in leaves)

    def filled(self, arrays: Sequence[Any]) -> PyTree:
        """The tree, with arrays in the gaps."""
        left = iter(arrays)
        return jax.tree.unflatten(self.structure, [next(left) if leaf is ARRAY else leaf for leaf in self.leaves])

    def __eq__(self, other: object) -> bool:
        return isinstance(other, FrozenTree) and self._told == other._told

    def __hash__(self) -> int:
        return hash(self._told)


def frozen(tree: PyTree) -> tuple[FrozenTree, list[Any]]:
    """A tree without its arrays, and these."""
    leaves, structure = jax.tree.flatten(tree)
    without = FrozenTree([ARRAY if _is_array(leaf) else leaf for leaf in leaves], structure)
    return without, [leaf for leaf in leaves if _is_array(leaf)]


def _is_array(leaf: object) -> bool:
    return isinstance(leaf, (jax.Array, np.ndarray, np.generic))
