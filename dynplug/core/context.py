"""The context of a step: time, randomness, phase and the user's shared arguments."""

import math
import zlib
from collections.abc import Mapping
from fractions import Fraction
from typing import TYPE_CHECKING

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike, DTypeLike
from jaxtyping import Array, Bool, Float, Int, PRNGKeyArray, PyTree

from dynplug.core.no_time import NoTime
from dynplug.core.numbers import as_number
from dynplug.core.times import in_steps
from dynplug.core.uncompiled import to_jax
from dynplug.errors import KeyRequiredError

if TYPE_CHECKING:
    Time = Float[Array, ""]
    Index = Int[Array, ""]
else:
    Time = Float[Array, ""] | NoTime
    Index = Int[Array, ""] | NoTime


class Context(eqx.Module):
    """Time, randomness and phase of one step, which other libraries keep in globals.

    Runners create it; a container gives each of its children `ctx.child(name)`.

    ```python
    ctx = dp.Context(dt=0.1, key=jax.random.key(0))
    state, out = dp.neurons.LIF(3).update(dp.neurons.LIF(3).init_state(ctx), 1.0, ctx)     # one step without a runner
    ```

    **Arguments:**

    - `dt`: the length of the step [ms]; known at compile time.
    - `t`: the time at the start of the step [ms], a scalar of the states' dtype. In a run so long that this cannot tell
        one step from the next, reading it raises `OptionError`; `phase` and `since` stay exact.
    - `i`: the index of the step.
    - `key`: a `jax.random.key`; without one, stochastic systems raise `KeyRequiredError`.
    - `fit`: whether a trainer is fitting the model; read by dropout and the like, never by physics.
    - `shared`: the user's own arguments, shared by all systems.
    - `dtype`: the floating dtype of states.
    - `path`: the path of the system within the model, for messages.
    - `batch`: the name of the axis of samples where there is one, for `jax.lax.pmean` and the like; names, where the
        samples are on several devices.
    - `valid`: whether the step of this sample counts; `None` where all do. Steps that were added as padding do not.
    - `t0`: the time at step 0 [ms]; by default the one for which step `i` starts at `t`, which `phase` and `since` rely
        on.
    """

    t: Time
    i: Index
    key: PRNGKeyArray | None
    shared: Mapping[str, PyTree]
    valid: Bool[Array, ""] | None
    dt: float = eqx.field(static=True)
    fit: bool = eqx.field(static=True)
    dtype: np.dtype = eqx.field(static=True)
    path: str = eqx.field(static=True)
    t0: float = eqx.field(static=True)
    batch: str | tuple[str, ...] | None = eqx.field(static=True)

    def __init__(
        self,
        *,
        dt: float,
        t: ArrayLike | NoTime = 0.0,
        i: ArrayLike | NoTime = 0,
        key: PRNGKeyArray | None = None,
        fit: bool = False,
        shared: Mapping[str, PyTree] | None = None,
        dtype: DTypeLike | None = None,
        path: str = "",
        t0: float = 0.0,
        batch: str | tuple[str, ...] | None = None,
        valid: Bool[Array, ""] | None = None,
    ):
        self.dt = dt
        self.dtype = np.dtype(jnp.result_type(float) if dtype is None else dtype)
        self.t = _known(t, self.dtype)
        self.i = _known(i, jnp.int32)
        self.key = key
        self.fit = fit
        self.shared = {} if shared is None else shared
        self.path = path
        self.t0 = t0
        self.batch = batch
        self.valid = valid

    def child(self, name: str) -> "Context":
        """The context of the child `name`, with a longer path and a key of its own."""
        return Context(
            dt=self.dt,
            t=self.t,
            i=self.i,
            key=None if self.key is None else jax.random.fold_in(self.key, zlib.crc32(name.encode())),
            fit=self.fit,
            shared=self.shared,
            dtype=self.dtype,
            path=f"{self.path}.{name}" if self.path else name,
            t0=self.t0,
            batch=self.batch,
            valid=self.valid,
        )

    def batch_mean(self, x: Array) -> Array:
        """The mean over those samples of the batch whose step counts, 0 where none does; `x` itself without a batch.

        With it an output depends on the other samples: where that is not meant for predictions, too, read `ctx.fit`,
        and keep running statistics.

        **Arguments:**

        - `x`: an array, of the same shape for all samples.
        """
        if self.batch is None:
            return x
        if self.valid is None:
            return jax.lax.pmean(x, self.batch)
        count = jax.lax.psum(self.valid.astype(x.dtype), self.batch)
        return jax.lax.psum(jnp.where(self.valid, x, 0), self.batch) / jnp.maximum(count, 1)

    def phase(self, frequency: float) -> Float[Array, ""]:
        """The phase of an oscillation at the start of the step, in cycles, from 0 to 1; at the time 0 ms it is 0.

        It is computed from the step's index in integers, and accurate to 1e-6 cycles after any number of steps, where
        `frequency * ctx.t` loses digits: `jnp.sin(2 * jnp.pi * ctx.phase(0.04))` is a sine of 40 Hz.

        **Arguments:**

        - `frequency`: a Python number [kHz].

        **Raises:** `OptionError` for a traced frequency, such as an array in a field of a model: if it is swept,
        trained or different for each unit, keep the phase in the state, or use `frequency * ctx.t` while that is
        accurate enough.
        """
        frequency = as_number(self._called("frequency"), frequency)
        a_step, start = (_turns(frequency * ms) for ms in (self.dt, self.t0))
        return _cycles(jnp.asarray(self.i, jnp.uint32), a_step, start).astype(self.dtype)

    def since(self, time: float) -> Float[Array, ""]:
        """The time from `time` to the start of the step [ms]; negative before it.

        It is computed from the step's index, with a rounding error relative to its own size, where that of
        `ctx.t - time` is relative to `ctx.t`: `ctx.since(5e5) >= 0.0` from the step that begins at 500 s.

        **Arguments:**

        - `time`: a Python number [ms].

        **Raises:** `OptionError` for a traced time.
        """
        steps = float(in_steps(as_number(self._called("time"), time), self.t0, self.dt))
        whole = min(max(math.floor(steps), 0), 2**31 - 1)  # times before or after all steps are far away
        passed = jnp.asarray(self.i, jnp.int32) - whole
        wide = passed.astype(float) * self.dt - (steps - whole) * self.dt  # a number of steps may not fit float16
        return wide.astype(self.dtype)

    def _called(self, argument: str) -> str:
        return f"{self.path}: {argument}" if self.path else argument

    def random_key(self) -> PRNGKeyArray:
        """The step's key, or `KeyRequiredError`. Use it once; split it if you need more."""
        if self.key is None:
            raise KeyRequiredError(
                f"{self.path or 'This system'} is stochastic and was given no random key: pass key=jax.random.key(0) "
                "to the runner."
            )
        return self.key


