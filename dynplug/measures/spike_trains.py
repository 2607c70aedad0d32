"""Spikes of a population as events."""

from collections.abc import Callable
from copy import copy

import numpy as np
from jaxtyping import PyTree

from dynplug.core import as_whole, in_double, is_real
from dynplug.errors import OptionError, ShapeError

_ROUNDING = 8.0 * np.finfo(float).eps  # relative: times are multiples of a step, and 3 * 0.1 is no later than 0.3
_ALIKE = 1e-9  # relative: ends of windows and of recordings, which are sums of steps
_MS_PER_S = 1000.0
_PAIR = 2
_FEWEST = 2  # intervals that can vary


class Events:
    r"""The spikes of a population: the time of each, and the unit that sent it, in the order of time.

    All windows are open below and closed above, $(t_0, t_1]$, since a runner writes a spike at the end of its step:
    windows that follow each other share no spike, and lose none.

    ```python
    events = dp.measures.Events([1.0, 2.0, 4.5], [0, 1, 0], size=2, stop=10.0)
    events.trains(), events.rate(), events.between(0.0, 2.0).t
    ```

    **Arguments:**

    - `t`: the time of each spike [ms].
    - `i`: the unit of each spike, an index of the flattened population.
    - `size`: the number of units, or the shape of a grid of them; `None`: as many as have an index up to the greatest.
    - `start`: the time at which the recording began [ms].
    - `stop`: the time at which it ended [ms]; `None`: that of the last spike.
    - `sample`: the sample of each spike, if there is a batch. Measures of units then are (samples, units), and
        `events[0]` are the events of the first sample.
    - `batch_size`: the number of samples; `None` without a batch.

    **Attributes:** `t`, `i`, `sample`, `start`, `stop`, `batch_size` as above; `size`, the number of units; `shape`,
    that of the population; `duration` [ms].

    **Raises:** `ShapeError` if `t`, `i` and `sample` differ in length; `OptionError` for a unit or a sample that there
    is not, for a time outside of the recording, and for samples without a batch size, or the reverse.

    **Reference:** Rieke, F., Warland, D., de Ruyter van Steveninck, R. & Bialek, W. (1997), Spikes: exploring the
    neural code, MIT Press.
    """

    def __init__(
        self,
        t: object,
        i: object,
        *,
        size: int | tuple[int, ...] | None = None,
        start: float = 0.0,
        stop: float | None = None,
        sample: object = None,
        batch_size: int | None = None,
    ):
        self.t, self.i = _times(t), _indices("i", i)
        self.sample = None if sample is None else _indices("sample", sample)
        self.start = _time("start", start)
        self.batch_size = None if batch_size is None else as_whole("batch_size", batch_size, least=0)
        if not self.t.shape == self.i.shape == (self.t if self.sample is None else self.sample).shape:
            raise ShapeError(
                f"Events need one unit, and one sample if any, per time; got {self.t.size} times, {self.i.size} units"
                f"{'' if self.sample is None else f' and {self.sample.size} samples'}."
            )
        if (self.sample is None) != (batch_size is None):
            raise OptionError("Events in a batch need both: sample, one per spike, and batch_size.")
        if (np.diff(self.t) < 0).any():
            order = np.argsort(self.t, kind="stable")
            self.t, self.i = self.t[order], self.i[order]
            self.sample = None if self.sample is None else self.sample[order]
        self.stop = float(self.t[-1] if self.t.size else self.start) if stop is None else _time("stop", stop)
        most = int(self.i.max(initial=-1)) + 1
        self.shape: tuple[int, ...] = (most,) if size is None else _shape(size)
        self._check()

    def _check(self) -> None:
        for name, found, count in (("unit", self.i, self.size), ("sample", self.sample, self.batch_size)):
            if found is None or count is None or found.size == 0:
                continue
            if not 0 <= found.min() <= found.max() < count:
                raise OptionError(
                    f"Events have {name}s 0 to {count - 1}, but there are spikes of {found.min()} to {found.max()}: "
                    "give the right size."
                )
        if len(self.between(self.start, self.stop)) != len(self):
            raise OptionError(
                f"Events after {self.start:g} ms and up to {self.stop:g} ms were expected, but there are spikes from "
                f"{self.t[0]:g} to {self.t[-1]:g} ms: give start and stop."
            )

    @property
    def size(self) -> int:
        """The number of units."""
        return int(np.prod(self.shape, dtype=int))

    @property
    def duration(self) -> float:
        """The length of the recording [ms]."""
        return self.stop - self.start

    def __len__(self) -> int:
        return self.t.size

    def __getitem__(self, sample: int) -> "Events":
        """The events of one sample of a batch."""
        if self.sample is None or self.batch_size is None:
            raise OptionError(f"events[{sample!r}] is one sample of a batch, and these events have none.")
        if not -self.batch_size <= sample < self.batch_size:
            raise IndexError(f"There is no sample {sample}: the batch has {self.batch_size}.")
        own = self.sample == sample % self.batch_size
        return Events(self.t[own], self.i[own], size=self.shape, start=self.start, stop=self.stop)

    def __repr__(self) -> str:
        batch = "" if self.batch_size is None else f", batch_size={self.batch_size}"
        return f"Events({len(self)} spikes of {self.size} units{batch}, {self.start:g} to {self.stop:g} ms)"

    def between(self, start: float, stop: float) -> "Events":
        """The events after `start` and up to `stop` [ms], as views of these, within what was recorded."""
        if start > stop:
            raise OptionError(f"between({start:g}, {stop:g}): the later time comes last.")
        within = np.clip([start, stop], self.start, self.stop)
        if not np.allclose(within, [start, stop], rtol=_ALIKE, atol=_ALIKE * max(abs(self.start), abs(self.stop))):
            raise OptionError(
                f"Spikes from {start:g} to {stop:g} ms are asked for, but they were recorded from {self.start:g} to "
                f"{self.stop:g} ms. Ask for a time within, or say how long the recording was, as in "
                "dp.measures.Events(t, i, start=..., stop=...); without stop it ends with its last spike."
            )
        start, stop = within.tolist()
        first, last = np.searchsorted(self.t, self.edges([start, stop]), side="right")
        some = copy(self)
        some.start, some.stop = start, stop
        some.t, some.i = self.t[first:last], self.i[first:last]
        some.sample = None if self.sample is None else self.sample[first:last]
        return some

    def edges(self, times: object) -> np.ndarray:
        """Ends of windows [ms], late enough that a spike upon one is counted whatever its rounding."""
        times = np.asarray(times, float)
        return times + _ROUNDING * np.maximum(np.abs(times), max(abs(self.start), abs(self.stop)))

    @property
    def train(self) -> np.ndarray:
        """The number of each spike's train: that of its unit, counted on through the samples of a batch."""
        return self.i if self.sample is None else self.sample.astype(np.int64) * self.size + self.i

    def per_unit(self, values: np.ndarray) -> np.ndarray:
        """Values of all trains, last axis, as (units,) or (samples, units)."""
        form = () if self.batch_size is None else (self.batch_size,)
        return values.reshape(*values.shape[:-1], *form, self.size)

    @property
    def train_count(self) -> int:
        """The number of trains: units, times samples if there is a batch."""
        return self.size * (1 if self.batch_size is None else self.batch_size)

    def trains(self) -> list[PyTree[np.ndarray]]:
        """The times of the spikes of each unit [ms], an array per unit; of a batch, such a list per sample."""
        order = np.argsort(self.train, kind="stable")
        ends = np.cumsum(np.bincount(self.train, minlength=self.train_count))
        flat = np.split(self.t[order], ends[:-1]) if self.train_count else []
        if self.batch_size is None:
            return flat
        return [flat[b * self.size : (b + 1) * self.size] for b in range(self.batch_size)]

    def isi(self) -> list[PyTree[np.ndarray]]:
        """The intervals between the spikes of each unit [ms], as `trains`."""
        return _each(np.diff, self.trains())

    def rate(self, start: float | None = None, stop: float | None = None) -> np.ndarray:
        """The mean rate of each unit [Hz] after `start` and up to `stop` [ms], if given: `dynplug.measures.rate`."""
        window = self.between(self.start if start is None else start, self.stop if stop is None else stop)
        if window.duration <= 0.0:
            raise OptionError(
                f"A rate needs a window of some length, but this one is from {window.start:g} to {window.stop:g} ms."
            )
        spikes = np.bincount(window.train, minlength=self.train_count)
        return self.per_unit(spikes * (_MS_PER_S / window.duration))

    def cv(self) -> np.ndarray:
        """The coefficient of variation of each unit's intervals, NaN below three spikes: `dynplug.measures.cv`."""
        interval, train = self.intervals()
        count = np.bincount(train, minlength=self.train_count)
        with np.errstate(invalid="ignore"):  # 0 / 0 where there is no interval
            mean = np.bincount(train, interval, self.train_count) / count
            variance = np.bincount(train, (interval - mean[train]) ** 2, self.train_count) / count
            found = np.sqrt(variance) / mean
        return self.per_unit(np.where(count < _FEWEST, np.nan, found))

    def intervals(self) -> tuple[np.ndarray, np.ndarray]:
        """All intervals [ms], those of each train in their order, and the number of the train of each."""
        order = np.argsort(self.train, kind="stable")
        t, train = self.t[order], self.train[order]
        within = train[1:] == train[:-1]
        return np.diff(t)[within], train[1:][within]


