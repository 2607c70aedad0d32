"""Records of a run, and their storage while it proceeds."""

from abc import ABC, abstractmethod

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import PyTree

from dynplug.errors import UnknownNameError, nearest
from dynplug.run.monitors import TIMES


class Records(dict[str, PyTree]):
    """The records of a run: arrays by monitor, also as attributes. A row belongs to the end of its step.

    `ts` holds the times of the rows [ms].

    ```python
    runner = dp.DSRunner(dp.neurons.LIF(2), monitors=["V"], dt=0.5, progress_bar=False)
    runner.run(10.0, inputs=0.5)
    assert runner.mon["V"].shape == (20, 2) and np.allclose(runner.mon.ts, 0.5 * np.arange(1, 21))     # [ms]
    ```
    """

    ts: np.ndarray

    def __missing__(self, name: str) -> np.ndarray:
        if name == TIMES:
            return self.ts
        raise UnknownNameError(f"There is no monitor {name!r}. {nearest(name, self)}")

    def __getattr__(self, name: str) -> PyTree:
        if name.startswith("__"):
            raise AttributeError(name)
        return self[name]


def copy_in_background(tree: PyTree) -> None:
    """Begin to copy arrays to the host, while their device goes on: to read one later then takes no time."""
    for array in jax.tree.leaves(tree):
        if isinstance(array, jax.Array):
            array.copy_to_host_async()


class Recorder(ABC):
    """Takes the rows of one run chunk by chunk, and joins them at its end. Time comes first.

    Rows are a pair: the system's outputs, and a dictionary of the monitors' values.
    """

    leaves_device = True  # whether rows are read by the host in the end

    @abstractmethod
    def append(self, row: int, rows: PyTree, times: np.ndarray) -> None:
        """Store rows, the first of which is row `row` of the run; rows stored from there on are replaced."""

    @abstractmethod
    def finish(self, count: int) -> PyTree:
        """The first `count` rows."""


class OnDevice(Recorder):
    """Keeps rows on the device where they were computed until the run ends.

    **Arguments:**

    - `numpy`: whether they then become NumPy arrays.
    """

    def __init__(self, numpy: bool):
        self._numpy = self.leaves_device = numpy
        self._chunks: dict[int, PyTree] = {}

    def append(self, row: int, rows: PyTree, times: np.ndarray) -> None:
        self._chunks[row] = rows

    def finish(self, count: int) -> PyTree:
        chunks = [rows for row, rows in self._chunks.items() if row < count or row == 0]
        if self._numpy:
            return jax.tree.map(lambda *parts: np.concatenate(parts), *chunks)
        return chunks[0] if len(chunks) == 1 else jax.tree.map(lambda *parts: jnp.concatenate(parts), *chunks)


class OnHost(Recorder):
    """Moves rows to arrays in host memory, allocated for the whole run.

    **Arguments:**

    - `total`: the number of rows of the run.
    """

    def __init__(self, total: int):
        self._total = total
        self._arrays: PyTree = None

    def append(self, row: int, rows: PyTree, times: np.ndarray) -> None:
        if self._arrays is None:
            self._arrays = jax.tree.map(lambda a: np.empty((self._total, *a.shape[1:]), a.dtype), rows)

        def write(array: np.ndarray, part: PyTree) -> None:
            array[row : row + len(part)] = part

        jax.tree.map(write, self._arrays, rows)

    def finish(self, count: int) -> PyTree:
        return jax.tree.map(lambda a: a[:count], self._arrays)
