"""Measures of what units have in common."""

import numpy as np

from dynplug.errors import OptionError, ShapeError
from dynplug.measures.counting import several
from dynplug.measures.spike_trains import as_events


def correlation(events: object, bin: float) -> np.ndarray:
    r"""The correlation of the spike counts of each pair of units.

    $$\rho_{ij} = \frac{\langle n_i n_j \rangle - \langle n_i \rangle \langle n_j \rangle}{\sigma_i \sigma_j}$$

    Means are over windows of one length. The mean over all pairs is `np.nanmean(rho[np.triu_indices(N, 1)])`.

    ```python
    i = np.array([0, 1, 0, 1, 2])     # units 0 and 1 spike together, unit 2 when they do not
    rho = dp.measures.correlation(([1.0, 1.0, 7.0, 7.0, 4.0], i), bin=3.0)
    assert np.isclose(rho[0, 1], 1.0) and rho[0, 2] < 0
    ```

    **Arguments:**

    - `events`: the `Events` of a population, or a pair `(t, i)` of times [ms] and units.
    - `bin`: the length of a window [ms].

    **Returns:** a matrix (units, units) [-], NaN where a unit's count is the same in all windows.

    **Raises:** `OptionError` for a batch, or a length that is not positive; `DurationError` for fewer than two windows.

    **Reference:** Cohen, M. R. & Kohn, A. (2011), Measuring and interpreting neuronal correlations,
    doi:10.1038/nn.2842.
    """
    events = as_events(events)
    if events.batch_size is not None:
        raise OptionError("correlation takes one sample: give events[0], or another.")
    centred = several(events, bin).astype(float)
    centred -= centred.mean(axis=0)
    length = np.sqrt(np.square(centred).sum(axis=0))
    with np.errstate(invalid="ignore"):  # 0 / 0, NaN, where nothing varies
        centred /= length
    return centred.T @ centred


def synchrony(values: object) -> float:
    r"""The synchrony of a population: 1 if all units vary alike, about $1/\sqrt N$ if they are independent.

    $$\chi^2 = \sigma^2_{\bar V} \Big/ \frac{1}{N} \sum_{i=1}^{N} \sigma^2_{V_i}, \qquad
    \bar V(t) = \frac{1}{N} \sum_{i=1}^{N} V_i(t)$$

    $\sigma^2$ is the variance over time of the population's mean above, and of each unit below.

    ```python
    V = np.random.default_rng(0).normal(size=(1000, 50))
    assert round(dp.measures.synchrony(V), 2) == 0.15  # about 1 / sqrt(50)
    ```

    **Arguments:**

    - `values`: potentials (time, units) of any unit, or counts of spikes, as `counts(events, bin)` gives them.

    **Returns:** $\chi$ [-], NaN if nothing varies.

    **Raises:** `ShapeError` for fewer than two times, or no units.

    **Reference:** Golomb, D. & Rinzel, J. (1994), Clustering in globally coupled inhibitory neurons,
    doi:10.1016/0167-2789(94)90214-3.
    """
    values = np.asarray(values, float)
    if values.ndim != 2 or len(values) < 2 or values.shape[1] == 0:
        raise ShapeError(f"synchrony takes values (time, units) at two times or more; got shape {values.shape}.")
    varying = values - values[0]  # of what does not vary, the mean would be rounded, and so the variance not zero
    each = varying.var(axis=0).mean()
    return float(np.sqrt(varying.mean(axis=1).var() / each)) if each > 0.0 else float("nan")


def order_parameter(theta: object) -> np.ndarray:
    r"""The Kuramoto order parameter: 1 if all phases are equal, about $1/\sqrt N$ if they are independent.

    $$r(t) = \Big|\frac{1}{N} \sum_{j=1}^{N} e^{i \theta_j(t)}\Big|$$

    ```python
    r = dp.measures.order_parameter([[0.0, 0.0, 0.0], [0.0, 2 * np.pi / 3, 4 * np.pi / 3]])
    assert np.allclose(r, [1.0, 0.0])  # in step, and evenly spread
    ```

    **Arguments:**

    - `theta`: phases (time, units), or with further axes before that of the units [rad].

    **Returns:** $r$ (time,), or of the axes before that of the units [-].

    **Raises:** `ShapeError` for no units.

    **Reference:** Kuramoto, Y. (1984), Chemical Oscillations, Waves, and Turbulence, chapter 5,
    doi:10.1007/978-3-642-69689-3.
    """
    theta = np.asarray(theta, float)
    if theta.ndim == 0 or theta.shape[-1] == 0:
        raise ShapeError(f"order_parameter takes phases (time, units) of some units; got shape {theta.shape}.")
    return np.abs(np.exp(1j * theta).mean(axis=-1))
