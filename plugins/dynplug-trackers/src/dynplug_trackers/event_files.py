"""Event files, which TensorBoard reads."""

import time
from dataclasses import dataclass
from pathlib import Path

from dynplug.train import Trainer
from dynplug_trackers.tracker import Tracker, need


@dataclass(eq=False)
class TensorBoard(Tracker):
    r"""Writes metrics as event files of TensorBoard. TensorFlow is not needed.

    $$\mathrm{fit/loss}(n),\ \mathrm{test/loss}(n),\ \dots \qquad n = \text{steps of the optimizer}$$

    `tensorboard --logdir runs` shows them. A run that goes on writes another file into the same folder.

    **Arguments:**

    - `folder`: the folder for the files, made if it does not exist; one folder a run.
    - `steps`: whether the values of each step are written too.

    **Raises:** `MissingPackageError` when a run starts and there is no tensorboardX.

    **Reference:** Abadi, M. et al. (2016), TensorFlow: a system for large-scale machine learning, arXiv:1605.08695.
    """

    folder: str | Path = "runs"
    steps: bool = False

    def _open(self, trainer: Trainer) -> None:
        suffix = f".{time.time_ns()}"  # else two files that are begun in one second have one name
        self._writer = need("tensorboardX", "tensorboard").SummaryWriter(str(self.folder), filename_suffix=suffix)
        self._writer.add_text("trainer", repr(trainer), trainer.history.steps())

    def _write(self, values: dict[str, float], step: int) -> None:
        for name, value in values.items():
            self._writer.add_scalar(name, value, step)

    def _close(self, failed: bool) -> None:
        self._writer.close()
        del self._writer
