"""Holding the potential of units that are refractory."""

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Bool


def refractory(state: Any) -> Bool[Array, "*size"] | None:
    """Which units are refractory: those whose field `refractory`, the number of steps left, is not zero.

    `None` if the state has no such field, or does without it.
    """
    left = getattr(state, "refractory", None)
    return None if left is None else left > 0


def holding(vector_field: Callable[..., Any], name: str, held: Bool[Array, "*size"]) -> Callable[..., Any]:
    """A vector field in which one variable does not change where it is held; all others see it at its value."""

    def field(t: Any, y: Any, drive: Any) -> Any:
        dy = vector_field(t, y, drive)
        change = getattr(dy, name)
        return eqx.tree_at(lambda dy: getattr(dy, name), dy, jnp.where(held, jnp.zeros_like(change), change))

    return field
