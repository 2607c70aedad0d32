"""Values that are computed once, although several results of a step are made of them."""

from typing import TypeVar

import jax

from dynplug.core.devices import default_platform

Tree = TypeVar("Tree")

_FEWEST = 1024  # values; chosen: with fewer, an operation takes about as long to begin as to compute


def computed_once(tree: Tree) -> Tree:
    """The same values, in memory of their own before anything is made of them.

    XLA makes one operation of each result on a CPU, which computes anew whatever it is made of: of a potential before
    its reset the spike, the potential after it and the refractory time. And a carried array that several operations
    read is copied in every step; one that only such a value reads is not. On other platforms, and of few
    values, nothing is done.
    """
    if default_platform() != "cpu":
        return tree
    return jax.tree.map(lambda x: jax.lax.optimization_barrier(x) if x.size >= _FEWEST else x, tree)
