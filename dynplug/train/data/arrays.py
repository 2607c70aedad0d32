"""Arrays of training data: checked, and cut into batches."""

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any, NamedTuple

import jax
import numpy as np
from jaxtyping import PyTree

from dynplug.errors import DataError
from dynplug.run import as_arrays
from dynplug.train.data.layout import Layout

_SHAPES = (
    "A batch holds samples of one shape: pad recordings of several lengths to one, or give those of a length as a "
    "batch, [(x, y), ...]."
)


class Batch(NamedTuple):
    """Inputs, targets, and the number of samples.

    `real` says which of them are, where there may be others; `lengths` how many steps of each, where not all count.
    """

    x: PyTree
    y: PyTree
    size: int
    real: Any = None
    lengths: Any = None


class Pair:
    """Inputs and targets of the same samples.

    **Arguments:**

    - `data`: a pair (x, y) of arrays, or of pytrees of arrays; or (x, y, lengths).
    - `layout`: the axes of samples and time.
    - `name`: the name of the data in messages.

    **Attributes:** `x`, `y`; `samples`, their number; `lengths`, the steps of each, `None` where all have all.
    """

    def __init__(self, data: object, layout: Layout, name: str):
        x, y, lengths = parts_of(data, name)
        self.x = as_arrays(x, partial(_numbers, what=f"{name}: x"))
        self.y = as_arrays(y, partial(_numbers, what=f"{name}: y"))
        self.layout = layout
        self.samples = self._count(name)
        arrays, self._structure = jax.tree.flatten((self.x, self.y))
        axes = [layout.samples(a.ndim) for a in jax.tree.leaves(self.x)]
        axes += [layout.samples(a.ndim, target=True) for a in jax.tree.leaves(self.y)]
        self._along = list(zip(arrays, axes, strict=True))
        self.lengths = None if lengths is None else as_lengths(lengths, self.samples, self._steps(name), name)

    def rows(self, rows: np.ndarray) -> Batch:
        """Some of the samples."""
        x, y = jax.tree.unflatten(self._structure, [a.take(rows, axis) for a, axis in self._along])
        return Batch(x, y, len(rows), lengths=None if self.lengths is None else self.lengths[rows])

    @property
    def ends(self) -> np.ndarray:
        """The number of steps of each sample that count."""
        return np.full(self.samples, self._steps("data")) if self.lengths is None else self.lengths

    @property
    def mask(self) -> np.ndarray | None:
        """A mask of the steps that count, (samples, time); `None` if all do."""
        if self.lengths is None:
            return None
        return np.arange(self._steps("data")) < self.lengths[:, None]

    def _steps(self, name: str) -> int:
        """The number of steps that all inputs have."""
        found = {a.shape[axis] for a in jax.tree.leaves(self.x) if (axis := self.layout.time(a.ndim)) is not None}
        if len(found) != 1:
            raise DataError(f"{name}: lengths are of inputs with one time axis; got {sorted(found) or 'none'}.")
        return found.pop()

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

    def _lengths(self, part: object, *, target: bool = False, swapped: bool = False) -> set[int]:
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
    """The batches of pairs, in the order of their samples or shuffled. The last one of each may be smaller.

    **Arguments:**

    - `pairs`: the data; several where sequences have several lengths, each of one padded length.
    - `batch_size`: samples in a batch; `None` for all in one.
    """

    def __init__(self, pairs: Sequence[Pair], batch_size: int | None):
        self._pairs = pairs
        most = max(pair.samples for pair in pairs)
        self._size = min(batch_size or most, most)

    @property
    def size(self) -> int:
        """The number of samples in all batches but the last."""
        return self._size

    @property
    def partial(self) -> bool:
        """Whether the last batch has fewer."""
        return any(pair.samples % self._size != 0 for pair in self._pairs)

    def __len__(self) -> int:
        return sum(-(-pair.samples // self._size) for pair in self._pairs)

    def batches(self, rng: np.random.Generator | None) -> Iterator[Batch]:
        """The batches, of samples shuffled by `rng`."""
        cut: list[tuple[Pair, np.ndarray]] = []
        for pair in self._pairs:
            order = np.arange(pair.samples) if rng is None else rng.permutation(pair.samples)
            cut += [(pair, order[start : start + self._size]) for start in range(0, pair.samples, self._size)]
        if rng is not None and len(self._pairs) > 1:
            cut = [cut[n] for n in rng.permutation(len(cut))]
        for pair, rows in cut:
            yield pair.rows(rows)


def _numbers(given: object, what: str) -> np.ndarray:
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


def parts_of(data: object, name: str) -> tuple[Any, Any, Any]:
    """Inputs, targets and lengths, `None` where there are none; or `DataError`."""
    if not (isinstance(data, (tuple, list)) and len(data) in (2, 3)):
        raise DataError(f"{name}: give a pair (x, y) of arrays; got {_kind(data)}.")
    x, y, *lengths = data
    return x, y, lengths[0] if lengths else None


def as_lengths(given: object, samples: int, steps: int, name: str) -> np.ndarray:
    """The number of steps of each sample, checked, or `DataError`."""
    lengths = np.asarray(given)
    if lengths.shape != (samples,) or lengths.dtype.kind not in "iu":
        raise DataError(
            f"{name}: lengths are a whole number of steps for each of {samples} samples; got {lengths.dtype} of shape "
            f"{lengths.shape}."
        )
    wrong = np.flatnonzero((lengths < 1) | (lengths > steps))
    if len(wrong):
        raise DataError(
            f"{name}: sample {wrong[0]} has a length of {lengths[wrong[0]]}, but the inputs have {steps} steps: a "
            f"length is from 1 to {steps} ({len(wrong)} of {samples} are not)."
        )
    return lengths.astype(np.int32)


def _kind(data: object) -> str:
    shape = getattr(data, "shape", None)
    return type(data).__name__ if shape is None else f"{type(data).__name__} of shape {tuple(shape)}"
