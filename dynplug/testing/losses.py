"""Checks of losses and metrics: functions of (predicts, targets), batch first."""

from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike, DTypeLike
from jaxtyping import Array

from dynplug.errors import DataError
from dynplug.losses import is_counted
from dynplug.testing.demands import close, demand, finite
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
    predicts, targets = map(jnp.asarray, data_of(subject))
    value = subject.instance(predicts, targets)
    scalar = np.shape(value) == () or (subject.kind == "metric" and is_counted(subject.instance))
    demand(scalar, f"The value has shape {np.shape(value)}: take its mean.")
    found = jnp.result_type(value)
    demand(found == predicts.dtype, f"The value is {found}, for predictions of {predicts.dtype}.")
    finite(value, "the value")


def is_the_same_compiled(subject: Subject) -> None:
    """The compiled function gives the same value."""
    predicts, targets = map(jnp.asarray, data_of(subject))
    compiled = eqx.filter_jit(lambda p, y: subject.instance(p, y))(predicts, targets)
    close(compiled, subject.instance(predicts, targets), "the value compiled and not")


def _value(subject: Subject) -> Callable[..., Array]:
    """The compiled function: checks share it, and shapes, each of which is a program."""
    return subject.remember("value", lambda: quick_jit(subject.instance))


def _slope(subject: Subject) -> Callable[..., Array]:
    """Its compiled gradient with respect to predictions."""
    return subject.remember("slope", lambda: quick_jit(jax.grad(subject.instance)))


def ignores_order_of_samples(subject: Subject) -> None:
    """The value does not depend on the order of the samples, the first axis."""
    (predicts, targets), value = data_of(subject), _value(subject)
    order = np.array([2, 0, 3, 1])
    close(
        value(predicts[order], targets[order]), value(predicts, targets), "the value for the samples in another order"
    )


def gradient_matches_differences(subject: Subject) -> None:
    """The gradient equals finite differences wherever the loss is smooth."""
    with jax.enable_x64(True):
        value, slope, smooth = _value(subject), _slope(subject), 0
        for seed in range(_POINTS):
            predicts, targets = data_of(subject, np.float64, seed)
            direction = np.random.default_rng(seed + 100).normal(size=predicts.shape)

            def along(
                s: float,
                predicts: np.ndarray = predicts,
                targets: np.ndarray = targets,
                direction: np.ndarray = direction,
            ) -> Array:
                return value(predicts + s * direction, targets)

            coarse, fine = (_difference(along, step) for step in (_STEP, _STEP / 2))
            if not abs(coarse - fine) <= 1e-5 * max(abs(fine), 1e-2):
                continue
            smooth += 1
            found = np.sum(np.asarray(slope(predicts, targets)) * direction)
            close(found, fine, "the slope by the gradient, and by differences")
    if not smooth:
        raise Skip("it is not smooth at any of the points that were tried")


def every_output_and_target_matters(subject: Subject) -> None:
    """Each prediction has a non-zero gradient, and changing any target changes the value."""
    slope = _slope(subject)
    for predicts, targets in all_data_of(subject, batch=2):
        slopes = sum(np.abs(np.asarray(slope(scale * predicts, targets))) for scale in _SCALES)
        places = np.argwhere(slopes == 0)
        demand(not len(places), f"The prediction at (sample, step, unit) {places[:1].tolist()} has a gradient of zero.")
    every_target_matters(subject)


def every_target_matters(subject: Subject) -> None:
    """Changing any target changes the value, for some predictions."""
    value = _value(subject)
    for predicts, targets in all_data_of(subject, batch=2):
        probabilities = not _accepts_all_numbers(subject, predicts, targets)
        for place in np.ndindex(*targets.shape):
            others = [targets, *_others(targets, place, probabilities)]
            found = {np.asarray(value(predicts, other)).tobytes() for other in others}
            demand(len(found) > 1, f"The target at {list(place)} changes nothing.")


def weighs_samples(subject: Subject) -> None:
    """With `sample_weight`, a sample of weight 0 does not count, and one of weight 2 counts twice."""
    value = _value(subject)
    for predicts, targets in all_data_of(subject):
        weighed = value(predicts, targets, sample_weight=np.asarray(_WEIGHTS, predicts.dtype))
        counted = np.repeat(np.arange(len(_WEIGHTS)), np.asarray(_WEIGHTS, int))
        close(
            weighed,
            value(predicts[counted], targets[counted]),
            f"the value with weights {_WEIGHTS}, and with each sample as often as its weight says",
        )


def ignores_a_class(subject: Subject) -> None:
    """With `ignore_index`, samples of that class do not count."""
    value = _value(subject)
    for predicts, targets in all_data_of(subject):
        if targets.dtype.kind == "i":
            labels = targets if targets.ndim == 1 else targets[:, 0]
            kept = np.array([0, 2, 3])
            found = value(predicts, _with(labels, (1,), -1), ignore_index=-1)
            close(found, value(predicts[kept], labels[kept]), "the value with a sample ignored, and without it")


