"""Losses of regression."""

from functools import partial
from typing import Any

import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Float, PyTree

from dynplug.core import check_number
from dynplug.errors import DataError
from dynplug.losses.conventions import batch_first, optax_rules
from dynplug.losses.means import mean, over, together
from dynplug.losses.over_time import as_mask, without_time
from dynplug.losses.targets import checked_by, finite, one_array


def check_values(
    predicts: PyTree, targets: PyTree, *, name: str, mask: Array | np.ndarray | None = None, **_: object
) -> None:
    """Raise `DataError` for targets that are not finite numbers, at steps that count."""
    y = one_array(targets, "targets", name)
    if mask is not None and y.ndim == one_array(predicts, "predictions", name).ndim and y.shape[:2] == np.shape(mask):
        y = np.where(np.asarray(mask, bool).reshape(y.shape[:2] + (1,) * (y.ndim - 2)), y, np.zeros((), y.dtype))
    finite(name, y)


def read_values(
    name: str,
    predicts: PyTree,
    targets: PyTree,
    *,
    reduce_time: str = "mean",
    sample_weight: Array | np.ndarray | None = None,
    mask: Array | np.ndarray | None = None,
    **_: object,
) -> tuple[Array, Array, Array | None]:
    """Predictions and targets of one shape, and the weight of each; predictions are reduced if targets have no time.

    Whether they have it follows from their rank, never from lengths.
    """
    p, y = one_array(predicts, "predictions", name), one_array(targets, "targets", name)
    valid = as_mask(mask, p)
    per_step = y.ndim != p.ndim - 1
    if not per_step:
        p = without_time(p, reduce_time, valid)
        valid = None if valid is None else jnp.any(valid, axis=1)
    if p.shape != y.shape:
        raise DataError(f"Targets of shape {y.shape} do not fit predictions of shape {p.shape}.")
    y = y.astype(p.dtype)
    if per_step and valid is not None:
        y = jnp.where(over(valid, y), y, 0)
    return p, y, together(sample_weight, valid)


def weight_of_values(
    predicts: PyTree, targets: PyTree, *, name: str, mask: Array | np.ndarray | None = None, **options: Any
) -> Array | None:
    """The weight of a batch of several lengths: the number of its steps, or of its samples if targets have no time."""
    if mask is None:
        return None
    _, _, weight = read_values(name, predicts, targets, mask=mask, **options)
    assert weight is not None  # as there is a mask
    return jnp.sum(weight)


@checked_by(partial(check_values, name="mse"), partial(weight_of_values, name="mse"))
@batch_first
def mse(
    predicts: Float[Array, "batch time ..."],
    targets: PyTree,
    *,
    reduce_time: str = "mean",
    sample_weight: Array | np.ndarray | None = None,
    mask: Array | np.ndarray | None = None,
) -> Float[Array, ""]:
    r"""The mean squared error.

    $$L = \langle (p - y)^2 \rangle$$

    ```python
    predicts, targets = jnp.array([[[0.0], [4.0]]]), jnp.array([[[1.0], [1.0]]])     # (batch, time, units)
    assert dp.losses.mse(predicts, targets) == (1.0**2 + 3.0**2) / 2
    assert dp.losses.mse(predicts, jnp.array([[1.0]])) == (2.0 - 1.0) ** 2     # of the mean over time
    ```

    **Arguments:**

    - `predicts`: (batch, time, ...).
    - `targets`: the same shape, or without time.
    - `reduce_time`: the reduction of predictions over time if targets have no time axis: `"mean"`, `"last"`, `"max"`,
        `"sum"`; `"first_spike"`, of spikes, minus the time of the first one in steps.
    - `sample_weight`: the weight of each sample in the mean, (batch,). `None`: all the same.
    - `mask`: the steps that count, (batch, time). `None`: all.

    **Raises:** `DataError` if the shapes do not fit, or if a trainer is given targets that are not finite.

    **Reference:** Rumelhart, D. E., Hinton, G. E. & Williams, R. J. (1986), Learning representations by
    back-propagating errors, doi:10.1038/323533a0.
    """
    p, y, weight = read_values(
        "mse", predicts, targets, reduce_time=reduce_time, sample_weight=sample_weight, mask=mask
    )
    with optax_rules():
        return mean(optax.squared_error(p, y), weight)


@checked_by(partial(check_values, name="mae"), partial(weight_of_values, name="mae"))
@batch_first
def mae(
    predicts: Float[Array, "batch time ..."],
    targets: PyTree,
    *,
    reduce_time: str = "mean",
    sample_weight: Array | np.ndarray | None = None,
    mask: Array | np.ndarray | None = None,
) -> Float[Array, ""]:
    r"""The mean absolute error.

    $$L = \langle |p - y| \rangle$$

    ```python
    predicts, targets = jnp.array([[[0.0], [4.0]]]), jnp.array([[[1.0], [1.0]]])     # (batch, time, units)
    assert dp.losses.mae(predicts, targets) == (1.0 + 3.0) / 2
    ```

    **Arguments:**

    - `predicts`: (batch, time, ...).
    - `targets`: the same shape, or without time.
    - `reduce_time`: as for `mse`.
    - `sample_weight`: as for `mse`.
    - `mask`: as for `mse`.

    **Raises:** as `mse`.

    **Reference:** Koenker, R. & Bassett, G. (1978), Regression quantiles, doi:10.2307/1913643.
    """
    p, y, weight = read_values(
        "mae", predicts, targets, reduce_time=reduce_time, sample_weight=sample_weight, mask=mask
    )
    return mean(jnp.abs(p - y), weight)


@checked_by(partial(check_values, name="huber"), partial(weight_of_values, name="huber"))
@batch_first
def huber(
    predicts: Float[Array, "batch time ..."],
    targets: PyTree,
    *,
    delta: float = 1.0,
    reduce_time: str = "mean",
    sample_weight: Array | np.ndarray | None = None,
    mask: Array | np.ndarray | None = None,
) -> Float[Array, ""]:
    r"""Quadratic for an error $e$ up to $\delta$, then linear; the mean over everything.

    $$L = \langle \ell(|p - y|) \rangle, \qquad \ell(e) = \begin{cases} e^2 / 2 & e \le \delta \\
    \delta\,(e - \delta / 2) & e > \delta \end{cases}$$

    ```python
    predicts, targets = jnp.array([[[0.0], [4.0]]]), jnp.array([[[1.0], [1.0]]])     # (batch, time, units)
    assert dp.losses.huber(predicts, targets, delta=1.0) == (1.0**2 / 2 + (3.0 - 1.0 / 2)) / 2
    ```

    **Arguments:**

    - `predicts`: (batch, time, ...).
    - `targets`: the same shape, or without time.
    - `delta`: the error above which the loss grows linearly, in the units of the predictions [-].
    - `reduce_time`: as for `mse`.
    - `sample_weight`: as for `mse`.
    - `mask`: as for `mse`.

    **Raises:** as `mse`.

    **Reference:** Huber, P. J. (1964), Robust estimation of a location parameter, doi:10.1214/aoms/1177703732.
    """
    check_number("huber: delta", delta, above=0.0)
    p, y, weight = read_values(
        "huber", predicts, targets, reduce_time=reduce_time, sample_weight=sample_weight, mask=mask
    )
    with optax_rules():
        return mean(optax.huber_loss(p, y, delta=delta), weight)
