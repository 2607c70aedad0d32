"""Classification by the first spike."""

from functools import partial

import numpy as np
import optax
from jaxtyping import Array, Float, PyTree

from dynplug.core import check_number
from dynplug.errors import DataError
from dynplug.losses.class_targets import read_classes, weight_of_classes
from dynplug.losses.conventions import batch_first, optax_rules
from dynplug.losses.labels import check_classes
from dynplug.losses.means import mean
from dynplug.losses.targets import checked_by, is_known, one_array


def check_labels(predicts: PyTree, targets: PyTree, *, ignore_index: int | None = None, **_: object) -> None:
    """Raise `DataError` for targets that are not a class for each sample."""
    y = one_array(targets, "targets", "first_spike")
    if y.ndim != 1:
        raise DataError(f"first_spike takes a class for each sample, (batch,); got targets of shape {y.shape}.")
    check_classes(predicts, y, ignore_index=ignore_index, name="first_spike")


@checked_by(check_labels, partial(weight_of_classes, name="first_spike"))
@batch_first
def first_spike(
    predicts: Float[Array, "batch time classes"],
    targets: PyTree,
    *,
    tau: float = 5.0,
    dt: float = 1.0,
    ignore_index: int | None = None,
    sample_weight: Array | np.ndarray | None = None,
    mask: Array | np.ndarray | None = None,
) -> Float[Array, ""]:
    r"""The cross-entropy of the times of first spikes: the unit of the right class shall spike before the others.

    $$L = -\Big\langle \log \frac{e^{-t_y / \tau}}{\sum_c e^{-t_c / \tau}} \Big\rangle, \qquad
    t_c = \Delta t \sum_{i=0}^{n-1} \prod_{j \le i} (1 - z_{jc})$$

    $t_c$ is the time of the first spike of unit $c$, and the duration of the sample where there is none. It is linear
    in each spike, so that a unit that was silent learns through the surrogate derivative of its spikes.
    `{"type": "accuracy", "reduce_time": "first_spike"}` is the accuracy of the unit that spikes first.

    ```python
    spikes = jnp.array([[[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]]])     # (batch, time, classes): after 1 and after 2 ms
    loss = dp.losses.first_spike(spikes, jnp.array([0]), tau=1.0, dt=1.0)
    assert np.isclose(loss, -np.log(1 / (1 + np.exp(-1))))
    ```

    **Arguments:**

    - `predicts`: spikes (batch, time, classes), 0 or 1.
    - `targets`: class indices, (batch,).
    - `tau`: $\tau$, by how much one unit shall be ahead of the others [ms].
    - `dt`: $\Delta t$, the step, which trainers set to their own [ms].
    - `ignore_index`: as for `cross_entropy`.
    - `sample_weight`: as for `cross_entropy`.
    - `mask`: as for `cross_entropy`.

    **Raises:** `DataError` if the shapes do not fit, or a target is not a class; `ParameterError`.

    **Reference:** Mostafa, H. (2018), Supervised learning based on temporal coding in spiking neural networks,
    doi:10.1109/TNNLS.2017.2726060.
    """
    check_number("first_spike: tau", tau, above=0.0)
    check_number("first_spike: dt", dt, above=0.0)
    if is_known(targets):
        check_labels(predicts, targets, ignore_index=ignore_index)
    early, y, weight = read_classes(
        "first_spike",
        predicts,
        targets,
        reduce_time="first_spike",
        ignore_index=ignore_index,
        sample_weight=sample_weight,
        mask=mask,
    )
    with optax_rules():
        return mean(optax.softmax_cross_entropy_with_integer_labels(early * (dt / tau), y), weight)
