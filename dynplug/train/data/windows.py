"""The input of an optimizer step: a batch, or a window of its time."""

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import jax
import numpy as np
from jaxtyping import PyTree

from dynplug.errors import DataError
from dynplug.timeloop import RunState
from dynplug.train.data.arrays import Batch
from dynplug.train.data.layout import Layout


class Window(NamedTuple):
    """A stretch of a batch.

    **Attributes:** `batch`, the number of the batch, and `size`, its samples; `x`, `y`; `weight`, in means over the
    epoch; `fresh`, whether it is at the batch's start; `last`, whether it is at its end; `real`, which samples count;
    `lengths`, how many steps of each do.
    """

    batch: int
    size: int
    x: PyTree
    y: PyTree
    weight: int
    fresh: bool = True
    last: bool = True
    real: Any = None
    lengths: Any = None

    @property
    def rows(self) -> int:
        """The number of samples, real or not."""
        return self.size if self.real is None else len(self.real)


def windows(batches: Iterable[Batch], first: int, truncate: int | None, layout: Layout) -> Iterator[Window]:
    """The batches, numbered from `first`, each cut into windows of `truncate` steps; the last one may be shorter.

    Targets are cut with the inputs; those of rank one have no time axis, and go with each window.

    **Raises:** `DataError` for targets whose time axis is not the inputs'.
    """
    for n, batch in enumerate(batches, first):
        if truncate is None:
            yield Window(n, batch.size, batch.x, batch.y, batch.size, real=batch.real, lengths=batch.lengths)
            continue
        length = _length(batch, layout)
        longest = length if batch.lengths is None else int(np.max(batch.lengths))  # a window of nothing is no step
        for start in range(0, longest, truncate):
            end = min(start + truncate, length)
            lengths = None if batch.lengths is None else np.clip(batch.lengths - start, 0, end - start)
            yield Window(
                n,
                batch.size,
                jax.tree.map(lambda a, s=slice(start, end): a[_at(layout.time(a.ndim), s)], batch.x),
                jax.tree.map(lambda a, s=slice(start, end): a[_at(layout.time(a.ndim, target=True), s)], batch.y),
                batch.size * (end - start) if lengths is None else int(np.sum(lengths)),
                start == 0,
                end >= longest,
                batch.real,
                lengths,
            )


def check_size(carry: RunState, size: int) -> RunState:
    """States to go on from, or `DataError` where the next batch has another number of samples."""
    sizes = {a.shape[0] for a in jax.tree.leaves(carry.system)}
    if sizes - {size}:
        raise DataError(
            f"With reset_state=False states go on from one batch to the next, so all have the same number of samples; "
            f"got {size} after {sizes.pop()}. Choose a batch_size that divides the data, or call reset_state()."
        )
    return carry


def _length(batch: Batch, layout: Layout) -> int:
    lengths = {a.shape[_axis(layout, a.ndim)] for a in jax.tree.leaves(batch.x)}
    of_targets = {
        a.shape[axis] for a in jax.tree.leaves(batch.y) if (axis := layout.time(a.ndim, target=True)) is not None
    }
    if len(lengths | of_targets) != 1:
        shapes = [[a.shape for a in jax.tree.leaves(part)] for part in (batch.x, batch.y)]
        raise DataError(
            f"truncate cuts inputs and targets in time, so they need the same number of steps; got inputs of shape "
            f"{shapes[0]} and targets of shape {shapes[1]}, with {layout.name}. Repeat targets over time, or give "
            "class indices of rank one, which go with each window."
        )
    return lengths.pop()


def _axis(layout: Layout, rank: int) -> int:
    axis = layout.time(rank)
    assert axis is not None
    return axis


def _at(axis: int | None, part: slice) -> tuple[slice, ...]:
    return () if axis is None else (*[slice(None)] * axis, part)
