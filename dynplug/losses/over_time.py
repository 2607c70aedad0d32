"""Reductions over the steps of each sample that count."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, PyTree

from dynplug.errors import DataError, ParameterError, nearest
from dynplug.losses.means import over

Valid = Bool[Array, "batch time"]


def without_time(predicts: Float[Array, "batch time ..."], reduce_time: str, mask: Any = None) -> Array:
    """Predictions without their time axis.

    **Arguments:**

    - `predicts`: (batch, time, ...).
    - `reduce_time`: `"mean"`, `"last"`, `"max"`, `"sum"`, `"sum_softmax"`, `"first_spike"`.
    - `mask`: which steps count, (batch, time); `None` for all.

    **Raises:** `ParameterError` for another reduction; `DataError` for a mask that does not fit.
    """
    if reduce_time not in _REDUCE:
        raise ParameterError(f"Unknown reduce_time {reduce_time!r}. {nearest(reduce_time, _REDUCE)}")
    return _REDUCE[reduce_time](predicts, as_mask(mask, predicts))


def as_mask(mask: Any, predicts: PyTree) -> Valid | None:
    """A mask of (batch, time) for predictions, as bools, or `DataError` where it does not fit."""
    if mask is None:
        return None
    mask = jnp.asarray(mask)
    if mask.shape != predicts.shape[:2]:
        raise DataError(
            f"A mask of shape {mask.shape} does not fit predictions of shape {predicts.shape}: it says of each sample "
            f"and step whether it counts, {predicts.shape[:2]}."
        )
    return mask if mask.dtype == jnp.bool_ else mask != 0


def steps_of(mask: Valid | None, predicts: Float[Array, "batch time ..."]) -> Any:
    """The number of steps of each sample that count, (batch,), at least 1."""
    if mask is None:
        return jnp.full(predicts.shape[:1], predicts.shape[1], predicts.dtype)
    return jnp.maximum(jnp.sum(mask, axis=1, dtype=predicts.dtype), 1)


def zeroed(predicts: Float[Array, "batch time ..."], mask: Valid | None) -> Float[Array, "batch time ..."]:
    """Predictions that are zero at steps that do not count."""
    return predicts if mask is None else jnp.where(over(mask, predicts), predicts, 0)


def time_of_first_spike(spikes: Float[Array, "batch time ..."], mask: Any = None) -> Float[Array, "batch ..."]:
    r"""The step of the first spike of each unit, counted from 0; the number of steps where there is none.

    $$t = \sum_{i=0}^{n-1} \prod_{j \le i} (1 - z_j)$$

    For spikes $z$ that are 0 or 1 this is the time itself. It is linear in each of them, and so has a derivative with
    respect to spikes: an additional spike before the first one makes $t$ smaller by the steps between them.

    **Arguments:**

    - `spikes`: (batch, time, ...).
    - `mask`: which steps count, (batch, time), from the first on; `None` for all.
    """
    valid = as_mask(mask, spikes)
    silent = jnp.cumprod(1 - zeroed(spikes, valid), axis=1)
    return jnp.sum(zeroed(silent, valid), axis=1)


def _mean(p: Array, mask: Valid | None) -> Array:
    return jnp.mean(p, axis=1) if mask is None else _sum(p, mask) / over(steps_of(mask, p), p[:, 0])


def _last(p: Array, mask: Valid | None) -> Array:
    if mask is None:
        return p[:, -1]
    last = p.shape[1] - 1 - jnp.argmax(mask[:, ::-1], axis=1)
    return jnp.take_along_axis(p, over(last, p), axis=1)[:, 0]


def _max(p: Array, mask: Valid | None) -> Array:
    if mask is None:
        return jnp.max(p, axis=1)
    some = jnp.any(mask, axis=1)  # of no step there is no greatest: such a sample has no weight, but a number
    return jnp.max(jnp.where(over(mask | ~some[:, None], p), p, -jnp.inf), axis=1)


def _sum(p: Array, mask: Valid | None) -> Array:
    return jnp.sum(zeroed(p, mask), axis=1)


def _sum_softmax(p: Array, mask: Valid | None) -> Array:
    return _sum(jax.nn.softmax(p, axis=-1), mask)


def _first_spike(p: Array, mask: Valid | None) -> Array:
    return -time_of_first_spike(p, mask)


_REDUCE: dict[str, Callable[[Array, Valid | None], Array]] = {
    "mean": _mean,
    "last": _last,
    "max": _max,
    "sum": _sum,
    "sum_softmax": _sum_softmax,
    "first_spike": _first_spike,
}
