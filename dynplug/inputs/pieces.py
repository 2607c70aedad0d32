"""Inputs that are constant or linear in pieces."""

from typing import Any

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array

from dynplug.core import Context, Parameter, param
from dynplug.inputs.input import Constant, Input, Time, as_time


def constant(amplitude: Any) -> Input:
    """The same at all times.

    ```python
    I = dp.inputs.constant(0.5) + dp.inputs.step(1.0, 5.0)
    assert np.allclose(I.sample(10.0, dt=1.0), [0.5] * 5 + [1.5] * 5)     # [nA]
    ```

    **Arguments:**

    - `amplitude`: a number, or one per unit [nA].
    """
    return Constant(amplitude)


def step(amplitude: Any, start: Time, stop: Time | None = None) -> Input:
    r"""A value from `start` until `stop`, else 0.

    $$I(t) = A \quad \text{for } t_\mathrm{start} \le t < t_\mathrm{stop}$$

    ```python
    I = dp.inputs.step(2.0, 3.0, 6.0).sample(10.0, dt=1.0)
    assert I.tolist() == [0.0] * 3 + [2.0] * 3 + [0.0] * 4     # [nA]
    ```

    **Arguments:**

    - `amplitude`: $A$, a number, or one per unit [nA].
    - `start`: the time at which it begins [ms].
    - `stop`: the time at which it ends; `None` for never [ms].

    **Raises:** `ParameterError`.
    """
    return Constant(amplitude).between(start, stop)


def ramp(first: Any, last: Any, start: Time, stop: Time) -> Input:
    r"""A linear change from `start` until `stop`, else 0: `ramp(0, 1, 10, 20) + step(1, 20)` goes up and stays.

    $$I(t) = A + (B - A)\,\frac{t - t_\mathrm{start}}{t_\mathrm{stop} - t_\mathrm{start}}
      \quad \text{for } t_\mathrm{start} \le t < t_\mathrm{stop}$$

    ```python
    I = (dp.inputs.ramp(0.0, 1.0, 2.0, 6.0) + dp.inputs.step(1.0, 6.0)).sample(8.0, dt=1.0)
    assert np.allclose(I, [0.0, 0.0, 0.0, 0.25, 0.5, 0.75, 1.0, 1.0])     # goes up and stays
    ```

    **Arguments:**

    - `first`: $A$, the value at `start`, a number, or one per unit [nA].
    - `last`: $B$, that at `stop` [nA].
    - `start`: the time at which it begins [ms].
    - `stop`: the time at which it ends [ms].

    **Raises:** `ParameterError`.
    """
    start, stop = as_time("start", start), as_time("stop", stop)
    return Line(start, stop, first, last).between(start, stop)


class Line(Input):
    """A straight line through two points."""

    start: float = eqx.field(static=True)
    stop: float = eqx.field(static=True)
    first: Parameter = param()
    last: Parameter = param()

    def __call__(self, ctx: Context) -> Array:
        first, last = (jnp.asarray(value, ctx.dtype) for value in (self.first, self.last))
        return first + (last - first) * (ctx.since(self.start) / (self.stop - self.start))