def as_events(events: object) -> Events:
    """Events as they are, or those of a pair `(t, i)` of times [ms] and units, from 0 ms to the last spike."""
    if isinstance(events, Events):
        return events
    if not isinstance(events, (tuple, list)) or len(events) != _PAIR:
        raise OptionError(
            "Spikes are the Events of a population, or a pair (t, i) of times [ms] and units; got "
            f"{type(events).__name__} {events!r:.80}."
        )
    return Events(*events)


def recorded(events: object, start: float | None, stop: float | None) -> Events:
    """As `as_events`; a pair, which does not tell how long it was recorded, was so for as long as it is asked for."""
    found = as_events(events)
    if found is not events:
        found.start = min(found.start, found.start if start is None else start)
        found.stop = max(found.stop, found.stop if stop is None else stop)
    return found


def _each(change: Callable[[np.ndarray], np.ndarray], trains: list[PyTree[np.ndarray]]) -> list[PyTree[np.ndarray]]:
    """A function of each train, of a list of them or of lists of them."""
    return [_each(change, train) if isinstance(train, list) else change(train) for train in trains]


def _times(t: object) -> np.ndarray:
    try:
        t = in_double(t)
    except (TypeError, ValueError) as error:
        raise ShapeError(f"Times of spikes are numbers in one row; got {t!r:.80}.") from error
    if t.ndim != 1 or not np.isfinite(t).all():
        raise ShapeError(f"Times of spikes are finite numbers in one row; got shape {t.shape}: {t!r:.80}.")
    return t


def _indices(name: str, values: object) -> np.ndarray:
    found = np.asanyarray(values)
    if found.size == 0:
        return found.reshape(-1).astype(np.int64)
    if not np.issubdtype(found.dtype, np.integer):
        raise OptionError(f"{name} of dtype {found.dtype}: the index of each spike must be a whole number.")
    return found if found.dtype.kind == "i" else found.astype(np.int64)


def _time(name: str, given: float) -> float:
    if not is_real(given) or np.ndim(given) or not np.isfinite(given):
        raise OptionError(f"{name}={given!r} must be a time [ms], a finite number.")
    return float(in_double(given))


def _shape(size: int | tuple[int, ...]) -> tuple[int, ...]:
    return tuple(as_whole("size", n, least=0) for n in np.atleast_1d(size))
