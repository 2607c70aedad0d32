"""Measures of the intervals between spikes."""

import numpy as np
from jaxtyping import PyTree

from dynplug.measures.spike_trains import as_events


def isi(events: object) -> list[PyTree[np.ndarray]]:
    r"""The intervals between the spikes of each unit [ms].

    $$I_k = t_{k+1} - t_k$$

    ```python
    intervals = dp.measures.isi(([1.0, 2.0, 4.5], [0, 1, 0]))
    assert [one.tolist() for one in intervals] == [[3.5], []]  # [ms]
    ```

    **Arguments:**

    - `events`: the `Events` of a population, or a pair `(t, i)` of times [ms] and units.

    **Returns:** an array per unit; of a batch, such a list per sample.

    **Reference:** Dayan, P. & Abbott, L. F. (2001), Theoretical Neuroscience, section 1.4, MIT Press.
    """
    return as_events(events).isi()


def cv(events: object) -> np.ndarray:
    r"""The coefficient of variation of each unit's intervals: 0 for a clock, 1 for a Poisson process.

    $$C_V = \sqrt{\langle (I - \langle I \rangle)^2 \rangle} \,/\, \langle I \rangle$$

    Means are over the intervals of one unit. A rate that drifts adds to it; see `cv2`.

    ```python
    t = np.random.default_rng(0).exponential(20.0, 5000).cumsum()     # a Poisson process of 50 Hz
    assert abs(dp.measures.cv((t, np.zeros(5000, int)))[0] - 1.0) < 0.05
    assert np.isclose(dp.measures.cv((np.arange(5.0, 105.0, 5.0), np.zeros(20, int)))[0], 0.0)     # a clock
    ```

    **Arguments:**

    - `events`: the `Events` of a population, or a pair `(t, i)` of times [ms] and units.

    **Returns:** one value per unit [-], NaN with fewer than three spikes; of a batch (samples, units).

    **Reference:** Softky, W. R. & Koch, C. (1993), The highly irregular firing of cortical cells is inconsistent with
    temporal integration of random EPSPs, doi:10.1523/JNEUROSCI.13-01-00334.1993.
    """
    return as_events(events).cv()


def cv2(events: object) -> np.ndarray:
    r"""The local variation of each unit's intervals, which a slowly changing rate leaves as it is.

    $$C_{V2} = \left\langle \frac{2\,|I_{k+1} - I_k|}{I_{k+1} + I_k} \right\rangle_k$$

    It is 0 for a clock and 1 for a Poisson process, as `cv` is.

    ```python
    t = np.cumsum([10.0, 20.0, 10.0, 20.0])     # intervals of 10 and 20 ms in turn
    assert np.isclose(dp.measures.cv2((t, np.zeros(4, int)))[0], 2 * 10.0 / 30.0)
    ```

    **Arguments:**

    - `events`: the `Events` of a population, or a pair `(t, i)` of times [ms] and units.

    **Returns:** one value per unit [-], NaN with fewer than three spikes; of a batch (samples, units).

    **Reference:** Holt, G. R., Softky, W. R., Koch, C. & Douglas, R. J. (1996), Comparison of discharge variability in
    vitro and in vivo in cat visual cortex neurons, doi:10.1152/jn.1996.75.5.1806.
    """
    events = as_events(events)
    interval, train = events.intervals()
    within = train[1:] == train[:-1]
    first, second, train = interval[:-1][within], interval[1:][within], train[1:][within]
    total = np.bincount(train, 2.0 * np.abs(second - first) / (first + second), events.train_count)
    with np.errstate(invalid="ignore"):  # 0 / 0, NaN, where there is no pair of intervals
        return events.per_unit(total / np.bincount(train, minlength=events.train_count))
