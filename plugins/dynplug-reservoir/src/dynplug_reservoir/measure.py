"""What a trainer logs."""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax.numpy as jnp
import numpy as np

import dynplug as dp
from dynplug_reservoir.data import has_time, swap


class Measure:
    """A loss or metric by name, called with outputs and targets, batch first, and their first steps left out.

    **Arguments:**

    - `given`: a registered name, a configuration, or `f(predicts, targets) -> scalar`, which gets both in the axes of
        the data unless marked by `dynplug.losses.batch_first`.
    - `kind`: `"loss"` or `"metric"`.
    - `name`: what it is logged as; by default its own name.
    """

    def __init__(self, given: Any, kind: str, name: str = ""):
        given = {"type": given} if isinstance(given, str) else given
        registered = isinstance(given, dict)
        self.function: Callable[[Any, Any], Any] = dp.build(given, kind=kind) if registered else given
        if not callable(self.function):
            raise dp.errors.OptionError(
                f"{kind}={given!r} is neither a registered name nor a function of (predicts, targets)."
            )
        called = given.get("type", "") if registered else getattr(given, "__name__", type(given).__name__)
        self.name = name or called
        below = given.func if isinstance(given, partial) else given
        self.batch_first = registered or getattr(below, "batch_first", False)

    def __call__(self, outputs: Any, y: np.ndarray, washout: int, axis: str) -> float:
        """The value for outputs (batch, time, ...) and the targets, from step `washout` on."""
        targets = jnp.asarray(y[:, washout:] if has_time(y, outputs) else y)
        predicts = jnp.asarray(outputs[:, washout:])
        if not self.batch_first:
            predicts, targets = swap(predicts, axis), swap(targets, axis)
        return float(self.function(predicts, targets))
