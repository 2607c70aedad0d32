"""Series as the trainers go through them: all of an epoch, batch first."""

from typing import Any, NamedTuple

import jax
import numpy as np
from jaxtyping import PyTree

import dynplug as dp
from dynplug.train.toolkit import Layout, data_of


class Series(NamedTuple):
    """Inputs (batch, time, ...), targets, and the number of steps of each series that count.

    `several` says whether that is not all of them.
    """

    x: PyTree
    y: np.ndarray
    lengths: np.ndarray
    several: bool

    @property
    def steps(self) -> int:
        """The number of steps, padding included."""
        return jax.tree.leaves(self.x)[0].shape[1]


class SeriesOf:
    """Data in any form that trainers take.

    **Arguments:**

    - `data`: the data.
    - `layout`: their axes.
    - `name`: their name in messages.
    """

    def __init__(self, data: Any, layout: Layout, name: str):
        self._data, self._layout, self._name = data, layout, name
        self._known = self._gathered(1) if isinstance(data, (tuple, list)) else None

    def __call__(self, epoch: int) -> Series:
        """All series of an epoch, numbered from 1."""
        return self._gathered(epoch) if self._known is None else self._known

    def _gathered(self, epoch: int) -> Series:
        pair = data_of(self._data, self._layout, self._name, epoch)
        if not isinstance(pair.y, np.ndarray):
            raise dp.errors.DataError(
                f"{self._name}: y is a {type(pair.y).__name__}; a readout has one array of targets."
            )
        x, y = self._layout.batch_first(pair.x, pair.y)
        return Series(x, y, pair.ends, pair.lengths is not None)
