"""Metrics of sums over samples, whose value for an epoch is no mean of those of its batches."""

from collections.abc import Callable

import jax.numpy as jnp
from jax.typing import ArrayLike
from jaxtyping import Array, PyTree

from dynplug.losses.conventions import Function, function_of, takes
from dynplug.losses.targets import options_of

_COUNTS, _VALUE = "counts", "value_of_counts"


def counted(counts: Callable[..., Array], value: Callable[..., Array]) -> Callable[[Function], Function]:
    """Mark a metric as `value(counts(predicts, targets))`, for which counts of batches add up.

    A trainer logs the value of the counts of all samples of an epoch, where the mean of the values of its batches would
    be another: so are F1 and the confusion matrix.

    ```python
    def errors(predicts, targets):
        e = (predicts - targets) ** 2
        return jnp.stack([e.sum(), jnp.asarray(e.size, e.dtype)])

    def root(counts):
        return jnp.sqrt(counts[0] / counts[1])

    @dp.losses.counted(errors, root)
    @dp.losses.batch_first
    def rmse(predicts, targets):
        return root(errors(predicts, targets))
    ```

    **Arguments:**

    - `counts`: called as the metric is, returns an array of floats.
    - `value`: called with the sum of such arrays, and with those of the metric's options that it takes.
    """

    def mark(function: Function) -> Function:
        setattr(function, _COUNTS, counts)
        setattr(function, _VALUE, value)
        return function

    return mark


def is_counted(function: Callable[..., object]) -> bool:
    """Whether a metric is marked by `counted`."""
    return hasattr(function_of(function), _COUNTS)


def counts_of(function: Callable[..., object], predicts: PyTree, targets: PyTree, **given: object) -> Array:
    """The counts of a batch, from the arguments of a counted metric."""
    return getattr(function_of(function), _COUNTS)(predicts, targets, **given, **options_of(function))


def value_of_counts(function: Callable[..., object]) -> Callable[[ArrayLike], Array]:
    """The function of summed counts that a counted metric is."""
    value = getattr(function_of(function), _VALUE)
    options = {name: option for name, option in options_of(function).items() if takes(value, name)}
    return lambda counts: value(jnp.asarray(counts), **options)
