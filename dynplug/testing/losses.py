"""Checks of losses and metrics: functions of (predicts, targets), batch first."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from dynplug.testing.compare import close, demand, finite
from dynplug.testing.subject import Skip, Subject

_SHAPE = (4, 5, 3)  # (batch, time, units)
_POINTS = 4
_STEP = 1e-5


def is_a_finite_scalar(subject: Subject) -> None:
    """The value is one finite number, a floating one of the predictions' dtype."""
    predicts, targets = _data(subject)
    value = subject.instance(predicts, targets)
    demand(np.shape(value) == (), f"The value has shape {np.shape(value)}: take its mean.")
    found = jnp.result_type(value)
    demand(found == predicts.dtype, f"The value is {found}, for predictions of {predicts.dtype}.")
    finite(value, "the value")


def is_the_same_compiled(subject: Subject) -> None:
    """The compiled function gives what it gives otherwise."""
    predicts, targets = _data(subject)
    compiled = eqx.filter_jit(lambda p, y: subject.instance(p, y))(predicts, targets)
    close(compiled, subject.instance(predicts, targets), "the value compiled and not")


def ignores_order_of_samples(subject: Subject) -> None:
    """The value does not depend on the order of the samples, which are the first axis."""
    predicts, targets = _data(subject)
    order = np.array([2, 0, 3, 1])
    shuffled = subject.instance(predicts[order], targets[order])
    close(shuffled, subject.instance(predicts, targets), "the value for the samples in another order")


def gradient_matches_differences(subject: Subject) -> None:
    """The gradient equals differences of values, wherever the loss is smooth."""
    with jax.enable_x64(True):
        smooth = 0
        for seed in range(_POINTS):
            predicts, targets = _data(subject, np.float64, seed)
            direction = np.random.default_rng(seed + 100).normal(size=predicts.shape)

            def along(s: Any, predicts: Any = predicts, targets: Any = targets, direction: Any = direction) -> Any:
                return subject.instance(predicts + s * direction, targets)

            coarse, fine = (_difference(along, step) for step in (_STEP, _STEP / 2))
            if not abs(coarse - fine) <= 1e-5 * max(abs(fine), 1e-2):
                continue
            smooth += 1
            gradient = jax.grad(lambda p, targets=targets: subject.instance(p, targets))(jnp.asarray(predicts))
            slope = float(jnp.sum(gradient * direction))
            close(slope, fine, "the slope by the gradient, and by differences")
    if not smooth:
        raise Skip("it is not smooth at any of the points that were tried")


def _difference(function: Any, step: float) -> float:
    return float((function(step) - function(-step)) / (2 * step))


def _data(subject: Subject, dtype: Any = np.float32, seed: int = 0) -> tuple[Any, Any]:
    """Predictions, and targets of the sort that the function takes: probabilities, which are values too; or classes."""
    numbers = np.random.default_rng(seed)
    predicts = jnp.asarray(numbers.normal(size=_SHAPE), dtype)
    weights = numbers.random(_SHAPE) + 0.1
    values = jnp.asarray(weights / weights.sum(axis=-1, keepdims=True), dtype)
    classes = jnp.asarray(numbers.integers(_SHAPE[-1], size=_SHAPE[:2]), jnp.int32)
    for targets in (values, classes):
        try:
            subject.instance(predicts, targets)
        except Exception as error:
            last = error
        else:
            return predicts, targets
    raise last
