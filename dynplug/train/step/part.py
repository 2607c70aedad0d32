"""What of a batch a device has, and how it comes by the rest."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import jax
import jax.numpy as jnp
from jaxtyping import Array, PyTree


class Part(ABC):
    """What of a batch is here."""

    @abstractmethod
    def joined(self, tree: PyTree, axis: int) -> PyTree:
        """What all devices have of a tree, along the axis of samples. Derivatives go back to each."""


@dataclass(frozen=True)
class Whole(Part):
    """All of it: there is one device."""

    def joined(self, tree: PyTree, axis: int) -> PyTree:
        return tree


@dataclass(frozen=True)
class Piece(Part):
    """The samples of one of several devices, of which a program is run for each.

    What each computes from its own samples is a summand: so derivatives are those of the sum over all devices.

    **Arguments:**

    - `over`: the name of the mesh's axis.
    - `rows`: the number of samples of the batch; those after them, which make it up to a multiple of the devices, are
        left out where it is joined.
    """

    over: str
    rows: int

    def joined(self, tree: PyTree, axis: int) -> PyTree:
        return jax.tree.map(lambda a: self._cut(jax.lax.all_gather(a, self.over, axis=axis, tiled=True), axis), tree)

    def shown(self, tree: PyTree, axis: Callable[[int], int]) -> PyTree:
        """The same, for what each device computes anew: to each goes the derivative with respect to its own part.

        **Arguments:**

        - `tree`: arrays.
        - `axis`: that of samples, by the rank.
        """
        return jax.tree.map(lambda a: self._cut(_shown(a, self.over, axis(a.ndim)), axis(a.ndim)), tree)

    def own(self, a: Array) -> Array:
        """This device's part of an array of all samples, those that make it up among them."""
        size = a.shape[0] // jax.lax.axis_size(self.over)
        return jax.lax.dynamic_slice_in_dim(a, jax.lax.axis_index(self.over) * size, size)

    def once(self, tree: PyTree) -> PyTree:
        """What all devices have alike, as summands: one has it, and the others zero."""
        first = jax.lax.axis_index(self.over) == 0
        return jax.tree.map(lambda a: jnp.where(first, a, jnp.zeros_like(a)), tree)

    def total(self, tree: PyTree) -> PyTree:
        """The sums over the devices, of all arrays at once."""
        return jax.lax.psum(tree, self.over)

    def _cut(self, a: Array, axis: int) -> Array:
        return jax.lax.slice_in_dim(a, 0, self.rows, axis=axis)


WHOLE = Whole()


def _shown(a: Array, over: str, axis: int) -> Array:
    gathered = partial(jax.lax.all_gather, axis_name=over, axis=axis, tiled=True)
    if not jnp.issubdtype(a.dtype, jnp.inexact):
        return gathered(a)

    @jax.custom_vjp
    def shown(a: Array) -> Array:
        return gathered(a)

    def forward(a: Array) -> tuple[Array, None]:
        return gathered(a), None

    def backward(_: None, g: Array) -> tuple[Array]:
        size = g.shape[axis] // jax.lax.axis_size(over)
        return (jax.lax.dynamic_slice_in_dim(g, jax.lax.axis_index(over) * size, size, axis),)

    shown.defvjp(forward, backward)
    return shown(a)
