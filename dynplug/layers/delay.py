"""A fixed delay."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jax.typing import DTypeLike
from jaxtyping import Array, PyTree, Shaped

from dynplug.core import Context, Sized, as_number, as_size, check_number, dynplug_delay_step
from dynplug.errors import DurationError, OptionError, ParameterError, ShapeError, StateError


class DelayState(eqx.Module):
    """A ring buffer of the last values: that of step `i` is in row `i % (d + 1)`."""

    buffer: Shaped[Array, "..."]


def _one_time(time: object) -> float:
    try:
        return as_number("time", time)
    except OptionError as error:
        raise ParameterError(
            f"Delay(time={time!r}): give one finite number [ms] for all units. Where delays "
            "differ, give the units of each delay a Delay of their own, in a system of yours."
        ) from error


class Delay(Sized):
    r"""The output is the input of exactly `time` ago.

    $$y(t) = x(t - \tau)$$

    Before the first value arrives it is `initial`. In a loop over time, a delay outside of a recurrence costs no more
    than a shift; one in a recurrence lets the loop run in blocks of its length.

    ```python
    _, y = dp.LoopOverTime(dp.layers.Delay(1, 2.0), dt=1.0)(jnp.array([[1.0], [2.0], [3.0], [4.0]]))
    assert y[:, 0].tolist() == [0.0, 0.0, 1.0, 2.0]
    ```

    **Arguments:**

    - `size`: the shape of the values.
    - `time`: the delay $\tau$ [ms]; a multiple of the step to 1 %.
    - `initial`: the output before the first value arrives, a number [-].
    - `dtype`: the dtype of the values; by default that of states.

    **Raises:** `DurationError` if `time` is not a whole number of steps; `ShapeError`; `StateError` for the state of
    another delay.

    **Reference:** Morrison, A. et al. (2005), Advancing the boundaries of high-connectivity network simulation with
    distributed computing, doi:10.1162/0899766054026648.
    """

    size: tuple[int, ...] = eqx.field(static=True, converter=as_size)
    time: float = eqx.field(static=True, converter=_one_time)
    initial: float = eqx.field(static=True, default=0.0)
    dtype: DTypeLike | None = eqx.field(static=True, default=None)

    def __check_init__(self) -> None:
        check_number("Delay: initial", self.initial)

    def steps(self, dt: float) -> int:
        """The delay in steps of `dt` [ms]."""
        exact = self.time / dt
        count = round(exact)
        if self.time < 0 or abs(count - exact) > 0.01 * exact:
            raise DurationError(
                f"A delay of {self.time} ms is {exact:g} steps of dt={dt} ms: rounding would change it by over 1 %. "
                "Give a delay that is a multiple of dt, or a smaller dt."
            )
        return count

    def init_state(self, ctx: Context) -> DelayState:
        dtype = ctx.dtype if self.dtype is None else self.dtype
        return DelayState(jnp.full((self.steps(ctx.dt) + 1, *self.size), self.initial, dtype))

    def update(self, state: DelayState, x: PyTree, ctx: Context) -> tuple[DelayState, Array]:
        x = jnp.asarray(x)
        if x.shape != self.size:
            raise ShapeError(f"{ctx.path or 'The delay'} holds values of shape {self.size}, but was given {x.shape}.")
        steps = self.steps(ctx.dt)
        if state.buffer.shape[0] != steps + 1:
            raise StateError(
                f"{ctx.path or 'The delay'} takes {steps} steps of dt={ctx.dt} ms, but its state holds the values of "
                f"{state.buffer.shape[0] - 1}: it is that of another delay, or of a run with another dt."
            )
        buffer, y = dynplug_delay_step(state.buffer, x.astype(state.buffer.dtype), ctx.i)
        return DelayState(buffer), y

    def past(self, state: DelayState, time: float, ctx: Context) -> Array:
        """The value `time` [ms] before the latest one, from 0 to the length of the delay."""
        back, rows = Delay(self.size, time).steps(ctx.dt), state.buffer.shape[0]
        if not 0 <= back < rows:
            raise DurationError(f"{time} ms ago is outside of what the delay holds, 0 to {self.time} ms.")
        return jax.lax.dynamic_index_in_dim(state.buffer, jnp.mod(ctx.i - 1 - back, rows), 0, keepdims=False)
