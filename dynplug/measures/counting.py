"""Measures of how many spikes fall into windows of time."""

import numpy as np

from dynplug.core import is_real
from dynplug.errors import DurationError, OptionError
from dynplug.measures.spike_trains import Events, as_events, recorded

_MS_PER_S = 1000.0


def counts(events: object, bin: float) -> np.ndarray:
    r"""The number of spikes of each unit in windows of one length.

    $$n_k = \#\{t : t_0 + k\,w < t \le t_0 + (k + 1)\,w\}$$

    $t_0$ is the start of the events. What is left at their end and fills no window is not counted.

    ```python
    assert dp.measures.counts(([1.0, 2.0, 4.5], [0, 1, 0]), bin=2.0).tolist() == [[1, 1], [0, 0]]     # (windows, units)
    ```

    **Arguments:**

    - `events`: the `Events` of a population, or a pair `(t, i)` of times [ms] and units.
    - `bin`: the length $w$ of a window [ms].

    **Returns:** whole numbers (windows, units); of a batch (windows, samples, units).

    **Raises:** `OptionError` for a length that is not positive; `DurationError` if it is longer than the events.

    **Reference:** Dayan, P. & Abbott, L. F. (2001), Theoretical Neuroscience, section 1.4, MIT Press.
    """
    events = as_events(events)
    edges = _edges(events, bin)
    window = np.searchsorted(events.edges(edges), events.t, side="left") - 1
    filled = window < len(edges) - 1
    at = window[filled] * events.train_count + events.train[filled]
    found = np.bincount(at, minlength=(len(edges) - 1) * events.train_count)
    return events.per_unit(found.reshape(len(edges) - 1, events.train_count))


def rate(events: object, start: float | None = None, stop: float | None = None) -> np.ndarray:
    r"""The mean rate of each unit [Hz].

    $$r = n / (t_1 - t_0)$$

    ```python
    events = dp.measures.Events([1.0, 2.0, 4.5], [0, 1, 0], stop=10.0)     # two spikes and one in 10 ms
    assert np.allclose(dp.measures.rate(events), [200.0, 100.0])     # [Hz]
    assert np.allclose(dp.measures.rate((events.t, events.i), stop=10.0), [200.0, 100.0])     # a pair has no end itself
    ```

    **Arguments:**

    - `events`: the `Events` of a population, or a pair `(t, i)` of times [ms] and units.
    - `start`: the time after which spikes are counted [ms]; `None`: the start of the events.
    - `stop`: the time up to which they are counted [ms]; `None`: the end of the events.

    **Returns:** one value per unit; of a batch (samples, units).

    **Raises:** `OptionError` for a window without length, or one that reaches beyond the recording.

    **Reference:** Dayan, P. & Abbott, L. F. (2001), Theoretical Neuroscience, section 1.2, MIT Press.
    """
    return recorded(events, start, stop).rate(start, stop)


def rate_over_time(events: object, bin: float) -> tuple[np.ndarray, np.ndarray]:
    r"""The rate of a population over time [Hz]: a histogram of its spikes, also known as PSTH.

    $$r_k = \frac{1}{N\,w} \sum_{j=1}^{N} n_{jk}$$

    $n_{jk}$ is the count of train $j$ in window $k$ of length $w$; the $N$ trains are all units of all samples.

    ```python
    middles, rate = dp.measures.rate_over_time(([1.0, 2.0, 4.5], [0, 1, 0]), bin=2.0)
    assert middles.tolist() == [1.0, 3.0] and rate.tolist() == [500.0, 0.0]  # [ms], [Hz]
    ```

    **Arguments:**

    - `events`: the `Events` of a population, or a pair `(t, i)` of times [ms] and units.
    - `bin`: the length $w$ of a window [ms].

    **Returns:** the middles of the windows [ms], and the rate in each.

    **Raises:** `OptionError` for a length that is not positive; `DurationError` if it is longer than the events.

    **Reference:** Gerstein, G. L. & Kiang, N. Y.-S. (1960), An approach to the quantitative analysis of
    electrophysiological data from single neurons, doi:10.1016/S0006-3495(60)86872-5.
    """
    events = as_events(events)
    edges = _edges(events, bin)
    if events.train_count == 0:
        raise OptionError("The rate of a population without units is not defined.")
    found = np.diff(np.searchsorted(events.t, events.edges(edges), side="right"))
    return (edges[:-1] + edges[1:]) / 2.0, found * (_MS_PER_S / (bin * events.train_count))


def fano(events: object, bin: float) -> np.ndarray:
    r"""The Fano factor of each unit: the variance of its counts over windows, over their mean.

    $$F = \frac{1}{(K - 1)\,\bar n} \sum_{k=1}^{K} (n_k - \bar n)^2$$

    It is 1 for a Poisson process with any window, and for a renewal process tends to $C_V^2$ with long ones.

    ```python
    t = np.sort(np.random.default_rng(0).uniform(0.0, 1e5, 5000))     # a Poisson process of 50 Hz
    assert abs(dp.measures.fano((t, np.zeros(5000, int)), bin=100.0)[0] - 1.0) < 0.1
    ```

    **Arguments:**

    - `events`: the `Events` of a population, or a pair `(t, i)` of times [ms] and units.
    - `bin`: the length of a window [ms].

    **Returns:** one value per unit [-], NaN without a spike; of a batch (samples, units).

    **Raises:** `OptionError` for a length that is not positive; `DurationError` for fewer than two windows.

    **Reference:** Shadlen, M. N. & Newsome, W. T. (1998), The variable discharge of cortical neurons,
    doi:10.1523/JNEUROSCI.18-10-03870.1998.
    """
    found = several(events, bin)
    with np.errstate(invalid="ignore"):  # 0 / 0, NaN, without a spike
        return found.var(axis=0, ddof=1) / found.mean(axis=0)


def several(events: object, bin: float) -> np.ndarray:
    """Counts in at least two windows, without which nothing varies."""
    found = counts(events, bin)
    if len(found) < 2:
        raise DurationError(f"bin={bin:g} ms fits only once into the events: give a shorter one, or run for longer.")
    return found


def _edges(events: Events, bin: float) -> np.ndarray:
    """The ends of all windows that lie within the events [ms]."""
    if not is_real(bin) or np.ndim(bin) or not 0.0 < bin < np.inf:
        raise OptionError(f"bin={bin!r} must be a positive length of time [ms].")
    number = int(np.floor(events.edges([events.duration])[0] / bin))
    if number == 0:
        raise DurationError(f"bin={bin:g} ms is longer than the events, {events.duration:g} ms: give a shorter one.")
    return events.start + bin * np.arange(number + 1)