def _accepts_all_numbers(subject: Subject, predicts: np.ndarray, targets: np.ndarray) -> bool:
    if targets.dtype.kind != "f":
        return True
    given = (jnp.asarray(np.repeat(a, _SHAPE[0] // len(a), axis=0)) for a in (predicts, targets + 1))
    try:
        subject.instance(*given)  # not compiled, as it is then that it can refuse a number
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


def _with(array: np.ndarray, place: tuple[int, ...], value: ArrayLike) -> np.ndarray:
    changed = array.copy()
    changed[place] = value
    return changed


def is_least_at_its_target(subject: Subject) -> None:
    """No prediction has a lower value than the right one: the targets themselves, their logits, or their class."""
    for predicts, targets in all_data_of(subject):
        rights = _right_ones(targets, predicts.dtype)
        least = any(_is_least_at(subject, right, targets) for right in rights.values())
        demand(least, f"It is not least where predictions are {' or '.join(rights)}.")


def _is_least_at(subject: Subject, right: np.ndarray, targets: np.ndarray) -> bool:
    numbers = np.random.default_rng(4)
    by = [(scale * numbers.normal(size=_SHAPE)).astype(right.dtype) for scale in (0.1, 0.3, 1.0, 3.0)]
    first = np.arange(right.shape[-1]) == 0
    by += [(sign * _SHIFT * np.where(first, 1.0, rest)).astype(right.dtype) for sign in (1, -1) for rest in (0.0, 1.0)]
    value = _value(subject)
    others = [float(value(p, targets)) for p in (*(right + b for b in by), -right, 0 * right)]
    least = float(value(right, targets))
    return all(least <= other + 1e-6 * abs(other) for other in others)


def _right_ones(targets: np.ndarray, dtype: DTypeLike) -> dict[str, np.ndarray]:
    if targets.dtype.kind == "i":
        rows = np.eye(_SHAPE[-1], dtype=dtype)[targets]
        rows = rows if rows.ndim == len(_SHAPE) else np.repeat(rows[:, None], _SHAPE[1], axis=1)
        return {"a great score for the right class": 30 * rows, "a spike of the right class": rows}
    if targets.ndim < len(_SHAPE):
        targets = np.repeat(targets[:, None], _SHAPE[1], axis=1)
    return {"their targets": targets, "the logarithms of their targets": np.log(targets)}


def ignores_duplicates(subject: Subject) -> None:
    """Repeating every sample leaves the value unchanged: it is a mean, which does not depend on the batch size."""
    (predicts, targets), value = data_of(subject, batch=2), _value(subject)
    for axis, what in ((0, "sample"), (1, "step")):
        timeless = axis == 1 and targets.ndim < predicts.ndim - (targets.dtype.kind == "i")
        p, y = np.repeat(predicts, 2, axis=axis), targets if timeless else np.repeat(targets, 2, axis=axis)
        close(value(p, y), value(predicts, targets), f"the value with every {what} twice, and once")


def stays_finite_far_away(subject: Subject) -> None:
    """Predictions of +-10000 have a finite value and gradient."""
    predicts, targets = data_of(subject)
    far = np.sign(predicts) * np.asarray(1e4, predicts.dtype)
    value, slope = jax.value_and_grad(subject.instance)(jnp.asarray(far), jnp.asarray(targets))
    finite((value, slope), "the value and gradient at predictions of +-10000")


def _difference(function: Callable[[float], Array], step: float) -> float:
    return float((function(step) - function(-step)) / (2 * step))


def data_of(
    subject: Subject, dtype: DTypeLike = np.float32, seed: int = 0, batch: int = _SHAPE[0]
) -> tuple[np.ndarray, np.ndarray]:
    """Predictions, with targets of the first type that the function accepts."""
    return all_data_of(subject, dtype, seed, batch)[0]


def all_data_of(
    subject: Subject, dtype: DTypeLike = np.float32, seed: int = 0, batch: int = _SHAPE[0]
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Predictions, with targets of each type that it accepts: probabilities, which are also values, or classes.

    Those of a sample are tried where it accepts none of a step.
    """
    predicts, *all_targets = _drawn(dtype, seed, batch)
    return [(predicts, all_targets[n]) for n in subject.remember("targets", lambda: _accepted(subject))]


def _drawn(dtype: DTypeLike, seed: int, batch: int) -> tuple[np.ndarray, ...]:
    """Predictions, then targets: probabilities and classes of each step, and of each sample."""
    numbers = np.random.default_rng(seed)
    shape = (batch, *_SHAPE[1:])
    predicts = numbers.normal(size=shape).astype(dtype)
    weights = numbers.random(shape) + 0.1
    values = (weights / weights.sum(axis=-1, keepdims=True)).astype(dtype)
    classes = numbers.integers(shape[-1], size=shape[:2]).astype(np.int32)
    return predicts, values, classes, values[:, 0], classes[:, 0]


def _accepted(subject: Subject) -> list[int]:
    """The numbers of the types of targets that it accepts."""
    predicts, *all_targets = map(jnp.asarray, _drawn(np.float32, 0, _SHAPE[0]))
    taken: list[int] = []
    refusals: list[Exception] = []
    for n, targets in enumerate(all_targets):
        if taken and targets.shape[1:2] != _SHAPE[1:2]:
            break  # without time only where there is no other way
        try:
            subject.instance(predicts, targets)
        except Exception as error:
            refusals.append(error)
        else:
            taken.append(n)
    if not taken:
        raise refusals[-1]
    return taken
