"""Functions that the models share: a rate without its singularity, and the spike."""

import jax.numpy as jnp
from jaxtyping import Array, Float

from dynplug import Parameter
from dynplug.surrogates import Surrogate


def ramp(x: Float[Array, "..."]) -> Float[Array, "..."]:
    """$x / (1 - e^{-x})$, the linear-exponential rate; 1 + x/2 + x²/12 near its removable singularity at 0."""
    near = jnp.abs(x) < 1e-2
    away = jnp.where(near, 1.0, x)
    return jnp.where(near, 1.0 + x / 2.0 + x**2 / 12.0, away / (1.0 - jnp.exp(-away)))


def crossing(
    old: Float[Array, "*size"], new: Float[Array, "*size"], V_th: Parameter, surrogate: Surrogate
) -> Float[Array, "*size"]:
    """1 where the potential has risen through the threshold in this step, else 0."""
    return (V_th > old).astype(new.dtype) * surrogate(new - V_th)
