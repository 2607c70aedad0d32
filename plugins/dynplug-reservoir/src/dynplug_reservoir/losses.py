"""The normalised root mean squared error."""

from collections.abc import Callable

import jax.numpy as jnp
from jaxtyping import Array, Float

import dynplug as dp

_SCALE: dict[str, Callable[[Array], Array]] = {
    "std": jnp.std,
    "range": jnp.ptp,
    "mean": lambda targets: jnp.abs(jnp.mean(targets)),
}
_REDUCE: dict[str, Callable[[Array], Array]] = {
    "mean": lambda predicts: jnp.mean(predicts, axis=1),
    "last": lambda predicts: predicts[:, -1],
}


@dp.losses.batch_first
def nrmse(
    predicts: Float[Array, "batch time ..."],
    targets: Array,
    *,
    normalize: str = "std",
    reduce_time: str = "mean",
) -> Float[Array, ""]:
    r"""The root mean squared error in units of the targets' spread $s$.

    $$L = \frac{\sqrt{\langle (p - y)^2 \rangle}}{s(y)}$$

    Mean and spread are over everything: samples, steps and features at once. Targets that are all the same have no
    spread, and give infinity.

    **Arguments:**

    - `predicts`: (batch, time, ...).
    - `targets`: the same shape, or without time.
    - `normalize`: the spread $s$: the standard deviation `"std"`, `"range"` (greatest less smallest), or `"mean"` (its
        absolute value).
    - `reduce_time`: how predictions lose their time axis where targets have none: `"mean"` or `"last"`.

    **Raises:** `DataError` where the shapes do not fit; `ParameterError`.

    **Reference:** Lukoševičius, M. (2012), A practical guide to applying echo state networks,
    doi:10.1007/978-3-642-35289-8_36.
    """
    for name, value, known in (("normalize", normalize, _SCALE), ("reduce_time", reduce_time, _REDUCE)):
        if value not in known:
            raise dp.errors.ParameterError(f"{name}={value!r} is unknown. {dp.errors.nearest(value, known)}")
    if targets.ndim == predicts.ndim - 1:
        predicts = _REDUCE[reduce_time](predicts)
    if predicts.shape != targets.shape:
        raise dp.errors.DataError(f"Targets of shape {targets.shape} do not fit predictions of shape {predicts.shape}.")
    y = targets.astype(predicts.dtype)
    return jnp.sqrt(jnp.mean((predicts - y) ** 2)) / _SCALE[normalize](y)
