"""What a trainer minimises and what it logs: names and callables in, one form out."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array

from dynplug.errors import DataError, OptionError
from dynplug.losses.axes import is_batch_first
from dynplug.plugin import build
from dynplug.run.axes import DataAxis


@dataclass(frozen=True)
class Measure:
    """A loss or metric, and whether it reads (batch, time, ...) whatever the axes of the data are."""

    name: str
    function: Callable[[Any, Any], Any]
    batch_first: bool

    def __call__(self, out: Any, targets: Any, axis: DataAxis) -> Any:
        """The value for outputs (time, batch, ...) and targets in the axes of the data."""
        if axis == "T" and not self.batch_first:
            return self.function(out, targets)
        if axis == "T":
            targets = jax.tree.map(lambda y: y if y.ndim == 1 else y.swapaxes(0, 1), targets)
        return self.function(jax.tree.map(lambda a: a.swapaxes(0, 1), out), targets)


@dataclass(frozen=True)
class Objective:
    """A loss to minimise, and metrics to log beside it. Equal ones share compiled programs."""

    loss: Measure
    has_aux: bool
    metrics: tuple[Measure, ...]
    axis: DataAxis

    @classmethod
    def of(cls, loss: Any, has_aux: bool, metrics: Sequence[Any], axis: DataAxis) -> "Objective":
        """The objective that a user described.

        A loss or metric that is registered, or marked by `dynplug.losses.batch_first`, is called batch first. Any
        other callable gets predictions and targets in the axes of the data.

        **Arguments:**

        - `loss`: a registered name, a configuration, or `f(predicts, targets) -> scalar`.
        - `has_aux`: whether the loss returns (scalar, dictionary of values to log).
        - `metrics`: more to log: names, or `f(predicts, targets) -> scalar`.
        - `axis`: `data_first_axis`.
        """
        if isinstance(metrics, str):
            raise OptionError(f"metrics={metrics!r}: give a list of names or functions.")
        return cls(_measure(loss, "loss"), has_aux, tuple(_measure(m, "metric") for m in metrics), axis)

    def __call__(self, out: Any, targets: Any) -> tuple[Array, dict[str, Array]]:
        """The loss, and everything that is logged, the loss included; outputs are (time, batch, ...)."""
        value, aux = self.loss(out, targets, self.axis), {}
        if self.has_aux:
            if not (isinstance(value, tuple) and len(value) == 2 and isinstance(value[1], dict)):
                raise OptionError("With loss_has_aux=True the loss must return (loss, {'name': value}).")
            value, aux = value
        if jnp.shape(value) != ():
            raise DataError(f"The loss must be a scalar; it has shape {jnp.shape(value)}. Take its mean.")
        measured = {metric.name: metric(out, targets, self.axis) for metric in self.metrics}
        return value, jax.lax.stop_gradient({"loss": value, **aux, **measured})


def _measure(given: Any, kind: str) -> Measure:
    if not isinstance(given, (str, dict)):
        if not callable(given):
            raise OptionError(f"{kind}={given!r} is neither a registered name nor a function of (predicts, targets).")
        return Measure(getattr(given, "__name__", type(given).__name__), given, is_batch_first(given))
    return Measure(
        given if isinstance(given, str) else given.get("type", ""), build(given, kind=kind), batch_first=True
    )
