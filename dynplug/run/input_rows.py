"""Where the rows of an input that varies come from."""

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any

import jax
import numpy as np

from dynplug.errors import DurationError, ShapeError
from dynplug.run.data_axes import DataAxis, length_of, rows_of


class InputRows(ABC):
    """Rows by the index of the step, the same at each asking, in the order of the axes of the run's data."""

    @abstractmethod
    def check(self, first: int, count: int, batch_size: int | None, axis: DataAxis | None) -> None:
        """Raise, before a run, if its steps cannot be served."""

    @abstractmethod
    def row(self, axis: DataAxis | None) -> Any:
        """The shapes and dtypes of one sample's row, or `None` where they are not known beforehand."""

    @abstractmethod
    def take(self, first: int, count: int, axis: DataAxis | None) -> Any:
        """The rows of `count` steps."""

    @abstractmethod
    def settle(self) -> None:
        """A run has ended well: its rows are not asked for again, other than by a new start."""


class ArraySource(InputRows):
    """Arrays that hold a row for each step, counted from step 0."""

    def __init__(self, target: str, arrays: Any):
        self.target = target
        self.arrays = arrays

    def check(self, first: int, count: int, batch_size: int | None, axis: DataAxis | None) -> None:
        what = f"rows of input {self.target!r}"
        length = length_of(self.arrays, 1 if axis == "B" else 0, what)
        if first + count > length:
            raise DurationError(
                f"Input {self.target!r} has rows for {length} steps, and the run needs them up to step "
                f"{first + count - 1}: give more rows, or run for {max(0, length - first)} steps."
            )
        if axis is None:
            return
        samples = length_of(self.arrays, 0 if axis == "B" else 1, what)
        if samples != batch_size:
            raise ShapeError(
                f"Input {self.target!r} has {samples} samples, the run has {batch_size}: its axes are those of the "
                f"data, data_first_axis={axis!r}."
            )

    def row(self, axis: DataAxis | None) -> Any:
        outer = 1 if axis is None else 2
        return jax.tree.map(lambda a: jax.ShapeDtypeStruct(a.shape[outer:], a.dtype), self.arrays)

    def take(self, first: int, count: int, axis: DataAxis | None) -> Any:
        return rows_of(self.arrays, first, count, axis)

    def settle(self) -> None:
        pass


class IterableSource(InputRows):
    """An iterable of rows, or a function that makes one, pulled on the host as the run proceeds.

    Where it can be started anew it belongs to step 0. An iterator cannot: its first row is that of the first step asked
    for.
    """

    def __init__(self, target: str, rows: Iterable[Any] | Callable[[], Iterable[Any]]):
        self.target = target
        self.once = isinstance(rows, Iterator)
        self._make: Callable[[], Iterable[Any]] = rows if callable(rows) else lambda: rows
        self._rows: Iterator[Any] = iter(())
        self._kept: list[Any] = []  # pulled last, from step _first on: they serve again after an interrupt
        self._first: int | None = None

    def check(self, first: int, count: int, batch_size: int | None, axis: DataAxis | None) -> None:
        if self.once and self._first is not None and not self._first <= first <= self._first + len(self._kept):
            raise DurationError(
                f"Input {self.target!r} is an iterator that has gone on to step {self._first + len(self._kept)}, and "
                f"the run starts at step {first}: an iterator cannot go back. Give an iterable, or a function that "
                "makes one."
            )

    def row(self, axis: DataAxis | None) -> None:
        return None

    def take(self, first: int, count: int, axis: DataAxis | None) -> Any:
        if self._first is None or not self._first <= first <= self._first + len(self._kept):
            self._rows = iter(self._make())
            self._first, self._kept = first, []
            deque(islice(self._rows, 0 if self.once else first), maxlen=0)  # what comes before the first step
        self._kept = self._kept[first - self._first :]
        self._first = first
        self._kept += islice(self._rows, max(0, count - len(self._kept)))
        if len(self._kept) < count:
            raise DurationError(
                f"Input {self.target!r} ended before step {first + len(self._kept)}: the run needs a row for each step."
            )
        stack = 1 if axis == "B" else 0
        return jax.tree.map(lambda *rows: np.stack(rows, axis=stack), *self._kept[:count])

    def settle(self) -> None:
        if self._first is not None:
            self._first, self._kept = self._first + len(self._kept), []
