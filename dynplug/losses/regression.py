"""Losses of regression."""

from functools import partial
from typing import Any

import jax.numpy as jnp
import optax
from jaxtyping import Array, Float

from dynplug.losses.conventions import align, batch_first, optax_rules
from dynplug.losses.means import mean
from dynplug.losses.targets import checked_by, finite, one_array


def check_values(predicts: Any, targets: Any, *, name: str, **_: Any) -> None:
    """Raise `DataError` for targets that are not finite numbers."""
    one_array(predicts, "predictions", name)
    finite(name, one_array(targets, "targets", name))


def _read(name: str, predicts: Any, targets: Any, reduce_time: str) -> tuple[Array, Array]:
    return align(one_array(predicts, "predictions", name), one_array(targets, "targets", name), reduce_time)


@checked_by(partial(check_values, name="mse"))
@batch_first
def mse(
    predicts: Float[Array, "batch time ..."], targets: Any, *, reduce_time: str = "mean", sample_weight: Any = None
) -> Float[Array, ""]:
    r"""The mean squared error.

    $$L = \langle (p - y)^2 \rangle$$

    **Arguments:**

    - `predicts`: (batch, time, ...).
    - `targets`: the same shape, or without time.
    - `reduce_time`: the reduction of predictions over time if targets have no time axis: `"mean"`, `"last"`, `"max"`,
        `"sum"`.
    - `sample_weight`: the weight of each sample in the mean, (batch,). `None`: all the same.

    **Raises:** `DataError` if the shapes do not fit, or if a trainer is given targets that are not finite.

    **Reference:** Rumelhart, D. E., Hinton, G. E. & Williams, R. J. (1986), Learning representations by
    back-propagating errors, doi:10.1038/323533a0.
    """
    p, y = _read("mse", predicts, targets, reduce_time)
    with optax_rules():
        return mean(optax.squared_error(p, y), sample_weight)


@checked_by(partial(check_values, name="mae"))
@batch_first
def mae(
    predicts: Float[Array, "batch time ..."], targets: Any, *, reduce_time: str = "mean", sample_weight: Any = None
) -> Float[Array, ""]:
    r"""The mean absolute error.

    $$L = \langle |p - y| \rangle$$

    **Arguments:**

    - `predicts`: (batch, time, ...).
    - `targets`: the same shape, or without time.
    - `reduce_time`: as for `mse`.
    - `sample_weight`: as for `mse`.

    **Raises:** as `mse`.

    **Reference:** Koenker, R. & Bassett, G. (1978), Regression quantiles, doi:10.2307/1913643.
    """
    p, y = _read("mae", predicts, targets, reduce_time)
    return mean(jnp.abs(p - y), sample_weight)


@checked_by(partial(check_values, name="huber"))
@batch_first
def huber(
    predicts: Float[Array, "batch time ..."],
    targets: Any,
    *,
    delta: float = 1.0,
    reduce_time: str = "mean",
    sample_weight: Any = None,
) -> Float[Array, ""]:
    r"""Quadratic for an error $e$ up to $\delta$, then linear; the mean over everything.

    $$L = \langle \ell(|p - y|) \rangle, \qquad \ell(e) = \begin{cases} e^2 / 2 & e \le \delta \\
    \delta\,(e - \delta / 2) & e > \delta \end{cases}$$

    **Arguments:**

    - `predicts`: (batch, time, ...).
    - `targets`: the same shape, or without time.
    - `delta`: the error above which the loss grows linearly, in the units of the predictions [-].
    - `reduce_time`: as for `mse`.
    - `sample_weight`: as for `mse`.

    **Raises:** as `mse`.

    **Reference:** Huber, P. J. (1964), Robust estimation of a location parameter, doi:10.1214/aoms/1177703732.
    """
    p, y = _read("huber", predicts, targets, reduce_time)
    with optax_rules():
        return mean(optax.huber_loss(p, y, delta=delta), sample_weight)
