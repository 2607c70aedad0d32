"""Runs of Weights & Biases."""

from dataclasses import dataclass
from pathlib import Path

from dynplug.train import Trainer
from dynplug_trackers.tracker import Tracker, need


@dataclass(eq=False)
class WandB(Tracker):
    r"""Sends metrics to a run of Weights & Biases. Unless it is told otherwise, it stays offline.

    $$\mathrm{fit/loss}(n),\ \mathrm{test/loss}(n),\ \dots \qquad n = \text{steps of the optimizer}$$

    `wandb sync wandb/offline-run-...` sends a run later. Each call of `fit` is a run.

    **Arguments:**

    - `project`: the project's name.
    - `name`: the run's name; `None` lets Weights & Biases find one.
    - `folder`: the folder in which the folder `wandb` is made.
    - `mode`: `"offline"`, `"online"` or `"disabled"`.
    - `steps`: whether the values of each step are sent too.

    **Raises:** `MissingPackageError` when a run starts and there is no wandb.

    **Reference:** Biewald, L. (2020), Experiment tracking with Weights and Biases, https://www.wandb.com.
    """

    project: str = "dynplug"
    name: str | None = None
    folder: str | Path = "."
    mode: str = "offline"
    steps: bool = False

    def _open(self, trainer: Trainer) -> None:
        wandb = need("wandb", "wandb")
        self._run = wandb.init(
            project=self.project,
            name=self.name,
            dir=str(self.folder),
            mode=self.mode,
            config={"trainer": repr(trainer)},
            settings=wandb.Settings(silent=True),
        )

    def _write(self, values: dict[str, float], step: int) -> None:
        self._run.log(values, step=step)

    def _close(self, failed: bool) -> None:
        self._run.finish(exit_code=int(failed))
        del self._run
