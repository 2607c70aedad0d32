"""Checks of initializers."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import DTypeLike

from dynplug.testing.demands import close, demand, finite
from dynplug.testing.subject import Subject

_CASES = (((4, 3), jnp.float32), ((3, 4), jnp.float32), ((4, 3), jnp.float64))


def _draw(subject: Subject, seed: int, shape: tuple[int, ...] = (4, 3), dtype: DTypeLike = jnp.float32) -> Any:
    return subject.instance(jax.random.key(seed), shape, dtype)


def gives_shape_and_dtype(subject: Subject) -> None:
    """Arrays have the requested shape and dtype, and are finite."""
    with jax.enable_x64(True):
        for shape, dtype in _CASES:
            array = _draw(subject, 0, shape, dtype)
            demand(array.shape == shape, f"For the shape {shape} it gives {array.shape}.")
            demand(array.dtype == dtype, f"For {np.dtype(dtype)} it gives {array.dtype}.")
            finite(array, f"an array of shape {shape}")


def is_constant(subject: Subject) -> bool:
    """Whether all entries are the same."""
    return len(np.unique(_draw(subject, 0))) == 1


def same_key_same_array(subject: Subject) -> None:
    """The same key gives the same array."""
    first = _draw(subject, 0)
    _draw(subject, 1)
    close(_draw(subject, 0), first, "two arrays with one key", rtol=0.0)


def other_key_other_array(subject: Subject) -> None:
    """Different keys give different arrays, unless all entries are the same constant."""
    one, other = _draw(subject, 0), _draw(subject, 1)
    demand(not np.array_equal(one, other), "Two keys give the same array: the key is not used.")
