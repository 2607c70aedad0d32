"""All data of an epoch at once, for trainers that solve for parameters."""

import inspect
from collections.abc import Iterable

import jax
import numpy as np
from jaxtyping import PyTree

from dynplug.errors import DataError
from dynplug.train.data.arrays import Pair
from dynplug.train.data.layout import Layout
from dynplug.train.data.sequences import lengths_of, pairs_of


def data_of(data: object, layout: Layout, name: str, epoch: int = 1) -> Pair:
    """Inputs and targets of all samples of an epoch, padded to one length where they have several.

    **Arguments:**

    - `data`: as for `fit`: a tuple (x, y) or (x, y, lengths), an iterable of such batches, or a function that returns
        one of these, `f()` or `f(epoch)`.
    - `layout`: their axes.
    - `name`: the name of the data in messages.
    - `epoch`: the number of the epoch, from 1.
    """
    if callable(data) and not isinstance(data, Iterable):
        data = data(epoch) if inspect.signature(data).parameters else data()
    if isinstance(data, tuple) or hasattr(data, "shape") or not isinstance(data, Iterable):
        return pairs_of(data, layout, name, 1)[0]
    batches = [pairs_of(batch, layout, f"{name}, batch {n}", 1)[0] for n, batch in enumerate(data, 1)]
    if not batches:
        raise DataError(f"{name} gave no batch in epoch {epoch}.")
    if len(batches) == 1:
        return batches[0]
    return _joined(batches, layout, name)


def padded_inputs(inputs: PyTree, layout: Layout) -> Pair:
    """Inputs of several lengths padded to one, with targets that are their numbers."""
    return pairs_of((inputs, list(range(len(lengths_of(inputs, "inputs"))))), layout, "inputs", 1)[0]


def _joined(batches: list[Pair], layout: Layout, name: str) -> Pair:
    """Batches, of several lengths of time, as one."""
    first = [layout.batch_first(batch.x, batch.y) for batch in batches]
    steps = [jax.tree.leaves(x)[0].shape[1] for x, _ in first]
    several = len(set(steps)) > 1 or any(batch.lengths is not None for batch in batches)

    def joined(*arrays: np.ndarray) -> np.ndarray:
        timed = all(a.ndim > 1 and a.shape[1] == n for a, n in zip(arrays, steps, strict=True))
        if timed:
            ends = [((0, 0), (0, max(steps) - n), *[(0, 0)] * (arrays[0].ndim - 2)) for n in steps]
            arrays = tuple(np.pad(a, by, mode="edge") for a, by in zip(arrays, ends, strict=True))
        return layout.from_batch_first(np.concatenate(arrays))

    x, y = (jax.tree.map(joined, *(pair[n] for pair in first)) for n in (0, 1))
    if not several:
        return Pair((x, y), layout, name)
    lengths = [
        np.full(batch.samples, n) if batch.lengths is None else batch.lengths
        for batch, n in zip(batches, steps, strict=True)
    ]
    return Pair((x, y, np.concatenate(lengths)), layout, name)
