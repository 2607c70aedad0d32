"""Losses of regression."""

import jax.numpy as jnp
import optax
from jaxtyping import Array, Float

from dynplug.losses.axes import align, batch_first, optax_rules


@batch_first
def mse(predicts: Float[Array, "batch time ..."], targets: Array, *, reduce_time: str = "mean") -> Float[Array, ""]:
    """The mean squared error.

    **Arguments:**

    - `predicts`: (batch, time, ...).
    - `targets`: the same shape, or without time.
    - `reduce_time`: how predictions lose their time axis where targets have none: `"mean"`, `"last"`, `"max"`, `"sum"`.

    **Raises:** `DataError` where the shapes do not fit.
    """
    p, y = align(predicts, targets, reduce_time)
    with optax_rules():
        return jnp.mean(optax.squared_error(p, y))


@batch_first
def mae(predicts: Float[Array, "batch time ..."], targets: Array, *, reduce_time: str = "mean") -> Float[Array, ""]:
    """The mean absolute error. Arguments as for `mse`."""
    p, y = align(predicts, targets, reduce_time)
    return jnp.mean(jnp.abs(p - y))


@batch_first
def huber(
    predicts: Float[Array, "batch time ..."],
    targets: Array,
    *,
    delta: float = 1.0,
    reduce_time: str = "mean",
) -> Float[Array, ""]:
    r"""$e^2/2$ for an error $e$ up to $\delta$, then $\delta\,(e - \delta/2)$; the mean over everything.

    **Arguments:**

    - `predicts`: (batch, time, ...).
    - `targets`: the same shape, or without time.
    - `delta`: the error from which on the loss grows linearly, in the units of the predictions.
    - `reduce_time`: as for `mse`.

    **Reference:** Huber, P. J. (1964), Robust estimation of a location parameter, doi:10.1214/aoms/1177703732.
    """
    p, y = align(predicts, targets, reduce_time)
    with optax_rules():
        return jnp.mean(optax.huber_loss(p, y, delta=delta))
