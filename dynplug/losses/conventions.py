"""The axes of losses, batch first, then time; and reductions over time."""

import inspect
from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from dynplug.errors import DataError, ParameterError, nearest

Function = TypeVar("Function", bound=Callable[..., Any])

_REDUCE: dict[str, Callable[[Array], Array]] = {
    "mean": partial(jnp.mean, axis=1),
    "last": lambda predicts: predicts[:, -1],
    "max": partial(jnp.max, axis=1),
    "sum": partial(jnp.sum, axis=1),
}


def batch_first(function: Function) -> Function:
    """Mark a function of (predicts, targets) as reading (batch, time, ...), so that trainers pass arrays that way."""
    function.batch_first = True  # pyright: ignore[reportFunctionMemberAccess]
    return function


def is_batch_first(function: Any) -> bool:
    """Whether a function, or the one below a `functools.partial`, is marked by `batch_first`."""
    return getattr(function_of(function), "batch_first", False)


def takes_weights(function: Any) -> bool:
    """Whether a function has an argument `sample_weight`, and is therefore a weighted mean over samples."""
    return is_batch_first(function) and "sample_weight" in inspect.signature(function_of(function)).parameters


def function_of(function: Any) -> Any:
    """A function, or the one below the `functools.partial`s that bind its options."""
    return function_of(function.func) if isinstance(function, partial) else function


def align(
    predicts: Float[Array, "batch time ..."], targets: Array, reduce_time: str
) -> tuple[Float[Array, "..."], Float[Array, "..."]]:
    """Predictions and targets of one shape: predictions are reduced over time if targets have no time axis.

    Whether they have one follows from their rank, never from lengths.
    """
    if targets.ndim == predicts.ndim - 1:
        predicts = without_time(predicts, reduce_time)
    if predicts.shape != targets.shape:
        raise DataError(f"Targets of shape {targets.shape} do not fit predictions of shape {predicts.shape}.")
    return predicts, targets.astype(predicts.dtype)


def without_time(predicts: Float[Array, "batch time ..."], reduce_time: str) -> Float[Array, "batch ..."]:
    """Predictions without their time axis."""
    if reduce_time not in _REDUCE:
        raise ParameterError(f"Unknown reduce_time {reduce_time!r}. {nearest(reduce_time, _REDUCE)}")
    return _REDUCE[reduce_time](predicts)


def optax_rules() -> Any:
    """The dtype promotion that optax expects; all code of dynplug is strict."""
    return jax.numpy_dtype_promotion("standard")
