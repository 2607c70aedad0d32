"""Traces of spikes: variables that each spike raises, and that decay."""

import jax.numpy as jnp
from jaxtyping import Array

from dynplug.core import Context, Parameter


def kept(tau: Parameter, ctx: Context) -> Array:
    """The share of a variable that is left after a step; nothing for a time constant of zero."""
    tau = jnp.asarray(tau, ctx.dtype)
    return jnp.where(tau > 0, jnp.exp(-ctx.dt / jnp.where(tau > 0, tau, 1)), 0)


def marked(trace: Array, spikes: Array, nearest: bool) -> Array:
    """A trace after spikes: one more for each, or, where only the nearest spike counts, one."""
    return jnp.where(spikes, 1 if nearest else trace + 1, trace)
