"""Arrays of training data, cut into batches."""

from collections.abc import Iterator
from typing import Any

import jax
import numpy as np

from dynplug.errors import DataError
from dynplug.run.axes import DataAxis, as_arrays


class Batches:
    """Inputs and targets of many samples, cut into batches along their sample axes.

    With `data_first_axis="B"` that is axis 0. With `"T"` it is axis 1, but axis 0 for targets of rank one, which have
    no time axis.

    **Arguments:**

    - `data`: a pair (x, y) of arrays, or of pytrees of arrays.
    - `axis`: `data_first_axis`.
    - `batch_size`: samples in a batch; `None` for all in one. The last batch may be smaller.
    - `name`: what the data are, for messages.
    """

    def __init__(self, data: Any, axis: DataAxis, batch_size: int | None, name: str):
        if not (isinstance(data, (tuple, list)) and len(data) == 2):
            raise DataError(f"{name}: give a pair (x, y) of arrays; got {type(data).__name__}.")
        self.x, self.y = (as_arrays(part) for part in data)
        self._axis = axis
        self.samples = self._count(name)
        if batch_size is not None and batch_size < 1:
            raise DataError(f"{name}: batch_size={batch_size} must be at least 1.")
        self.batch_size = min(batch_size or self.samples, self.samples)

    def __len__(self) -> int:
        return -(-self.samples // self.batch_size)

    def batches(self, rng: np.random.Generator | None = None) -> Iterator[tuple[Any, Any, int]]:
        """Inputs, targets and number of samples of each batch; shuffled by `rng`."""
        order = np.arange(self.samples) if rng is None else rng.permutation(self.samples)
        for first in range(0, self.samples, self.batch_size):
            rows = order[first : first + self.batch_size]
            yield self._take(self.x, rows), self._take(self.y, rows), len(rows)

    def _take(self, part: Any, rows: np.ndarray) -> Any:
        return jax.tree.map(lambda a: np.take(a, rows, self._sample_axis(a, part)), part)

    def _sample_axis(self, array: Any, part: Any) -> int:
        return 1 if self._axis == "T" and not (part is self.y and array.ndim == 1) else 0

    def _count(self, name: str) -> int:
        for a in jax.tree.leaves(self.x):
            if a.ndim < 2:
                raise DataError(f"{name}: x of shape {a.shape} lacks a time or a sample axis.")
        for a in jax.tree.leaves(self.y):
            if a.ndim < 1:
                raise DataError(f"{name}: y is one number; give one target a sample.")
        samples = self._lengths(self.x) | self._lengths(self.y)
        if len(samples) != 1:
            raise DataError(f"{name}: {self._disagreement()}")
        if samples == {0}:
            raise DataError(f"{name}: there is no sample.")
        return samples.pop()

    def _lengths(self, part: Any, *, swapped: bool = False) -> set[int]:
        """The lengths of a part's sample axes; of its time axes, where it has them, if `swapped`."""
        lengths: set[int] = set()
        for a in jax.tree.leaves(part):
            axis = self._sample_axis(a, part)
            lengths.add(a.shape[1 - axis if swapped and a.ndim > 1 else axis])
        return lengths

    def _disagreement(self) -> str:
        of_x, of_y = self._lengths(self.x), self._lengths(self.y)
        shapes = [[a.shape for a in jax.tree.leaves(part)] for part in (self.x, self.y)]
        message = (
            f"with data_first_axis={self._axis!r}, x of shape {shapes[0]} has {sorted(of_x)} samples and y of shape "
            f"{shapes[1]} has {sorted(of_y)}."
        )
        x_swapped, y_swapped = self._lengths(self.x, swapped=True), self._lengths(self.y, swapped=True)
        if x_swapped == y_swapped and len(x_swapped) == 1:
            message += (
                f" They agree if time and batch are exchanged: is it data_first_axis={'BT'[self._axis == 'B']!r}?"
            )
        elif of_x == y_swapped:
            message += " They agree if time and batch of y are exchanged: give x and y the same axes."
        elif x_swapped == of_y:
            message += " They agree if time and batch of x are exchanged: give x and y the same axes."
        return message
