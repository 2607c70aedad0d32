"""Checks of losses and metrics: functions of (predicts, targets), batch first."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from dynplug.errors import DataError
from dynplug.losses import is_counted
from dynplug.testing.compare import close, demand, finite
from dynplug.testing.stepping import quick_jit
from dynplug.testing.subject import Skip, Subject

_SHAPE = (4, 5, 6)  # (batch, time, units); six, so that a measure of the best three can tell classes apart
_POINTS = 4
_STEP = 1e-5
_SHIFT = 0.3
_SCALES = (0.3, 1.0, 3.0)
_WEIGHTS = [1.0, 0.0, 2.0, 1.0]


def is_a_finite_scalar(subject: Subject) -> None:
    """The value is a finite scalar of the predictions' dtype; that of a metric of counts may be an array."""
    predicts, targets = data_of(subject)
    value = subject.instance(predicts, targets)
    scalar = np.shape(value) == () or (subject.kind == "metric" and is_counted(subject.instance))
    demand(scalar, f"The value has shape {np.shape(value)}: take its mean.")
    found = jnp.result_type(value)
    demand(found == predicts.dtype, f"The value is {found}, for predictions of {predicts.dtype}.")
    finite(value, "the value")


def is_the_same_compiled(subject: Subject) -> None:
    """The compiled function gives the same value."""
    predicts, targets = data_of(subject)
    compiled = eqx.filter_jit(lambda p, y: subject.instance(p, y))(predicts, targets)
    close(compiled, subject.instance(predicts, targets), "the value compiled and not")


def ignores_order_of_samples(subject: Subject) -> None:
    """The value does not depend on the order of the samples, the first axis."""
    predicts, targets = data_of(subject)
    order = np.array([2, 0, 3, 1])
    shuffled = subject.instance(predicts[order], targets[order])
    close(shuffled, subject.instance(predicts, targets), "the value for the samples in another order")


def gradient_matches_differences(subject: Subject) -> None:
    """The gradient equals finite differences wherever the loss is smooth."""
    with jax.enable_x64(True):
        smooth = 0
        for seed in range(_POINTS):
            predicts, targets = data_of(subject, np.float64, seed)
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


def every_output_and_target_matters(subject: Subject) -> None:
    """Each prediction has a non-zero gradient, and changing any target changes the value."""
    slope = quick_jit(jax.grad(subject.instance))
    for predicts, targets in all_data_of(subject, batch=2):
        slopes = sum(np.abs(np.asarray(slope(scale * predicts, targets))) for scale in _SCALES)
        places = np.argwhere(slopes == 0)
        demand(not len(places), f"The prediction at (sample, step, unit) {places[:1].tolist()} has a gradient of zero.")
    every_target_matters(subject)


def every_target_matters(subject: Subject) -> None:
    """Changing any target changes the value, for some predictions."""
    value = quick_jit(subject.instance)
    for predicts, targets in all_data_of(subject, batch=2):
        probabilities = not _accepts_all_numbers(subject, predicts, targets)
        for place in np.ndindex(*targets.shape):
            others = [targets, *_others(np.asarray(targets), place, probabilities)]
            found = {np.asarray(value(predicts, other)).tobytes() for other in others}
            demand(len(found) > 1, f"The target at {list(place)} changes nothing.")


def weighs_samples(subject: Subject) -> None:
    """With `sample_weight`, a sample of weight 0 does not count, and one of weight 2 counts twice."""
    for predicts, targets in all_data_of(subject):
        weighed = subject.instance(predicts, targets, sample_weight=jnp.asarray(_WEIGHTS, predicts.dtype))
        counted = np.repeat(np.arange(len(_WEIGHTS)), np.asarray(_WEIGHTS, int))
        close(
            weighed,
            subject.instance(predicts[counted], targets[counted]),
            f"the value with weights {_WEIGHTS}, and with each sample as often as its weight says",
        )


def ignores_a_class(subject: Subject) -> None:
    """With `ignore_index`, samples of that class do not count."""
    for predicts, targets in all_data_of(subject):
        if jnp.issubdtype(targets.dtype, jnp.integer):
            labels = targets if targets.ndim == 1 else targets[:, 0]
            without = labels.at[1].set(-1)
            kept = np.array([0, 2, 3])
            found = subject.instance(predicts, without, ignore_index=-1)
            close(
                found, subject.instance(predicts[kept], labels[kept]), "the value with a sample ignored, and without it"
            )


def _accepts_all_numbers(subject: Subject, predicts: Any, targets: Any) -> bool:
    if targets.dtype.kind != "f":
        return True
    try:
        subject.instance(predicts, targets + 1.0)
    except DataError:
        return False
    return True


