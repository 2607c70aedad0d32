"""Arrays of training data: checked, and cut into batches."""

from collections.abc import Iterator
from functools import partial
from typing import Any, NamedTuple

import jax
import numpy as np

from dynplug.core import is_whole
from dynplug.errors import DataError
from dynplug.run import as_arrays
from dynplug.train.data.layout import Layout

_SHAPES = (
    "A batch holds samples of one shape: pad recordings of several lengths to one, or give those of a length as a "
    "batch, [(x, y), ...]."
)


class Batch(NamedTuple):
    """Inputs, targets, and the number of samples; and which of them are real, where there may be others."""

    x: Any
    y: Any
    size: int
    real: Any = None


class Pair:
    """Inputs and targets of the same samples.

    **Arguments:**

    - `data`: a pair (x, y) of arrays, or of pytrees of arrays.
    - `layout`: where samples and time are.
    - `name`: what the data are, for messages.
    """

    def __init__(self, data: Any, layout: Layout, name: str):
        if not (isinstance(data, (tuple, list)) and len(data) == 2):
            raise DataError(f"{name}: give a pair (x, y) of arrays; got {_kind(data)}.")
        x, y = data
        self.x = as_arrays(x, partial(_numbers, what=f"{name}: x"))
        self.y = as_arrays(y, partial(_numbers, what=f"{name}: y"))
        self.layout = layout
        self.samples = self._count(name)
        arrays, self._structure = jax.tree.flatten((self.x, self.y))
        axes = [layout.samples(a.ndim) for a in jax.tree.leaves(self.x)]
        axes += [layout.samples(a.ndim, target=True) for a in jax.tree.leaves(self.y)]
        self._along = list(zip(arrays, axes, strict=True))

    def rows(self, rows: np.ndarray) -> Batch:
        """Some of the samples."""
        x, y = jax.tree.unflatten(self._structure, [a.take(rows, axis) for a, axis in self._along])
        return Batch(x, y, len(rows))

    def _count(self, name: str) -> int:
        least = self.layout.least_rank
        for a in jax.tree.leaves(self.x):
            if a.ndim < least:
                lacks = "a time or a sample axis" if least == 2 else "a sample axis"
                raise DataError(f"{name}: x of shape {a.shape} lacks {lacks}.")
        for a in jax.tree.leaves(self.y):
            if a.ndim < 1:
                raise DataError(f"{name}: y is one number; give one target a sample.")
        for a in jax.tree.leaves(self.x):
            time = self.layout.time(a.ndim)
            if time is not None and a.shape[time] == 0:
                raise DataError(f"{name}: x of shape {a.shape} has no time step, with {self.layout.name}.")
        samples = self._lengths(self.x) | self._lengths(self.y, target=True)
        if len(samples) != 1:
            raise DataError(f"{name}: {self._disagreement()}")
        if samples == {0}:
            raise DataError(f"{name}: there is no sample.")
        return samples.pop()

    def _lengths(self, part: Any, *, target: bool = False, swapped: bool = False) -> set[int]:
        """The lengths of a part's sample axes; of its time axes, where it has them, if `swapped`."""
        lengths: set[int] = set()
        for a in jax.tree.leaves(part):
            time = self.layout.time(a.ndim, target=target)
            axis = time if swapped and time is not None else self.layout.samples(a.ndim, target=target)
            lengths.add(a.shape[axis])
        return lengths

    def _disagreement(self) -> str:
        of_x, of_y = self._lengths(self.x), self._lengths(self.y, target=True)
        shapes = [[a.shape for a in jax.tree.leaves(part)] for part in (self.x, self.y)]
        message = (
            f"with {self.layout.name}, x of shape {shapes[0]} has {sorted(of_x)} samples and y of shape "
            f"{shapes[1]} has {sorted(of_y)}."
        )
        if self.layout.least_rank == 1:
            return message
        x_swapped, y_swapped = self._lengths(self.x, swapped=True), self._lengths(self.y, target=True, swapped=True)
        if x_swapped == y_swapped and len(x_swapped) == 1:
            other = "data_first_axis='T'" if "'B'" in self.layout.name else "data_first_axis='B'"
            message += f" They agree if time and batch are exchanged: is it {other}?"
        elif of_x == y_swapped:
            message += " They agree if time and batch of y are exchanged: give x and y the same axes."
        elif x_swapped == of_y:
            message += " They agree if time and batch of x are exchanged: give x and y the same axes."
        return message


class ArrayBatches:
    """The batches of a pair, in the order of its samples or shuffled. The last one may be smaller.

    **Arguments:**

    - `pair`: the data.
    - `batch_size`: samples in a batch; `None` for all in one.
    - `name`: what the data are, for messages.
    """

    def __init__(self, pair: Pair, batch_size: int | None, name: str):
        if batch_size is not None and not is_whole(batch_size):
            raise DataError(f"{name}: batch_size={batch_size} must be a whole number of at least 1.")
        self._pair = pair
        self._size = min(batch_size or pair.samples, pair.samples)

    @property
    def size(self) -> int:
        """The number of samples in all batches but the last."""
        return self._size

    @property
    def partial(self) -> bool:
        """Whether the last batch has fewer."""
        return self._pair.samples % self._size != 0

    def __len__(self) -> int:
        return -(-self._pair.samples // self._size)

    def batches(self, rng: np.random.Generator | None) -> Iterator[Batch]:
        """The batches, of samples shuffled by `rng`."""
        samples = self._pair.samples
        order = np.arange(samples) if rng is None else rng.permutation(samples)
        for start in range(0, samples, self._size):
            yield self._pair.rows(order[start : start + self._size])


def _numbers(given: Any, what: str) -> np.ndarray:
    """An array of numbers, or `DataError`."""
    try:
        found = np.asarray(given)
    except ValueError as error:
        raise DataError(f"{what} is a list of arrays of several shapes. {_SHAPES}") from error
    if found.dtype.kind == "O":
        raise DataError(f"{what} is an array of objects. {_SHAPES}")
    if found.dtype.kind in "US":
        raise DataError(
            f"{what} is text. Class indices are made of any labels by `names, y = np.unique(y, return_inverse=True)`."
        )
    return found


def _kind(data: Any) -> str:
    shape = getattr(data, "shape", None)
    return type(data).__name__ if shape is None else f"{type(data).__name__} of shape {tuple(shape)}"
