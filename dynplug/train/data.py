"""Arrays of training data, cut into batches."""

from collections.abc import Iterator
from typing import Any

import jax
import numpy as np

from dynplug.errors import DataError
from dynplug.run.axes import DataAxis


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
        self.x, self.y = (jax.tree.map(np.asarray, part) for part in data)
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
        sizes: list[set[int]] = []
        for part, what in ((self.x, "x"), (self.y, "y")):
            arrays = jax.tree.leaves(part)
            for a in arrays:
                if a.ndim < (2 if what == "x" else 1):
                    raise DataError(f"{name}: {what} of shape {a.shape} has no time or no sample axis.")
            sizes.append({a.shape[self._sample_axis(a, part)] for a in arrays})
        if any(len(s) != 1 for s in sizes) or sizes[0] != sizes[1]:
            raise DataError(self._disagreement(name, *sizes))
        samples = sizes[0].pop()
        if samples == 0:
            raise DataError(f"{name}: there is no sample.")
        return samples

    def _disagreement(self, name: str, of_x: set[int], of_y: set[int]) -> str:
        x_shapes = [a.shape for a in jax.tree.leaves(self.x)]
        y_shapes = [a.shape for a in jax.tree.leaves(self.y)]
        message = (
            f"{name}: with data_first_axis={self._axis!r}, x of shape {x_shapes} has {sorted(of_x)} samples and y of "
            f"shape {y_shapes} has {sorted(of_y)}."
        )
        other = "T" if self._axis == "B" else "B"
        swapped = {s[1 if other == "T" else 0] for s in x_shapes}
        if len(swapped) == 1 and swapped == {s[1 if other == "T" and len(s) > 1 else 0] for s in y_shapes}:
            message += f" They agree if time and batch are exchanged: is it data_first_axis={other!r}?"
        return message
