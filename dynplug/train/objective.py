"""What a trainer minimises and what it logs: names and callables in, one form out."""

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array

from dynplug.errors import DataError, OptionError
from dynplug.losses.axes import is_batch_first
from dynplug.plugin import build
from dynplug.run.axes import DataAxis


class Objective:
    """A loss and metrics of outputs (time, batch, ...) and of targets in the data's axes.

    A loss or metric that is registered, or marked by `dynplug.losses.batch_first`, is called batch first whatever the
    data's axes are. Any other callable gets predictions and targets in the data's own axes.

    **Arguments:**

    - `loss`: a registered name, a configuration, or `f(predicts, targets) -> scalar`.
    - `has_aux`: whether the loss returns (scalar, dictionary of values to log).
    - `metrics`: more to log: names, or `f(predicts, targets) -> scalar`.
    - `axis`: `data_first_axis`.
    """

    def __init__(self, loss: Any, has_aux: bool, metrics: Sequence[Any], axis: DataAxis):
        self._loss = _oriented(loss, "loss", axis)
        self._has_aux = has_aux
        if isinstance(metrics, str):
            raise OptionError(f"metrics={metrics!r}: give a list of names or functions.")
        self._metrics = {_name(m): _oriented(m, "metric", axis) for m in metrics}

    def __call__(self, out: Any, targets: Any) -> tuple[Array, dict[str, Array]]:
        """The loss, and everything that is logged, the loss included."""
        value, aux = self._loss(out, targets), {}
        if self._has_aux:
            if not (isinstance(value, tuple) and len(value) == 2 and isinstance(value[1], dict)):
                raise OptionError("With loss_has_aux=True the loss must return (loss, {'name': value}).")
            value, aux = value
        if jnp.shape(value) != ():
            raise DataError(f"The loss must be a scalar; it has shape {jnp.shape(value)}. Take its mean.")
        logged = {"loss": value, **aux, **{name: metric(out, targets) for name, metric in self._metrics.items()}}
        return value, jax.lax.stop_gradient(logged)


def _oriented(function: Any, kind: str, axis: DataAxis) -> Callable[[Any, Any], Any]:
    registered = isinstance(function, (str, dict))
    if registered:
        function = build(function, kind=kind)
        function = function() if isinstance(function, type) else function
    if not callable(function):
        raise OptionError(f"{kind}={function!r} is neither a registered name nor a function of (predicts, targets).")
    batch_first = registered or is_batch_first(function)

    def oriented(out: Any, targets: Any) -> Any:
        if axis == "B":
            return function(_swap(out), targets)
        if batch_first:
            return function(_swap(out), jax.tree.map(lambda y: y if y.ndim == 1 else y.swapaxes(0, 1), targets))
        return function(out, targets)

    return oriented


def _swap(out: Any) -> Any:
    return jax.tree.map(lambda a: a.swapaxes(0, 1), out)


def _name(metric: Any) -> str:
    name = metric.get("type", "") if isinstance(metric, dict) else metric
    return name if isinstance(name, str) else getattr(metric, "__name__", type(metric).__name__)
