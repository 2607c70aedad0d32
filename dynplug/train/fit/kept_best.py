"""The checkpoint of the best epoch, beside the newest."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import dynplug.train.checkpoint as checkpoint
from dynplug.errors import CheckpointError, OptionError
from dynplug.train.checkpoint import CheckpointPair
from dynplug.train.fit.history import History
from dynplug.train.fit.watched import Watched


class KeptBest:
    """Keeps a trainer's checkpoint whenever an epoch is the best so far; one that is there already is to be surpassed.

    **Arguments:**

    - `trainer`: the trainer.
    - `path`: its newest checkpoint.
    - `what`: a metric with its phase, as `"test/loss"`, or a pair of it and `"min"` or `"max"`.
    - `test_data`: those of the run, if any.

    **Raises:** `OptionError`.
    """

    def __init__(self, trainer: Any, path: str | Path, what: str | Sequence[str], test_data: Any):
        named, *mode = (what,) if isinstance(what, str) else what
        phase, slash, metric = named.partition("/")
        if not slash or len(mode) > 1:
            raise OptionError(
                f"keep_best={what!r}: write the phase and the metric, as 'test/loss', or ('test/distance', 'min')."
            )
        self._watched = Watched(phase, metric, mode[0] if mode else None, name=f"keep_best={what!r}")
        if phase == "test" and test_data is None:
            raise OptionError(f"keep_best={what!r} needs test_data.")
        self._trainer, self._path = trainer, CheckpointPair(path).best
        self._begin()

    def __call__(self, epoch: int, metrics: dict[str, dict[str, float]]) -> None:
        """Keep the present checkpoint if this epoch is the best."""
        if self._watched.see(epoch, metrics):
            self._trainer.save_states(self._path)

    def _begin(self) -> None:
        """Take the value of the epoch that is kept, unless the file is of another training and is to be replaced."""
        try:
            told = checkpoint.describe(self._path)
        except CheckpointError:
            return
        epoch, history = told["epoch"], self._trainer.history
        if 0 < epoch <= self._trainer.epoch and history.agrees(History.from_json(told["history"])):
            self._watched.recall(history, epoch - 1, epoch)
