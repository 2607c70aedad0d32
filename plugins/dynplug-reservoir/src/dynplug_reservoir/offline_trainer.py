"""A readout solved for at once, from all data."""

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np
from jaxtyping import Array, PyTree

import dynplug as dp
from dynplug_reservoir.data import goals
from dynplug_reservoir.feedback import Feedback
from dynplug_reservoir.readout import Tap, put, solved
from dynplug_reservoir.readout_trainer import ReadoutTrainer
from dynplug_reservoir.series import Series


@dataclass(repr=False, eq=False, kw_only=True)
class OfflineTrainer(ReadoutTrainer):
    """A trainer that collects the inputs of a readout and solves for its weights on the host, in double precision.

    Where the readout has a bias, the bias is solved for without penalty: inputs and targets are centred. Implementing
    one: `_check` and `_solve`.
    """

    @abstractmethod
    def _check(self) -> None:
        """Raise `OptionError` for options that cannot be."""

    @abstractmethod
    def _solve(self, X: np.ndarray, Y: np.ndarray) -> np.ndarray:
        """The coefficients (in, out) that lead from rows of inputs to rows of targets."""

    def _begin(self) -> None:
        self._check()
        if jax.process_count() > 1 and self._mesh is not None:
            raise dp.errors.DeviceError(
                f"{type(self).__name__} solves from the states of all samples, which must be in one process, but there "
                f"are {jax.process_count()}: leave out devices."
            )
        if isinstance(self.target, Feedback):
            raise dp.errors.CompositionError(
                f"{type(self).__name__} solves for a readout after the run, and so cannot train one that is fed back: "
                "use ForceTrainer."
            )

    def _epochs(self, asked: int) -> int:
        return min(asked, 1)

    @property
    def _memory(self) -> dict[str, Array]:
        return {}

    @_memory.setter
    def _memory(self, memory: dict[str, Array]) -> None:
        pass

    def _learn(self, series: Series, batch_size: int | None, shared: Mapping[str, Any]) -> PyTree:
        readout = dp.lookup(self.target, self._path)
        tapped = put(self.target, self._path, Tap(readout))
        seen = self._outputs(tapped, series.x, batch_size, shared, fit=True, out_var=f"{self._path}.x")
        wanted = goals(series.y, series.steps, readout.out_size[0])
        steps = np.arange(series.steps)[None]
        rows = (steps >= self.washout) & (steps < series.lengths[:, None])
        X, Y = np.asarray(seen, np.float64)[rows], wanted[rows]
        if not (np.all(np.isfinite(X)) and np.all(np.isfinite(Y))):
            raise dp.errors.NonFiniteError("The readout's inputs or targets are not finite: check the data for NaN.")
        bias = None
        if readout.bias is None:
            weight = self._solve(X, Y).T
        else:
            mean_x, mean_y = X.mean(axis=0), Y.mean(axis=0)
            weight = self._solve(X - mean_x, Y - mean_y).T
            bias = mean_y - weight @ mean_x
        self.target = put(self.target, self._path, solved(readout, weight, bias))
        return self._outputs(self.target, series.x, batch_size, shared)
