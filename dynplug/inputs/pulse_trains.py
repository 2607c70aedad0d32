"""Trains of pulses."""

from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from dynplug.core import Context, Parameter, as_times, first_steps, param
from dynplug.errors import DurationError, ParameterError
from dynplug.inputs.input import Input, Time, as_time


def pulses(amplitude: Any, times: object, width: Time) -> Input:
    r"""Rectangular pulses at given times: `pulses(1.0, np.arange(0.0, 1000.0, 25.0), 2.0)` is a train of 40 Hz.

    $$I(t) = A \quad \text{for } t_k \le t < t_k + w, \text{ for any } k$$

    Pulses that overlap do not add. A step costs the same for a few pulses as for thousands.

    ```python
    I = dp.inputs.pulses(1.0, np.arange(0.0, 100.0, 25.0), 2.0).sample(100.0, dt=1.0)     # 40 Hz
    assert np.flatnonzero(I).tolist() == [0, 1, 25, 26, 50, 51, 75, 76]
    ```

    **Arguments:**

    - `amplitude`: $A$, a number, or one per unit [nA].
    - `times`: $t_k$, the times at which pulses begin, in any order [ms].
    - `width`: $w$, the duration of a pulse [ms].

    **Raises:** `ParameterError`; `DurationError`, when it is used, for a pulse in which no step begins.
    """
    return Pulses(times, width, amplitude)


class Pulses(Input):
    """Pulses that begin at sorted times."""

    times: tuple[float, ...] = eqx.field(static=True, converter=lambda t: tuple(sorted(as_times("times", t))))
    width: float = eqx.field(static=True, converter=lambda w: as_time("width", w))
    amplitude: Parameter = param()

    def __check_init__(self) -> None:
        if not self.times or self.width <= 0.0:
            raise ParameterError(
                f"pulses(times={self.times}, width={self.width}): give one time or more, and a width above zero [ms]."
            )

    def __call__(self, ctx: Context) -> Array:
        times = np.asarray(self.times)
        first, end = (first_steps(t, ctx.t0, ctx.dt) for t in (times, times + self.width))
        if np.any(first == end):
            raise DurationError(
                f"The pulse at {times[first == end][0]} ms, of {self.width} ms, falls between two steps of "
                f"dt={ctx.dt} ms: give a width of a step or more."
            )
        latest = jnp.searchsorted(jnp.asarray(first), ctx.i, side="right") - 1  # the last pulse that has begun
        on = (latest >= 0) & (ctx.i < jnp.asarray(end)[latest])
        value = jnp.asarray(self.amplitude, ctx.dtype)
        return jnp.where(on, value, jnp.zeros_like(value))
