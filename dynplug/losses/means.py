"""The mean over samples, with or without weights, that all losses take."""

from typing import Any

import jax.numpy as jnp
from jaxtyping import Array, Float


def mean(values: Float[Array, "batch ..."], weight: Any = None) -> Float[Array, ""]:
    """The weighted mean; 0 if all weights are 0.

    A value of weight 0 has no part in it at all, even if it is NaN or infinite.

    **Arguments:**

    - `values`: one per sample, or more.
    - `weight`: that of each sample (batch,), or of each value of each sample; 0 or more. `None`: all the same.
    """
    if weight is None:
        return jnp.mean(values)
    w = jnp.asarray(weight).astype(values.dtype)
    w = jnp.broadcast_to(w.reshape(w.shape + (1,) * (values.ndim - w.ndim)), values.shape)
    total = jnp.sum(w)
    return jnp.sum(jnp.where(w == 0, 0, values * w)) / jnp.where(total == 0, 1, total)
