"""Inputs that are constant or linear in pieces."""

from typing import Any

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array

from dynplug.core import Context, Parameter, param
from dynplug.inputs.input import Constant, Input, Time, as_time


def constant(amplitude: Any) -> Input:
    """The same at all times.

    **Arguments:**

    - `amplitude`: a number, or one per unit [nA].
    """
    return Constant(amplitude)


def step(amplitude: Any, start: Time, stop: Time | None = None) -> Input:
    r"""A value from `start` until `stop`, else 0.

    $$I(t) = A \quad \text{for } t_\mathrm{start} \le t < t_\mathrm{stop}$$

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
