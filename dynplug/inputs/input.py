"""Inputs as functions of time, and their arithmetic."""

from abc import abstractmethod
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, PRNGKeyArray

from dynplug.core import (
    Context,
    Parameter,
    as_dt,
    as_t0,
    as_times,
    check_key,
    check_parameters,
    first_steps,
    param,
    step_count,
)
from dynplug.errors import ParameterError

Time = int | float | np.number
"""A time [ms] or a frequency [kHz] that is known at compile time."""


class Input(eqx.Module):
    """A function of the context: its value in a step, one number or one per unit. The functions of `dp.inputs` make it.

    `a + b`, `a - b`, `a * b` and `-a` are inputs again, also with numbers or arrays in the place of one of them. Parts
    that draw random numbers draw their own.

    ```python
    class Sawtooth(dp.inputs.Input):     # one of your own
        period: float

        def __call__(self, ctx):
            return jnp.mod(ctx.t, self.period) / self.period

    I = (2.0 * Sawtooth(20.0) + 0.5).sample(100.0, dt=0.1)
    assert np.isclose(I[150], 2.0 * 15.0 / 20.0 + 0.5)     # at 15 ms
    ```
    """

    __array_ufunc__ = None  # so that NumPy leaves `array * input` to `__rmul__`

    @abstractmethod
    def __call__(self, ctx: Context) -> Array:
        """The value in the step of a context, of the dtype `ctx.dtype`."""

    def __check_init__(self) -> None:
        check_parameters(self)

    def between(self, start: Time | None = None, stop: Time | None = None) -> "Input":
        """The same from `start` until `stop` [ms], and 0 at all other times; `None` for no limit."""
        return Windowed(self, start, stop)

    def sample(self, duration: float, *, dt: float, t0: float = 0.0, key: PRNGKeyArray | None = None) -> Array:
        """The values in all steps, (time, ...).

        **Arguments:**

        - `duration`: their duration, a multiple of the step [ms].
        - `dt`: the step [ms].
        - `t0`: the time at step 0 [ms].
        - `key`: a `jax.random.key` for noise.
        """
        check_key(key)
        dt, t0, dtype = as_dt(dt), as_t0(t0), jnp.result_type(float)

        def at(i: Array) -> Array:
            own = None if key is None else jax.random.fold_in(key, i)
            return self(Context(dt=dt, t=t0 + i.astype(dtype) * dt, i=i, key=own, dtype=dtype, t0=t0))

        return jax.vmap(at)(jnp.arange(step_count(duration, dt), dtype=jnp.int32))

    def __add__(self, other: object) -> "Input":
        return Combined(jnp.add, self, _as_input(other))

    def __radd__(self, other: object) -> "Input":
        return Combined(jnp.add, _as_input(other), self)

    def __sub__(self, other: object) -> "Input":
        return Combined(jnp.subtract, self, _as_input(other))

    def __rsub__(self, other: object) -> "Input":
        return Combined(jnp.subtract, _as_input(other), self)

    def __mul__(self, other: object) -> "Input":
        return Combined(jnp.multiply, self, _as_input(other))

    def __rmul__(self, other: object) -> "Input":
        return Combined(jnp.multiply, _as_input(other), self)

    def __neg__(self) -> "Input":
        return -1.0 * self


class Constant(Input):
    """The same value in all steps."""

    value: Parameter = param()

    def __call__(self, ctx: Context) -> Array:
        return jnp.asarray(self.value, ctx.dtype)


class Combined(Input):
    """Two inputs joined by an operation."""

    operation: Callable[[Array, Array], Array] = eqx.field(static=True)
    first: Input
    second: Input

    def __call__(self, ctx: Context) -> Array:
        # each in a context of its own, so that two of them never draw the same numbers
        return self.operation(self.first(ctx.child("first")), self.second(ctx.child("second")))


class Windowed(Input):
    """An input within a window of time."""

    inner: Input
    start: float | None = eqx.field(static=True, converter=lambda time: _limit("start", time))
    stop: float | None = eqx.field(static=True, converter=lambda time: _limit("stop", time))

    def __check_init__(self) -> None:
        if self.start is not None and self.stop is not None and self.start >= self.stop:
            raise ParameterError(f"start={self.start} ms must come before stop={self.stop} ms.")

    def __call__(self, ctx: Context) -> Array:
        value, on = self.inner(ctx), jnp.asarray(True)
        if self.start is not None:
            on &= ctx.i >= first_steps(self.start, ctx.t0, ctx.dt)
        if self.stop is not None:
            on &= ctx.i < first_steps(self.stop, ctx.t0, ctx.dt)
        return jnp.where(on, value, jnp.zeros_like(value))


def as_time(name: str, given: object) -> float:
    """A time or a frequency, which is known at compile time.

    **Raises:** `ParameterError` unless it is a finite number of Python or NumPy.
    """
    if isinstance(given, bool) or not isinstance(given, (int, float, np.number)) or not np.isfinite(given):
        raise ParameterError(
            f"{name}={given!r} must be a finite number of Python or NumPy, as times are known at compile time. "
            "Amplitudes may be arrays, with one value per unit."
        )
    return as_times(name, [given])[0]


def _limit(name: str, given: object) -> float | None:
    return None if given is None else as_time(name, given)


def _as_input(given: Any) -> Input:
    return given if isinstance(given, Input) else Constant(given)
