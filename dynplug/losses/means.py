"""The mean over samples, with or without weights, that all losses take."""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from dynplug.core import is_real
from dynplug.errors import DataError
from dynplug.losses.targets import is_known


def mean(values: Float[Array, "batch ..."], weight: Array | np.ndarray | None = None) -> Float[Array, ""]:
    """The weighted mean; 0 if all weights are 0.

    A value of weight 0 has no part in it at all, even if it is NaN or infinite.

    **Arguments:**

    - `values`: one per sample, or more.
    - `weight`: that of each sample (batch,), or of each value of each sample; 0 or more. `None`: all the same.
    """
    if weight is None:
        return jnp.mean(values)
    w = spread(jnp.asarray(weight).astype(values.dtype), values)
    total = jnp.sum(w)
    return jnp.sum(jnp.where(w == 0, 0, values * w)) / jnp.where(total == 0, 1, total)


def spread(weight: Array, values: Array) -> Array:
    """The weight of each value, of weights of samples, or of samples and steps."""
    if weight.shape != values.shape[: weight.ndim]:
        raise _misfit(weight, values)
    return jnp.broadcast_to(over(weight, values), values.shape)


def over(part: Array, whole: Array) -> Array:
    """An array of the first axes of another, with axes of length one for the others."""
    return part.reshape(part.shape + (1,) * (whole.ndim - part.ndim))


def together(*weights: Array | np.ndarray | None) -> Array | None:
    """The product of weights of samples, or of samples and steps, those that are `None` left out; `None` for none."""
    given = [_checked(w) for w in weights if w is not None]
    if not given:
        return None
    dtype = next((w.dtype for w in given if jnp.issubdtype(w.dtype, jnp.floating)), jnp.result_type(float))
    widest, product = max(given, key=lambda w: w.ndim), jnp.ones((), dtype)
    for w in given:
        if w.shape != widest.shape[: w.ndim]:
            raise _misfit(w, widest)
        product = product * over(w, widest).astype(dtype)
    return product


def _checked(weight: Array | np.ndarray) -> Array:
    """Weights that are finite and not negative, unless they are traced."""
    if is_known(weight):
        w = np.asarray(weight)
        if w.dtype != bool and not (is_real(w) and np.all(np.isfinite(w) & (w >= 0))):
            raise DataError(f"A sample_weight must hold finite numbers, none below 0; got {w!r:.80}.")
    return jnp.asarray(weight)


def _misfit(weight: Array, values: Array) -> DataError:
    return DataError(
        f"A sample_weight of shape {weight.shape} does not fit {values.shape}: give one number for each sample, "
        f"{values.shape[:1]}."
    )
