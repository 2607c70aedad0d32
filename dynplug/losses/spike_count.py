"""The error of spike counts."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Float, PyTree

from dynplug.core import check_number
from dynplug.errors import DataError
from dynplug.losses.conventions import batch_first, optax_rules
from dynplug.losses.labels import check_classes
from dynplug.losses.means import mean, together
from dynplug.losses.over_time import as_mask, without_time
from dynplug.losses.targets import checked_by, finite, is_known, one_array


def check_wanted(predicts: PyTree, targets: PyTree, *, mask: Array | np.ndarray | None = None, **_: object) -> None:
    """Raise `DataError` for targets that are neither a class nor rates for each sample."""
    y = one_array(targets, "targets", "spike_count")
    samples, units = (one_array(predicts, "predictions", "spike_count").shape[n] for n in (0, -1))
    if y.shape not in ((samples,), (samples, units)) or (y.ndim == 1) != (y.dtype.kind in "iu"):
        raise DataError(
            f"spike_count: {y.dtype} targets of shape {y.shape} do not fit predictions of shape {predicts.shape}: give "
            f"a class for each sample, whole numbers ({samples},), or a rate for each unit, ({samples}, {units})."
        )
    if y.ndim == 1:
        check_classes(predicts, y, name="spike_count")
    finite("spike_count", y)
    least = np.asarray(y).min(initial=0)
    if least < 0:
        raise DataError(f"spike_count: rates are numbers of spikes per step, none below 0; got {least:g}.")


@checked_by(check_wanted)
@batch_first
def spike_count(
    predicts: Float[Array, "batch time units"],
    targets: PyTree,
    *,
    right: float = 0.6,
    wrong: float = 0.1,
    sample_weight: Array | np.ndarray | None = None,
    mask: Array | np.ndarray | None = None,
) -> Float[Array, ""]:
    r"""The squared error of the number of spikes in a sample, relative to the number of its steps $n$.

    $$L = \Big\langle \Big( \frac 1n \sum_i z_{ic} - r_c \Big)^2 \Big\rangle$$

    ```python
    spikes = jnp.array([[[1.0, 0.0], [1.0, 0.0], [0.0, 0.0], [0.0, 0.0]]])     # (batch, time, units)
    assert np.isclose(dp.losses.spike_count(spikes, jnp.array([0])), ((0.5 - 0.6) ** 2 + (0.0 - 0.1) ** 2) / 2)
    ```

    **Arguments:**

    - `predicts`: spikes (batch, time, units), 0 or 1, of one unit a class.
    - `targets`: class indices, (batch,); or $r$, the wanted spikes per step, (batch, units).
    - `right`: $r$ of the unit of the right class, in spikes per step [-].
    - `wrong`: $r$ of the others, in spikes per step [-].
    - `sample_weight`: the weight of each sample in the mean, (batch,). `None`: all the same.
    - `mask`: the steps that count, (batch, time). `None`: all.

    **Raises:** `DataError` if the shapes do not fit, or a target is not a class; `ParameterError`.

    **Reference:** Shrestha, S. B. & Orchard, G. (2018), SLAYER: spike layer error reassignment in time,
    arXiv:1810.08646.
    """
    for name, rate in (("right", right), ("wrong", wrong)):
        check_number(f"spike_count: the number of spikes per step {name}", rate, least=0.0, most=1.0)
    if is_known(targets):
        check_wanted(predicts, targets)
    valid, y = as_mask(mask, predicts), jnp.asarray(targets)
    rates = without_time(predicts, "mean", valid)
    if y.ndim == 1:
        rows = jax.nn.one_hot(y, predicts.shape[-1], dtype=rates.dtype)
        y = wrong + (right - wrong) * rows
    some = None if valid is None else jnp.any(valid, axis=1)
    with optax_rules():
        return mean(optax.squared_error(rates, y.astype(rates.dtype)), together(sample_weight, some))
