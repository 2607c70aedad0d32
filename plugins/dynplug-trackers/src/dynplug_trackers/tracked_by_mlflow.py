"""Runs of MLflow."""

import time
from dataclasses import dataclass

from dynplug.train import Trainer
from dynplug_trackers.tracker import Tracker, need


@dataclass(eq=False)
class MLflow(Tracker):
    r"""Sends metrics to a run of MLflow, which ends as `FINISHED`, or as `FAILED` after an error or an interrupt.

    $$\mathrm{fit/loss}(n),\ \mathrm{test/loss}(n),\ \dots \qquad n = \text{steps of the optimizer}$$

    MLflow's active run, and its settings, stay as they are. Each call of `fit` is a run.

    **Arguments:**

    - `experiment`: the experiment's name; made if it is not there.
    - `name`: the run's name; `None` lets MLflow find one.
    - `tracking_uri`: the address of the database or server that keeps runs; `None` for MLflow's own setting.
    - `steps`: whether the values of each step are sent too.

    **Raises:** `MissingPackageError` when a run starts and there is no mlflow.

    **Reference:** Zaharia, M. et al. (2018), Accelerating the machine learning lifecycle with MLflow, IEEE Data
    Engineering Bulletin 41(4), 39-45.
    """

    experiment: str = "dynplug"
    name: str | None = None
    tracking_uri: str | None = None
    steps: bool = False

    def _open(self, trainer: Trainer) -> None:
        self._client = need("mlflow", "mlflow").MlflowClient(self.tracking_uri)
        known = self._client.get_experiment_by_name(self.experiment)
        experiment = self._client.create_experiment(self.experiment) if known is None else known.experiment_id
        self._id = self._client.create_run(experiment, run_name=self.name, tags={"trainer": repr(trainer)}).info.run_id

    def _write(self, values: dict[str, float], step: int) -> None:
        metric, now = need("mlflow.entities", "mlflow").Metric, int(1000 * time.time())
        self._client.log_batch(self._id, [metric(name, value, now, step) for name, value in values.items()])

    def _close(self, failed: bool) -> None:
        self._client.set_terminated(self._id, "FAILED" if failed else "FINISHED")
        del self._client
