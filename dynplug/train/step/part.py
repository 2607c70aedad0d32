"""The samples of a batch that one device has, and the exchange of samples between devices.

Each device computes a summand of the loss, and derivatives are those of the sum over all devices. By that rule every
exchange has its own way back: `joined` and `shown` gather the same values and differ in their derivatives alone.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import jax
import jax.numpy as jnp
from jaxtyping import Array, PyTree


class Part(ABC):
    """The samples of a batch on one device."""

    @abstractmethod
    def joined(self, tree: PyTree, axis: int) -> PyTree:
        """A tree with the samples of all devices, along the axis of samples. Derivatives go back to each."""


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
        # What a device computes of all samples goes into its own summand only, as a normalised input goes into the
        # outputs of its samples. So JAX's derivative of a gather is right: a sample's is the sum over all devices.
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
        """A replicated tree as summands: one device keeps it, and the others have zeros."""
        first = jax.lax.axis_index(self.over) == 0
        return jax.tree.map(lambda a: jnp.where(first, a, jnp.zeros_like(a)), tree)

    def total(self, tree: PyTree) -> PyTree:
        """The sums over the devices, of all arrays at once."""
        return jax.lax.psum(tree, self.over)

    def _cut(self, a: Array, axis: int) -> Array:
        return jax.lax.slice_in_dim(a, 0, self.rows, axis=axis)


WHOLE = Whole()


def _shown(a: Array, over: str, axis: int) -> Array:
    """An array gathered from all devices, for a loss that each of them computes alike.

    Such a loss is one summand and not one on each device. JAX's derivative of a gather would add up what comes back
    from all of them, which is as many times too much as there are devices. Here each takes the part that belongs to its
    own samples from its own copy of the derivative, and nothing is sent.
    """
    gathered = partial(jax.lax.all_gather, axis_name=over, axis=axis, tiled=True)
    if not jnp.issubdtype(a.dtype, jnp.inexact):  # spike counts and classes have no derivative
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
