"""Checks of the values that an encoder is given, on the host."""

from collections.abc import Sequence

import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jax.typing import ArrayLike
from jaxtyping import Array

from dynplug.core import to_jax
from dynplug.errors import DataError


def encodable(encoder: object, x: ArrayLike | Sequence[object]) -> Array:
    """Values as an array; traced ones as they are.

    **Raises:** `DataError` for values that are not numbers from 0 to 1.
    """
    given = to_jax(np.asarray(x, jnp.result_type(float))) if isinstance(x, np.ndarray) else jnp.asarray(x, float)
    if not isinstance(given, Tracer):
        values = np.asarray(given)
        refuse(encoder, given, ~((values >= 0.0) & (values <= 1.0)), "values from 0 to 1: scale them, as x / x.max()")
    return given


def refuse(encoder: object, x: Array, bad: ArrayLike, wanted: str) -> None:
    """Raise `DataError`, naming the first value that cannot be encoded."""
    if isinstance(bad, Tracer) or not np.any(np.asarray(bad)):
        return
    where = np.argwhere(np.asarray(bad))
    at = f" at index {where[0].tolist()}" if where.shape[1] else ""
    value = np.asarray(x)[tuple(where[0])]
    raise DataError(
        f"{type(encoder).__name__} takes {wanted}. Got {value:g}{at}, and {len(where) - 1} more of {x.size} values."
    )
