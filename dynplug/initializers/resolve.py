"""Initial arrays from any of the forms that users give."""

import inspect
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jax.typing import DTypeLike
from jaxtyping import Array, PRNGKeyArray, PyTree

from dynplug.core import is_real, to_jax, uncompiled
from dynplug.errors import KeyRequiredError, ParameterError


def initialize(initializer: object, shape: tuple[int, ...], *, key: PRNGKeyArray | None, name: str) -> Array | None:
    """An array of a shape, of the default floating dtype unless an array fixes it.

    ```python
    W = dp.initializers.initialize(dp.initializers.Normal(0.1), (2, 3), key=jax.random.key(0), name="W")
    b = dp.initializers.initialize(0.5, (2,), key=None, name="b")     # a number, for all entries
    assert W.shape == (2, 3) and b.tolist() == [0.5, 0.5]
    ```

    **Arguments:**

    - `initializer`: an array, used as it is; a number, for all entries; a callable of the shape, or of
        `(key, shape, dtype)`; or `None`, for no array at all.
    - `shape`: the shape that the array must have.
    - `key`: a `jax.random.key` for callables that take one.
    - `name`: the name of the array, for messages.

    **Raises:** `ParameterError` for a wrong shape, or what is no finite number; `KeyRequiredError`.
    """
    if initializer is None:
        return None
    dtype = jnp.result_type(float)
    if callable(initializer):
        value = _call(initializer, shape, dtype, key, name)
    elif np.ndim(_checked(initializer, name)) == 0 and not isinstance(initializer, jax.Array):
        value = uncompiled(jnp.full, shape, initializer, dtype)
    else:
        value = to_jax(initializer)
        value = value if jnp.issubdtype(value.dtype, jnp.inexact) else value.astype(dtype)
    if jnp.shape(value) != shape:
        raise ParameterError(f"{name} has shape {jnp.shape(value)}, but {shape} is needed.")
    return value


def required(initializer: object, shape: tuple[int, ...], *, key: PRNGKeyArray | None, name: str) -> Array:
    """As `initialize`, for an array that a layer requires."""
    value = initialize(initializer, shape, key=key, name=name)
    if value is None:
        raise ParameterError(f"{name} cannot be left out; None is for optional arrays such as a bias.")
    return value


def per_connection(initializer: object, count: int, out_size: int, *, key: PRNGKeyArray | None, name: str) -> Array:
    """One value for each of `count` connections onto `out_size` units.

    Random ones are drawn as a matrix (rows, mean in-degree), row by row, so that their scale fits the inputs of a unit.

    **Arguments:** `initializer`, `key` and `name` as for `initialize`.
    """
    if not callable(initializer):
        return required(initializer, (count,), key=key, name=name)
    columns = max(1, round(count / out_size))
    rows = max(1, -(-count // columns))
    drawn = required(initializer, (rows, columns), key=key, name=f"{name} as (rows, mean in-degree)")
    return drawn.ravel()[:count]


def _checked(given: PyTree, name: str) -> PyTree:
    """Numbers that are given, checked unless they are traced."""
    values = jax.tree.leaves(given)
    if any(isinstance(one, Tracer) for one in values):
        return given
    if isinstance(given, str) or not values or not all(is_real(one) for one in values):
        hint = " By its name an initializer is made with dynplug.build." if isinstance(given, str) else ""
        raise ParameterError(f"{name} takes numbers, or an initializer; got {given!r:.80}.{hint}")
    if not np.all(np.isfinite(given)):
        raise ParameterError(f"{name} takes finite numbers; got {np.ravel(given)[~np.isfinite(np.ravel(given))][0]}.")
    return given


def _call(
    initializer: Callable[..., PyTree], shape: tuple[int, ...], dtype: DTypeLike, key: PRNGKeyArray | None, name: str
) -> Array:
    required = [
        p
        for p in inspect.signature(initializer).parameters.values()
        if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD) and p.default is p.empty
    ]
    if len(required) == 1:
        return uncompiled(lambda: jnp.asarray(initializer(shape), dtype))
    if key is None and getattr(initializer, "is_random", True):
        raise KeyRequiredError(f"{name} is drawn at random: pass key=jax.random.key(0).")
    if key is not None and not isinstance(key, jax.Array):
        raise KeyRequiredError(f"{name} is drawn with a key; got key={key!r}: pass key=jax.random.key(0).")
    return uncompiled(initializer, key, shape, dtype)
