"""The mean over samples that every loss here is, with or without weights."""

from typing import Any

import jax.numpy as jnp
from jaxtyping import Array, Float


def mean(values: Float[Array, "batch ..."], weight: Any = None) -> Float[Array, ""]:
    """The mean, in which each value counts as much as its weight says; 0 where all weights are 0.

    What weighs nothing has no part in it, exactly, whatever its value.

    **Arguments:**

    - `values`: one a sample, or more.
    - `weight`: of each sample (batch,), or of each value of a sample too; 0 or more. `None`: all the same.
    """
    if weight is None:
        return jnp.mean(values)
    w = jnp.asarray(weight).astype(values.dtype)
    w = jnp.broadcast_to(w.reshape(w.shape + (1,) * (values.ndim - w.ndim)), values.shape)
    total = jnp.sum(w)
    return jnp.sum(jnp.where(w == 0, 0, values * w)) / jnp.where(total == 0, 1, total)
