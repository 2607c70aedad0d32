"""White noise in steps."""

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike
from jaxtyping import Array, Float

from dynplug.core.context import Context


def white(sigma: ArrayLike, size: tuple[int, ...], ctx: Context) -> Float[Array, "*size"]:
    r"""A step of Gaussian white noise, whose integral over time does not depend on the step.

    $$x_i = \frac{\sigma}{\sqrt{\Delta t}}\,N(0, 1)$$

    **Arguments:**

    - `sigma`: $\sigma$, the standard deviation of the integral over 1 ms, a number or one per unit.
    - `size`: the shape of the units, each of which has its own.
    - `ctx`: the context, with a key.
    """
    return jnp.asarray(sigma, ctx.dtype) / ctx.dt**0.5 * jax.random.normal(ctx.random_key(), size, ctx.dtype)
