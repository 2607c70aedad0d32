"""Sources of an epoch's batches: arrays, an iterable of batches, or a function called for each epoch."""

import inspect
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from dynplug.errors import DataError
from dynplug.train.data.arrays import ArrayBatches, Batch, Pair
from dynplug.train.data.layout import Layout
from dynplug.train.data.sequences import pairs_of, to_check


class BatchSource(ABC):
    """Batches, epoch by epoch."""

    @abstractmethod
    def length(self, epoch: int) -> int | None:
        """The number of batches of an epoch, where it is known."""

    @abstractmethod
    def full(self, epoch: int) -> int | None:
        """The number of samples in all batches of an epoch but the last, if it is known and the last may have fewer."""

    @abstractmethod
    def batches(self, epoch: int, rng: np.random.Generator) -> Iterator[Batch]:
        """The batches of an epoch, numbered from 1; `rng` is for shuffling."""


@dataclass(frozen=True)
class Reading:
    """Reads data in any form that `fit` takes.

    **Attributes:** `layout`, their axes; `batch_size`, of arrays alone; `check`, called with each pair of arrays,
    which raises `DataError` for what cannot be used; `shuffle`; `name`, for messages; `admits`, called with data as
    they are given and their name, which raises `DeviceError` where they are on devices that are not used; `buckets`,
    the number of lengths to which sequences of several lengths are padded.
    """

    layout: Layout
    batch_size: int | None
    check: Callable[[Pair], None]
    shuffle: bool | None
    name: str
    admits: Callable[[Any, str], None]
    buckets: int = 4

    def __call__(self, data: object) -> BatchSource:
        """The source that the data are, told by their type: a tuple is (x, y), what can be iterated gives batches."""
        if isinstance(data, tuple):
            pairs = self.pairs(data, self.name, self.buckets)
            return _Arrays(ArrayBatches(pairs, self.batch_size), self.shuffle is not False)
        if isinstance(data, list) and len(data) == 2 and all(hasattr(part, "shape") for part in data):
            raise DataError(f"{self.name} is a list of two arrays: for inputs and targets give a tuple, (x, y).")
        whole = hasattr(data, "shape") or isinstance(data, (Mapping, str))
        if whole or not (isinstance(data, Iterable) or callable(data)):
            raise DataError(
                f"{self.name}: give a pair (x, y) of arrays, as a tuple; an iterable of such pairs, each a batch; or a "
                f"function that returns one of these for each epoch; got {type(data).__name__}."
            )
        return _Stream(data, self) if isinstance(data, Iterable) else _Function(data, self)

    def pairs(self, data: object, name: str, most: int | None) -> list[Pair]:
        """Inputs and targets, checked, each pair of one length; `most` as for `pairs_of`."""
        self.admits(data, name)
        pairs = pairs_of(data, self.layout, name, most)
        try:
            self.check(to_check(pairs, data, self.layout, name))
        except DataError as error:
            raise DataError(f"{name}: {error}") from error
        return pairs

    def given(self, options: str) -> DataError:
        """The error about options that only arrays have."""
        return DataError(f"{self.name} gives its own batches: leave out {options}, or do it in the loader.")


@dataclass(frozen=True)
class _Arrays(BatchSource):
    data: ArrayBatches
    shuffle: bool

    def length(self, epoch: int) -> int:
        return len(self.data)

    def full(self, epoch: int) -> int | None:
        return self.data.size if self.data.partial else None

    def batches(self, epoch: int, rng: np.random.Generator) -> Iterator[Batch]:
        return self.data.batches(rng if self.shuffle else None)


class _Stream(BatchSource):
    """An iterable of batches (x, y), as a list or a data loader, gone through anew in each epoch."""

    def __init__(self, data: Iterable[Any], reading: Reading):
        if reading.batch_size is not None:
            raise reading.given(f"batch_size={reading.batch_size}")
        if reading.shuffle:
            raise reading.given("shuffle_data=True")
        self._data, self._reading = data, reading

    def length(self, epoch: int) -> int | None:
        try:
            return len(self._data)  # pyright: ignore[reportArgumentType] - that is the question
        except (TypeError, NotImplementedError):
            return None

    def full(self, epoch: int) -> int | None:
        size = getattr(self._data, "batch_size", None)  # as a loader of PyTorch has it
        return size if isinstance(size, int) else None

    def batches(self, epoch: int, rng: np.random.Generator) -> Iterator[Batch]:
        name, empty = self._reading.name, True
        for n, item in enumerate(self._data, 1):
            empty = False
            for pair in self._reading.pairs(item, f"{name}, batch {n}", None):
                yield Batch(pair.x, pair.y, pair.samples, lengths=pair.lengths)
        if empty:
            spent = isinstance(self._data, Iterator)
            raise DataError(
                f"{name} gave no batch in epoch {epoch}."
                + (" An iterator is gone through once: give a list, a loader, or a function." if spent else "")
            )


class _Function(BatchSource):
    """A function that is called for each epoch: `f()`, or `f(epoch)` if it has a parameter."""

    def __init__(self, function: Callable[..., Any], reading: Reading):
        self._function, self._reading = function, reading
        self._takes_epoch = bool(inspect.signature(function).parameters)
        self._made: tuple[int, BatchSource] | None = None

    def length(self, epoch: int) -> int | None:
        return self._source(epoch).length(epoch)

    def full(self, epoch: int) -> int | None:
        return self._source(epoch).full(epoch)

    def batches(self, epoch: int, rng: np.random.Generator) -> Iterator[Batch]:
        source, self._made = self._source(epoch), None
        return source.batches(epoch, rng)

    def _source(self, epoch: int) -> BatchSource:
        if self._made is None or self._made[0] != epoch:
            data = self._function(epoch) if self._takes_epoch else self._function()
            if callable(data) and not isinstance(data, Iterable):
                raise DataError(f"{self._reading.name}: the function returned another function.")
            self._made = epoch, self._reading(data)
        return self._made[1]
