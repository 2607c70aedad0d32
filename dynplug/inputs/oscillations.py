"""Inputs that oscillate."""

from typing import Any

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from dynplug.core import Context, Parameter, param
from dynplug.inputs.input import Input, Time, as_time


def sine(amplitude: Any, frequency: Time, phase: Any = 0.0) -> Input:
    r"""A sine, accurate to a millionth of a cycle however long the run; `sine(...).between(100.0, 200.0)` lasts 100 ms.

    $$I(t) = A \sin 2\pi(ft + \varphi)$$

    ```python
    I = dp.inputs.sine(2.0, 0.01).sample(100.0, dt=1.0)     # 10 Hz for 100 ms: a cycle
    assert np.allclose(I, 2.0 * np.sin(2 * np.pi * np.arange(100) / 100), atol=1e-5)
    ```

    **Arguments:**

    - `amplitude`: $A$, a number, or one per unit [nA].
    - `frequency`: $f$ [kHz].
    - `phase`: $\varphi$, a number, or one per unit: 0.25 makes it a cosine [cycles].

    **Raises:** `ParameterError`.
    """
    return Sine(as_time("frequency", frequency), amplitude, phase)


def chirp(amplitude: Any, first: Any, last: Any, start: Time, stop: Time) -> Input:
    r"""A sine whose frequency changes linearly from `start` until `stop`, else 0, as is used to measure impedances.

    $$I(t) = A \sin 2\pi\left(f_1 s + \frac{f_2 - f_1}{2}\,\frac{s^2}{T}\right), \qquad
      s = t - t_\mathrm{start}, \quad T = t_\mathrm{stop} - t_\mathrm{start}$$

    The phase has the precision of its dtype: in single precision $10^{-7}$ of the number of cycles.

    ```python
    I = dp.inputs.chirp(1.0, 0.0, 0.1, 0.0, 1000.0).sample(1000.0, dt=1.0)     # from 0 to 100 Hz in 1 s
    crossings = np.flatnonzero(np.diff(np.sign(I[1:])))
    assert abs(len(crossings) - 2 * 50) <= 1     # 50 cycles
    ```

    **Arguments:**

    - `amplitude`: $A$, a number, or one per unit [nA].
    - `first`: $f_1$, the frequency at `start`, a number, or one per unit [kHz].
    - `last`: $f_2$, the frequency at `stop` [kHz].
    - `start`: the time at which it begins [ms].
    - `stop`: the time at which it ends [ms].

    **Raises:** `ParameterError`.
    """
    start, stop = as_time("start", start), as_time("stop", stop)
    return Chirp(start, stop, amplitude, first, last).between(start, stop)


class Sine(Input):
    """A sine of one frequency."""

    frequency: float = eqx.field(static=True)
    amplitude: Parameter = param()
    phase: Parameter = param()

    def __call__(self, ctx: Context) -> Array:
        cycles = ctx.phase(self.frequency) + jnp.asarray(self.phase, ctx.dtype)
        return jnp.asarray(self.amplitude, ctx.dtype) * _sine(cycles)


class Chirp(Input):
    """A sine of a frequency that changes."""

    start: float = eqx.field(static=True)
    stop: float = eqx.field(static=True)
    amplitude: Parameter = param()
    first: Parameter = param()
    last: Parameter = param()

    def __call__(self, ctx: Context) -> Array:
        first, last = (jnp.asarray(frequency, ctx.dtype) for frequency in (self.first, self.last))
        s = ctx.since(self.start)
        cycles = s * (first + (last - first) * (s / (2.0 * (self.stop - self.start))))
        return jnp.asarray(self.amplitude, ctx.dtype) * _sine(cycles)


def _sine(cycles: Float[Array, "..."]) -> Float[Array, "..."]:
    return jnp.sin(2.0 * jnp.pi * (cycles - jnp.floor(cycles)))
