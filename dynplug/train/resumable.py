"""Saving and loading trainers, and moving them to another device."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import PyTree

from dynplug.core import Loaded, to, whole_here
from dynplug.errors import OptionError
from dynplug.run import Start, size_and_values, with_values
from dynplug.timeloop import RunState
from dynplug.train.fit import BestEpoch, History, Progress
from dynplug.train.step import Placement


class Resumable(ABC):
    """A trainer with all of its progress in one place. Implementing one: `_start`, `_constants`, the attributes below.

    **Attributes:**

    - `target`: the model with its present parameters. A model of the same structure may be assigned.
    - `epoch`, `steps`: the number of epochs, and of steps of the optimizer, that are done.
    - `history`: their metrics.
    - `seed`: of the shuffling and of the model's random numbers.
    - `average`: with `ema`, the model with the mean of its parameters, which is tested; else `target`.
    - `best`: the best epoch, where `fit` was told to keep it.
    - `state`: the states after the last batch of `predict`, or of `fit(reset_state=False)`, else `None`.
    """

    seed: int | None
    _progress: Progress
    _hooks: Any
    _placement: Placement
    _device: Any = None

    @abstractmethod
    def _start(self, model: PyTree, batch_size: int) -> RunState:
        """The states of a model before the first step."""

    @property
    @abstractmethod
    def _constants(self) -> dict[str, Any]:
        """The trainer's constants, beside its model, on which the learned parameters depend."""

    @property
    def target(self) -> Any:
        return self._progress.model

    @target.setter
    def target(self, model: PyTree) -> None:
        if "_progress" in vars(self):
            self._placement.check(model, "The model")
            self._progress.replace_model(model)
        else:  # the constructor's
            self._untrained = model

    @property
    def epoch(self) -> int:
        return self._progress.epoch

    @property
    def history(self) -> History:
        return self._progress.history

    @property
    def state(self) -> RunState | None:
        return self._progress.carry

    @property
    def steps(self) -> int:
        """The number of steps of the optimizer that are done."""
        return self.history.steps() + len(self._progress.log)

    @property
    def began(self) -> int | None:
        """While `fit` runs, the epoch after which it began: with a checkpoint, where the interrupted run did."""
        return self._progress.began

    @property
    def average(self) -> PyTree:
        """The model that tests and predictions take: with `ema`, that of the mean parameters; else `target`."""
        return self._progress.averaged

    @property
    def writes(self) -> bool:
        """Whether this process writes files and lines: of several that train together one does."""
        return self._placement.writes

    @property
    def best(self) -> BestEpoch | None:
        """The best epoch, as `(metric, mode, value, epoch, restores)`, if `fit` was told to keep it, else `None`."""
        return None if self._progress.best is None else self._progress.best.of

    def restore_best(self) -> None:
        """Go back to the parameters of the best epoch. The optimizer's state, epoch and history stay as they are.

        **Raises:** `OptionError` where none is kept.
        """
        if self._progress.best is None:
            raise OptionError("No best epoch is kept: train with fit(..., keep_best='test/loss'), or another metric.")
        self._progress.go_back_to(self._progress.best.params)

    def get_hist_metric(self, phase: str = "fit", metric: str = "loss", which: str = "report") -> np.ndarray:
        """A metric over time: one value a report (`which="report"`) or a batch (`"detailed"`). See `History.metric`."""
        return self.history.metric(phase, metric, which)

    def reset_state(self, batch_size: Start = None, values: Mapping[str, Any] | None = None) -> None:
        """Forget the states that `predict` or `fit(reset_state=False)` would go on from.

        **Arguments:**

        - `batch_size`: make new ones for so many samples now, rather than with the next batch.
        - `values`: variables that start elsewhere, by path, as for `LoopOverTime`; they need `batch_size`.
        """
        size, values = size_and_values(batch_size, values)
        if size is None and values:
            raise OptionError(
                "A trainer's states have an axis of samples: give their number too, as in "
                "reset_state(32, {'hidden.V': -65.0})."
            )
        self._progress.carry = None if size is None else with_values(self._start(self.target, size), values, batch=True)

    def to(self, device: object) -> None:
        """Move parameters, the optimizer's state and states to a device, where everything is then computed.

        **Arguments:**

        - `device`: as for `dynplug.to`: `"cpu"`, `"gpu"`, `"tpu"`, or a `jax.Device`.

        **Raises:** `DeviceError`.
        """
        self._placement.check_to(device)
        progress = self._progress
        moved = to((progress.train_state, progress.static, progress.carry, progress.best), device)
        progress.train_state, progress.static, progress.carry, progress.best = moved
        self._device = device

    def save_states(self, filename: str | Path) -> None:
        """Write model, optimizer, epoch, seed and history to one safetensors file, whole or not at all.

        **Raises:** `CheckpointError` where it cannot be written; an older file is then as it was.
        """
        carry = whole_here(self._progress.carry)
        with self._placement.writing() as writes:
            if writes:
                self._progress.write(filename, self._constants, self.seed, carry)
        self._hooks.dynplug_checkpoint_saved(trainer=self, path=str(filename))

    def load_states(self, filename: str | Path, *, strict: bool = True, cast: bool = False) -> Loaded:
        """Go back to what `save_states` wrote; training then goes on as if it had never stopped, on the device of `to`.

        The file knows its model: another class, constant, surrogate, integrator or `dt` than this trainer's is refused.

        **Arguments:**

        - `filename`: the file.
        - `strict`: whether all must be the same. Otherwise the model takes the arrays that fit, and the rest is
            reported. Where every array fits, as with another `tau` or `dt`, training goes on from the file under this
            trainer's constants; where one does not, as with a head of another size, this trainer keeps its optimizer,
            epoch and history, and begins with what the file's model has learned.
        - `cast`: whether floating values take this trainer's dtype.

        **Returns:** `(tree, missing, unexpected, differing)`, as `dynplug.load_states`; the tree is `target`.

        **Raises:** `CheckpointError`, or `ParameterError` for a parameter that its model cannot take; this trainer is
        then as it was.
        """
        read = self._progress.read(filename, self._start, self._constants, self.seed, strict=strict, cast=cast)
        self._progress, self.seed, loaded = read
        if self._device is not None:
            self.to(self._device)
        return loaded._replace(tree=self.target)