def _others(targets: np.ndarray, place: tuple[int, ...], probabilities: bool) -> list[np.ndarray]:
    """Targets changed in one place; probabilities are moved to or away from it."""
    if probabilities:
        rows = 0.1 / _SHAPE[-1] + 0.9 * np.eye(_SHAPE[-1], dtype=targets.dtype)
        return [_with(targets, place[:-1], row) for row in rows]
    if targets.dtype.kind == "f":
        return [_with(targets, place, targets[place] + by) for by in (1.0, -1.0)]
    return [_with(targets, place, (targets[place] + by) % _SHAPE[-1]) for by in range(1, _SHAPE[-1])]


def _with(array: np.ndarray, place: tuple[int, ...], value: Any) -> np.ndarray:
    changed = array.copy()
    changed[place] = value
    return changed


def is_least_at_its_target(subject: Subject) -> None:
    """No prediction has a lower value than the right one: the targets themselves, their logits, or their class."""
    for predicts, targets in all_data_of(subject):
        rights = _right_ones(targets, predicts.dtype)
        least = any(_is_least_at(subject, right, targets) for right in rights.values())
        demand(least, f"It is not least where predictions are {' or '.join(rights)}.")


def _is_least_at(subject: Subject, right: Any, targets: Any) -> bool:
    numbers = np.random.default_rng(4)
    by = [jnp.asarray(scale * numbers.normal(size=_SHAPE), right.dtype) for scale in (0.1, 0.3, 1.0, 3.0)]
    by += [sign * _SHIFT * jnp.ones_like(right).at[..., 1:].set(rest) for sign in (1.0, -1.0) for rest in (0.0, 1.0)]
    others = [float(subject.instance(p, targets)) for p in (*(right + b for b in by), -right, 0.0 * right)]
    value = float(subject.instance(right, targets))
    return all(value <= other + 1e-6 * abs(other) for other in others)


def _right_ones(targets: Any, dtype: Any) -> dict[str, Any]:
    if jnp.issubdtype(targets.dtype, jnp.integer):
        rows = jax.nn.one_hot(targets, _SHAPE[-1], dtype=dtype)
        rows = rows if rows.ndim == len(_SHAPE) else jnp.repeat(rows[:, None], _SHAPE[1], axis=1)
        return {"a great score for the right class": 30.0 * rows, "a spike of the right class": rows}
    if targets.ndim < len(_SHAPE):
        targets = jnp.repeat(targets[:, None], _SHAPE[1], axis=1)
    return {"their targets": targets, "the logarithms of their targets": jnp.log(targets)}


def ignores_duplicates(subject: Subject) -> None:
    """Repeating every sample leaves the value unchanged: it is a mean, which does not depend on the batch size."""
    predicts, targets = data_of(subject)
    for axis, what in ((0, "sample"), (1, "step")):
        timeless = axis == 1 and targets.ndim < predicts.ndim - (targets.dtype.kind == "i")
        p, y = jnp.repeat(predicts, 2, axis=axis), targets if timeless else jnp.repeat(targets, 2, axis=axis)
        close(
            subject.instance(p, y), subject.instance(predicts, targets), f"the value with every {what} twice, and once"
        )


def stays_finite_far_away(subject: Subject) -> None:
    """Predictions of +-10000 have a finite value and gradient."""
    predicts, targets = data_of(subject)
    far = jnp.sign(predicts) * 1e4
    value, slope = jax.value_and_grad(subject.instance)(far, targets)
    finite((value, slope), "the value and gradient at predictions of +-10000")


def _difference(function: Any, step: float) -> float:
    return float((function(step) - function(-step)) / (2 * step))


def data_of(subject: Subject, dtype: Any = np.float32, seed: int = 0, batch: int = _SHAPE[0]) -> tuple[Any, Any]:
    """Predictions, with targets of the first type that the function accepts."""
    return all_data_of(subject, dtype, seed, batch)[0]


def all_data_of(
    subject: Subject, dtype: Any = np.float32, seed: int = 0, batch: int = _SHAPE[0]
) -> list[tuple[Any, Any]]:
    """Predictions, with targets of each type that it accepts: probabilities, which are also values, or classes.

    Those of a sample are tried where it accepts none of a step.
    """
    numbers = np.random.default_rng(seed)
    shape = (batch, *_SHAPE[1:])
    predicts = jnp.asarray(numbers.normal(size=shape), dtype)
    weights = numbers.random(shape) + 0.1
    values = jnp.asarray(weights / weights.sum(axis=-1, keepdims=True), dtype)
    classes = jnp.asarray(numbers.integers(shape[-1], size=shape[:2]), jnp.int32)
    taken: list[tuple[Any, Any]] = []
    refusals: list[Exception] = []
    for targets in (values, classes, values[:, 0], classes[:, 0]):
        if taken and targets.shape[1:2] != shape[1:2]:
            break  # without time only where there is no other way
        try:
            subject.instance(predicts, targets)
        except Exception as error:
            refusals.append(error)
        else:
            taken.append((predicts, targets))
    if not taken:
        raise refusals[-1]
    return taken
