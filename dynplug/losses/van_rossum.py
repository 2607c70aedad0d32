"""The distance of van Rossum."""

import math
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PyTree

from dynplug.core import check_number
from dynplug.errors import DataError
from dynplug.losses.conventions import batch_first
from dynplug.losses.means import mean, together
from dynplug.losses.over_time import as_mask, zeroed
from dynplug.losses.regression import check_values, read_values
from dynplug.losses.targets import checked_by


@checked_by(partial(check_values, name="van_rossum"))
@batch_first
def van_rossum(
    predicts: Float[Array, "batch time ..."],
    targets: PyTree,
    *,
    tau: float = 10.0,
    dt: float = 1.0,
    sample_weight: Array | np.ndarray | None = None,
    mask: Array | np.ndarray | None = None,
) -> Float[Array, ""]:
    r"""The squared distance of van Rossum between spike trains, its mean over samples and units.

    $$D^2 = \frac 1\tau \int_0^\infty \big(f(t) - g(t)\big)^2\, dt, \qquad
    f(t) = \sum_k e^{-(t - t_k) / \tau}\,\Theta(t - t_k)$$

    $g$ is made of the wanted spikes as $f$ of those that are there. The integral is exact, with what follows the last
    step: $D^2 = \frac 12 \sum_{ij} d_i d_j\, e^{-|i - j|\,\Delta t / \tau}$, $d$ being the difference at each step. One
    spike too many is 1/2, one that is moved by $\delta$ is $1 - e^{-\delta / \tau}$.

    ```python
    sent, wanted = jnp.zeros((2, 1, 20, 1)).at[jnp.arange(2), 0, jnp.array([3, 8])].set(1.0)     # 5 ms apart
    assert np.isclose(dp.losses.van_rossum(sent, wanted, tau=10.0, dt=1.0), 1 - np.exp(-5 / 10))
    ```

    **Arguments:**

    - `predicts`: spikes (batch, time, ...).
    - `targets`: the wanted spikes, of the same shape.
    - `tau`: $\tau$: spikes that are farther apart than this count as different [ms].
    - `dt`: $\Delta t$, the step, which trainers set to their own [ms].
    - `sample_weight`: the weight of each sample in the mean, (batch,). `None`: all the same.
    - `mask`: the steps that count, (batch, time). `None`: all.

    **Raises:** `DataError` if the shapes do not fit; `ParameterError`.

    **Reference:** van Rossum, M. C. W. (2001), A novel spike distance, doi:10.1162/089976601300014321.
    """
    check_number("van_rossum: tau", tau, above=0.0)
    check_number("van_rossum: dt", dt, above=0.0)
    if targets.ndim != predicts.ndim:
        raise DataError(
            f"van_rossum compares spike trains: targets of shape {targets.shape} have no time, or predictions of shape "
            f"{predicts.shape}; give both as (batch, time, ...)."
        )
    p, y, _ = read_values("van_rossum", predicts, targets, mask=mask)
    valid = as_mask(mask, p)
    d = zeroed(p - y, valid)
    decay = math.exp(-dt / tau)

    def step(trace: Array, row: Array) -> tuple[Array, Array]:
        trace = decay * trace + row
        return trace, trace

    rows = d.swapaxes(0, 1)
    last, traces = jax.lax.scan(step, jnp.zeros_like(rows[0]), rows)
    within = (1.0 - decay**2) * jnp.sum(traces**2, axis=0)  # up to each next step, and from the end to infinity
    some = None if valid is None else jnp.any(valid, axis=1)
    return mean((within + (decay * last) ** 2) / 2.0, together(sample_weight, some))
