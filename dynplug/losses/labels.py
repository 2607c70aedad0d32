"""Checks of class labels on the host."""

from enum import Enum

import numpy as np
from jaxtyping import Array, PyTree

from dynplug.errors import DataError
from dynplug.losses.targets import finite, one_array

_AXES = 3  # batch, time, classes
_SUM = 2e-2  # allowed deviation of a sum of probabilities from one, in half precision too


class Form(Enum):
    """The form of class targets."""

    INDICES = "class indices"
    PROBABILITIES = "probabilities"


def form_of(predicts: PyTree, targets: PyTree, one_hot: bool | None, name: str) -> tuple[Form, bool]:
    """The form of targets, from their dtype and rank, and whether there is one per step; or `DataError`."""
    if predicts.ndim < _AXES:
        raise DataError(
            f"{name}: predictions of shape {predicts.shape} have no axis of classes: (batch, time, classes) are needed."
        )
    whole = np.issubdtype(targets.dtype, np.integer)
    form = Form.INDICES if whole and not one_hot else Form.PROBABILITIES
    classes = () if form is Form.INDICES else predicts.shape[-1:]
    steps = targets.ndim == predicts.ndim - (form is Form.INDICES)
    if targets.shape == (*(predicts.shape[:-1] if steps else _without_time(predicts)), *classes):
        return form, steps
    told = f"{name}: {targets.dtype} targets of shape {targets.shape} do not fit predictions of shape {predicts.shape}"
    ways = f"{predicts.shape[:1]} or {predicts.shape[:2]}"
    if whole and 1 < targets.ndim <= predicts.ndim and targets.shape[-1] == predicts.shape[-1] and not one_hot:
        raise DataError(f"{told}: they look like one-hot rows. Give one_hot=True, or class indices, {ways}.")
    if not whole and targets.shape in (predicts.shape[:1], predicts.shape[:2]):
        raise DataError(f"{told}: class indices must be whole numbers; give targets.astype(int).")
    if targets.ndim > predicts.ndim:
        raise DataError(f"{told}: predictions come first, then targets.")
    raise DataError(
        f"{told}: give class indices (whole numbers), one per sample or one per sample and step, {ways}; or "
        "probabilities of classes, with one more axis."
    )


def check_classes(
    predicts: PyTree,
    targets: PyTree,
    *,
    ignore_index: int | np.integer | None = None,
    one_hot: bool | None = None,
    mask: Array | np.ndarray | None = None,
    name: str,
    **_: object,
) -> None:
    """Raise `DataError` for targets that are not classes, with their place and what to do.

    **Arguments:**

    - `predicts`: the predictions (batch, time, classes), or their shape and dtype.
    - `targets`: class indices or probabilities.
    - `ignore_index`, `one_hot`, `mask`: as for `cross_entropy`.
    - `name`: the name of the loss, for messages.
    """
    y = np.asarray(one_array(targets, "targets", name))
    form, per_step = form_of(one_array(predicts, "predictions", name), y, one_hot, name)
    if mask is not None and per_step:
        y = _where(mask, y, form)
    if form is Form.PROBABILITIES:
        _check_probabilities(y, name)
        return
    if one_hot is None and per_step and y.shape[1] == predicts.shape[-1] and y.shape[1] > 1 and _are_one_hot(y):
        raise DataError(
            f"{name}: whole numbers of shape {y.shape}, each row zeros and a single 1, are read as a class index for "
            f"each of {y.shape[1]} steps, but look like one-hot rows of {y.shape[1]} classes: say which they are with "
            "one_hot=True or one_hot=False."
        )
    _check_indices(y, predicts.shape[-1], ignore_index, name)


def _where(mask: Array | np.ndarray, y: np.ndarray, form: Form) -> np.ndarray:
    """Targets with some class that occurs at steps that do not count, whatever they hold there."""
    mask = np.asarray(mask, bool)
    if mask.shape != y.shape[:2]:  # said by the loss itself
        return y
    if not mask.any():
        return y
    filler = np.eye(y.shape[-1])[0].astype(y.dtype) if form is Form.PROBABILITIES else y[mask].min()
    return np.where(mask.reshape(mask.shape + (1,) * (y.ndim - 2)), y, filler)


def _check_indices(y: np.ndarray, classes: int, ignore_index: int | np.integer | None, name: str) -> None:
    if y.size == 0 or (y.min() >= 0 and y.max() < classes):
        return
    outside = (y < 0) | (y >= classes)
    if ignore_index is not None:
        outside &= y != ignore_index
    if not outside.any():
        return
    sample, *step = (int(n) for n in np.argwhere(outside)[0])
    found = np.unique(y[outside])
    raise DataError(
        f"{name}: class indices must be from 0 to {classes - 1}, for {classes} classes; got {y[(sample, *step)]} for "
        f"sample {sample}{f', step {step[0]}' if step else ''} ({outside.sum()} of {y.size} are out of range). "
        + _what_to_do(y, found, classes)
    )


def _what_to_do(y: np.ndarray, found: np.ndarray, classes: int) -> str:
    if y.min() == 1 and y.max() == classes:
        return "They count from 1: subtract 1."
    if len(found) == 1 and (found[0] < 0 or found[0] == np.iinfo(y.dtype).max):
        option = f"{{'type': 'cross_entropy', 'ignore_index': {found[0]}}}"
        return (
            f"If {found[0]} stands for 'no label', give the loss and each metric ignore_index={found[0]}, as {option}."
        )
    if found[-1] >= classes:
        return f"The model has {classes} outputs: it needs {found[-1] + 1} for these, or give other labels."
    return "Number the classes from 0."


def _check_probabilities(y: np.ndarray, name: str) -> None:
    if y.dtype.kind == "b":
        y = y.astype(np.int8)
    finite(name, y)
    y = y if y.dtype.kind in "iuf" else y.astype(np.float32)
    total = y.sum(-1, dtype=float)
    bad = (y.min(-1) < 0) | (np.abs(total - 1) > _SUM)
    if not bad.any():
        return
    sample, *step = (int(n) for n in np.argwhere(bad)[0])
    where = f"sample {sample}" + (f", step {step[0]}" if step else "")
    raise DataError(
        f"{name}: targets of shape {y.shape} are class probabilities, none below 0 and together 1, but those of "
        f"{where} have a sum of {total[(sample, *step)]:g} and a minimum of {y[(sample, *step)].min():g}. If they are "
        "class indices, give whole numbers: targets.astype(int)."
    )


def _are_one_hot(y: np.ndarray) -> bool:
    return bool(np.all((y == 0) | (y == 1)) and np.all(y.sum(-1) == 1))


def _without_time(predicts: PyTree) -> tuple[int, ...]:
    return (*predicts.shape[:1], *predicts.shape[2:-1])
