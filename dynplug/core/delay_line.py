"""The step of a delay line, a ring buffer; the compiler of the time loop recognises it by name."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Int


@jax.jit
def dynplug_delay_step(buffer: Array, x: Array, i: Int[Array, ""]) -> tuple[Array, Array]:
    """Write the value of step `i` into a ring buffer of `d + 1` rows; the new buffer, and the value of `d` steps ago.

    The write comes first: if the read did, XLA would copy the buffer in every step.
    """
    rows = buffer.shape[0]
    buffer = jax.lax.dynamic_update_index_in_dim(buffer, x, jnp.mod(i, rows), 0)
    return buffer, jax.lax.dynamic_index_in_dim(buffer, jnp.mod(i + 1, rows), 0, keepdims=False)


DELAY_STEP = "dynplug_delay_step"  # the name of the call in a jaxpr
