"""Batches made up to the size of the others by samples that count for nothing, so that one program serves them all."""

from functools import cache

import jax
import numpy as np
from jaxtyping import Array

from dynplug.core import to_jax
from dynplug.train.data.arrays import Batch
from dynplug.train.data.layout import Layout


def padded(batch: Batch, full: int | None, layout: Layout) -> Batch:
    """A batch made up to `full` samples, which says of each whether it is real; for `None`, the batch as it is."""
    if full is None:
        return batch
    size = max(batch.size, full)
    if size > batch.size:
        rows = repeated(np.arange(batch.size), size)
        x = jax.tree.map(lambda a: a.take(rows, layout.samples(a.ndim)), batch.x)
        y = jax.tree.map(lambda a: a.take(rows, layout.samples(a.ndim, target=True)), batch.y)
        lengths = None if batch.lengths is None else np.append(batch.lengths, np.zeros(size - batch.size, np.int32))
        batch = Batch(x, y, batch.size, lengths=lengths)
    return batch._replace(real=_first(batch.size, size))


def repeated(rows: np.ndarray, size: int) -> np.ndarray:
    """Rows made up to `size` of them by their like: what goes through for one goes through for the others."""
    return np.resize(rows, size)


@cache
def keeps_keys() -> bool:
    """Whether a sample's random numbers are the same however many samples follow it in a batch."""

    @jax.jit  # one program instead of many
    def drawn() -> tuple[Array, Array]:
        key = jax.random.key(0)
        return jax.random.key_data(jax.random.split(key, 3)), jax.random.key_data(jax.random.split(key, 5))

    few, many = map(np.asarray, drawn())
    return bool(np.array_equal(few, many[:3]))


@cache
def _first(size: int, full: int) -> Array:
    """On the device, so that no step has to bring it there."""
    return to_jax(np.arange(full) < size)
