"""Requirements of losses on their targets, checked on the host before training."""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jaxtyping import Array, PyTree

from dynplug.errors import DataError
from dynplug.losses.conventions import Function, function_of, takes

_CHECK, _WEIGHT = "check_targets", "weight_of_targets"


def checked_by(
    check: Callable[..., None], weight: Callable[..., Array | None] | None = None
) -> Callable[[Function], Function]:
    """Mark a loss or metric with a check of its targets, which a compiled program cannot make.

    A trainer calls `check` for training and test data before they are used: once for arrays, batch by batch for
    loaders. It gets the same arguments and options as the function itself, but of the predictions only shape and dtype.

    ```python
    def positive(predicts, targets):
        if np.any(targets <= 0):
            raise dp.errors.DataError(f"Targets must be above zero; got {targets.min()}.")

    @dp.losses.checked_by(positive)
    @dp.losses.batch_first
    def log_error(predicts, targets): ...
    ```

    **Arguments:**

    - `check`: `check(predicts, targets, **options)`, which raises `DataError`; `predicts` is a
        `jax.ShapeDtypeStruct` of (batch, time, ...), `targets` holds NumPy arrays.
    - `weight`: `weight(predicts, targets, **options)`: the weight of a batch in the mean over an epoch, computed with
        the loss; where it returns `None`, and by default, the number of samples.
    """

    def mark(function: Function) -> Function:
        setattr(function, _CHECK, check)
        setattr(function, _WEIGHT, weight)
        return function

    return mark


def check_targets(
    function: Callable[..., object], predicts: PyTree, targets: PyTree, mask: Array | np.ndarray | None = None
) -> None:
    """Raise the `DataError` of a loss or metric about targets, if it is marked with a check.

    A check that takes a `mask` is told which steps count, if not all do.
    """
    check = getattr(function_of(function), _CHECK, None)
    if check is not None:
        masked = {} if mask is None or not takes(function_of(function), "mask") else {"mask": mask}
        check(predicts, targets, **masked, **options_of(function))


def checks_targets(function: Callable[..., object]) -> bool:
    """Whether a loss or metric is marked with a check."""
    return hasattr(function_of(function), _CHECK)


def weight_of_targets(
    function: Callable[..., object], predicts: PyTree, targets: PyTree, **given: object
) -> Array | None:
    """The weight of a batch in the mean over an epoch, if a loss or metric has one of its own, else `None`.

    **Arguments:**

    - `function`: the loss or metric.
    - `predicts`, `targets`, `given`: its arguments.
    """
    weight = getattr(function_of(function), _WEIGHT, None)
    return None if weight is None else weight(predicts, targets, **given, **options_of(function))


def is_known(*arrays: PyTree) -> bool:
    """Whether values are concrete, not traced."""
    return not any(isinstance(leaf, Tracer) for leaf in jax.tree.leaves(arrays))


def one_array(given: PyTree, what: str, name: str) -> PyTree:
    """Predictions or targets as one array, or `DataError` if they are several, or not numbers.

    Predictions that are spikes or counts, in booleans or integers, become floating: their differences would wrap.
    """
    if isinstance(given, (dict, list, tuple)) or not hasattr(given, "dtype"):
        names = ", ".join(map(repr, given)) if isinstance(given, dict) else f"a {type(given).__name__}"
        raise DataError(
            f"{name} takes one array of {what}; got {names}. Write a function that selects the one that is "
            f"meant: `lambda predicts, targets: dp.losses.{name}({_EXAMPLE[what]})`."
        )
    if given.dtype.kind == "c":
        raise DataError(f"{name} takes real numbers as {what}; got {given.dtype}.")
    if given.dtype.kind in "USO":
        raise DataError(
            f"{name} takes numbers as {what}; got "
            + ("objects." if given.dtype.kind == "O" else f"text, as {str(np.ravel(given)[0])!r}.")
            + " To turn any labels into class indices: `names, y = np.unique(labels, return_inverse=True)`."
        )
    return jnp.asarray(given, float) if what == "predictions" and given.dtype.kind in "bui" else given


_EXAMPLE = {"targets": "predicts, targets['label']", "predictions": "predicts['out'], targets"}


def finite(name: str, targets: PyTree) -> None:
    """Raise `DataError` for a target that is NaN or infinite, with its place."""
    if not np.issubdtype(targets.dtype, np.inexact) and targets.dtype.kind != "V":  # V: bfloat16 and the like
        return
    values = targets if targets.dtype.kind != "V" else targets.astype(np.float32)
    if np.isfinite(np.sum(values)):  # one pass, and no array of flags; a sum that overflows is resolved below
        return
    bad = np.argwhere(~np.isfinite(values))
    if len(bad):
        at = tuple(int(n) for n in bad[0])
        raise DataError(
            f"{name} takes finite targets; got {values[at]} for sample {at[0]}, at {list(at[1:])} of it "
            f"({len(bad)} of {values.size} values). Leave such samples out, or replace the values."
        )


def options_of(function: Callable[..., object]) -> dict[str, Any]:
    """The options that are bound to a function by `functools.partial`."""
    return options_of(function.func) | function.keywords if isinstance(function, partial) else {}
