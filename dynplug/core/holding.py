"""Holding the potential of units that are refractory."""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Bool, PyTree

from dynplug.core.drive import Drive
from dynplug.core.vector_field import VectorField


def refractory(state: PyTree) -> Bool[Array, "*size"] | None:
    """The mask of refractory units: those whose field `refractory`, the number of steps left, is not zero.

    `None` if the state has no such field, or does without it.
    """
    left = getattr(state, "refractory", None)
    return None if left is None else left > 0


def holding(vector_field: VectorField, name: str, held: Bool[Array, "*size"]) -> VectorField:
    """A vector field in which one variable is constant where it is held; all others see it at its held value."""

    def field(t: Array | float, y: PyTree, drive: Drive) -> PyTree:
        dy = vector_field(t, y, drive)
        change = getattr(dy, name)
        return eqx.tree_at(lambda dy: getattr(dy, name), dy, jnp.where(held, jnp.zeros_like(change), change))

    return field
