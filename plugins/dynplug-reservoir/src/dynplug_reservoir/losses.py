"""The normalised root mean squared error."""

from collections.abc import Callable

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

import dynplug as dp

_SCALE: dict[str, Callable[[Array, Array], Array]] = {
    "std": lambda y, w: jnp.sqrt(_mean((y - _mean(y, w)) ** 2, w)),
    "range": lambda y, w: jnp.max(jnp.where(w, y, -jnp.inf)) - jnp.min(jnp.where(w, y, jnp.inf)),
    "mean": lambda y, w: jnp.abs(_mean(y, w)),
}


def _mean(values: Array, counts: Array) -> Array:
    return jnp.mean(values, where=counts)


@dp.losses.batch_first
def nrmse(
    predicts: Float[Array, "batch time ..."],
    targets: Array,
    *,
    normalize: str = "std",
    reduce_time: str = "mean",
    mask: Array | np.ndarray | None = None,
) -> Float[Array, ""]:
    r"""The root mean squared error in units of the targets' spread $s$.

    $$L = \frac{\sqrt{\langle (p - y)^2 \rangle}}{s(y)}$$

    Mean and spread are over everything in a batch: samples, steps and features at once. In an epoch of several batches
    it is the mean of theirs, of which each has a spread of its own: give `batch_size=None` for that of all samples.
    Targets that are all the same have no spread, and give infinity.

    ```python
    from dynplug_reservoir import nrmse

    targets = jnp.array([[[1.0], [3.0]]])     # (batch, time, units), of a standard deviation of 1
    assert nrmse(targets + 0.5, targets) == 0.5
    ```

    **Arguments:**

    - `predicts`: (batch, time, ...).
    - `targets`: the same shape, or without time.
    - `normalize`: the spread $s$: the standard deviation `"std"`, `"range"` (greatest less smallest), or `"mean"` (its
        absolute value).
    - `reduce_time`: the reduction of predictions over time if targets have no time axis: `"mean"` or `"last"`.

    - `mask`: the steps that count, (batch, time), of targets with time. `None`: all.

    **Raises:** `DataError` where the shapes do not fit; `ParameterError`.

    **Reference:** Lukoševičius, M. (2012), A practical guide to applying echo state networks,
    doi:10.1007/978-3-642-35289-8_36.
    """
    if normalize not in _SCALE:
        raise dp.errors.ParameterError(f"normalize={normalize!r} is unknown. {dp.errors.nearest(normalize, _SCALE)}")
    counts = jnp.ones(predicts.shape[:2], bool) if mask is None else jnp.asarray(mask, bool)
    if targets.ndim == predicts.ndim - 1:
        predicts, counts = dp.losses.without_time(predicts, reduce_time, mask), jnp.any(counts, axis=1)
    if predicts.shape != targets.shape:
        raise dp.errors.DataError(f"Targets of shape {targets.shape} do not fit predictions of shape {predicts.shape}.")
    y = targets.astype(predicts.dtype)
    where = jnp.broadcast_to(counts.reshape(counts.shape + (1,) * (y.ndim - counts.ndim)), y.shape)
    error = jnp.where(where, predicts - y, 0)
    return jnp.sqrt(_mean(error**2, where)) / _SCALE[normalize](y, where)