def _turns(cycles: float) -> tuple[int, int]:
    """The fractional part of a number in units of 2^-64, as its upper and lower 32-bit words."""
    fraction = Fraction(cycles) % 1
    return divmod(round(fraction * 2**64) % 2**64, 2**32)


def _cycles(i: Array, a_step: tuple[int, int], start: tuple[int, int]) -> Array:
    """`i * a_step + start` modulo 1, to 32 bits: the upper word of a 32-by-64-bit product, from 16-bit halves."""
    (high, low), half = a_step, jnp.uint32(16)
    i1, i0 = i >> half, i & jnp.uint32(0xFFFF)
    low1, low0 = jnp.uint32(low >> 16), jnp.uint32(low & 0xFFFF)
    middle = i1 * low0 + ((i0 * low0) >> half)
    carried = i1 * low1 + (middle >> half) + ((i0 * low1 + (middle & jnp.uint32(0xFFFF))) >> half)
    word = i * jnp.uint32(high) + carried + jnp.uint32(start[0])
    return (word >> jnp.uint32(8)).astype(float) * 2.0**-24


def _known(value: ArrayLike | NoTime, dtype: DTypeLike) -> Time | Index:
    """A time or an index as an array, or `NoTime`, of which type checkers are not told."""
    if isinstance(value, (int, float)):
        return to_jax(np.asarray(value, dtype))
    return value if isinstance(value, NoTime) else jnp.asarray(value, dtype)  # pyright: ignore[reportReturnType]
