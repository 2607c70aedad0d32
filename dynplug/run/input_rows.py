"""Sources of the rows of a varying input."""

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from itertools import islice

import jax
import numpy as np
from jaxtyping import PyTree

from dynplug.errors import DurationError, ShapeError
from dynplug.run.data_axes import DataAxis, length_of, rows_of


class InputRows(ABC):
    """Rows by the index of the step, reproducibly, with the axes of the run's data."""

    @abstractmethod
    def check(self, first: int, count: int, batch_size: int | None, axis: DataAxis | None) -> None:
        """Raise, before a run, if rows for its steps are not available."""

    @abstractmethod
    def row(self, axis: DataAxis | None) -> PyTree:
        """The shapes and dtypes of one sample's row, or `None` if they are not known beforehand."""

    @abstractmethod
    def take(self, first: int, count: int, axis: DataAxis | None) -> PyTree:
        """The rows of `count` steps."""

    @abstractmethod
    def end_run(self) -> None:
        """Note that a run has completed: its rows are not requested again, except by a restart."""


class ArraySource(InputRows):
    """Arrays with a row for each step, counted from step 0."""

    def __init__(self, target: str, arrays: PyTree):
        self.target = target
        self.arrays = arrays

    def check(self, first: int, count: int, batch_size: int | None, axis: DataAxis | None) -> None:
        what = f"rows of input {self.target!r}"
        length = length_of(self.arrays, 1 if axis == "B" else 0, what)
        if first + count > length:
            raise DurationError(
                f"Input {self.target!r} has rows for {length} steps, but the run needs them up to step "
                f"{first + count - 1}: give more rows, or run for {max(0, length - first)} steps."
            )
        if axis is None:
            return
        samples = length_of(self.arrays, 0 if axis == "B" else 1, what)
        if samples != batch_size:
            raise ShapeError(
                f"Input {self.target!r} has {samples} samples, but the run has {batch_size}: its axes must be those of "
                f"the data, data_first_axis={axis!r}."
            )

    def row(self, axis: DataAxis | None) -> PyTree:
        outer = 1 if axis is None else 2
        return jax.tree.map(lambda a: jax.ShapeDtypeStruct(a.shape[outer:], a.dtype), self.arrays)

    def take(self, first: int, count: int, axis: DataAxis | None) -> PyTree:
        return rows_of(self.arrays, first, count, axis)

    def end_run(self) -> None:
        pass


class IterableSource(InputRows):
    """An iterable of rows, or a function that returns one, consumed on the host as the run proceeds.

    If it can be restarted, its first row is that of step 0. An iterator cannot: its first row is that of the first step
    requested.
    """

    def __init__(self, target: str, rows: Iterable[PyTree] | Callable[[], Iterable[PyTree]]):
        self.target = target
        self.once = isinstance(rows, Iterator)
        self._make: Callable[[], Iterable[PyTree]] = rows if callable(rows) else lambda: rows
        self._rows: Iterator[PyTree] = iter(())
        self._kept: list[PyTree] = []  # the last rows, from step _first: they are used again after an interrupt
        self._first: int | None = None

    def check(self, first: int, count: int, batch_size: int | None, axis: DataAxis | None) -> None:
        if self.once and self._first is not None and not self._first <= first <= self._first + len(self._kept):
            raise DurationError(
                f"Input {self.target!r} is an iterator that has advanced to step {self._first + len(self._kept)}, "
                f"but the run starts at step {first}: an iterator cannot go back. Give an iterable, or a function that "
                "returns one."
            )

    def row(self, axis: DataAxis | None) -> None:
        return None

    def take(self, first: int, count: int, axis: DataAxis | None) -> PyTree:
        if self._first is None or not self._first <= first <= self._first + len(self._kept):
            self._rows = iter(self._make())
            self._first, self._kept = first, []
            deque(islice(self._rows, 0 if self.once else first), maxlen=0)  # skip the rows before the first step
        self._kept = self._kept[first - self._first :]
        self._first = first
        self._kept += islice(self._rows, max(0, count - len(self._kept)))
        if len(self._kept) < count:
            raise DurationError(
                f"Input {self.target!r} ended before step {first + len(self._kept)}: the run needs a row for each step."
            )
        stack = 1 if axis == "B" else 0
        return jax.tree.map(lambda *rows: np.stack(rows, axis=stack), *self._kept[:count])

    def end_run(self) -> None:
        if self._first is not None:
            self._first, self._kept = self._first + len(self._kept), []
