"""Stopping when nothing gets better any more."""

from dataclasses import dataclass, field
from typing import Any

from dynplug.api import hookimpl
from dynplug.errors import OptionError, UnknownNameError, nearest


@dataclass
class EarlyStopping:
    """An observer that stops a run whose metric has not improved for some epochs.

    **Arguments:**

    - `metric`: the metric to watch.
    - `phase`: `"test"` or `"fit"`.
    - `patience`: the number of epochs without improvement after which the run stops.
    - `min_delta`: by how much the metric must be better than the best one so far, to count as an improvement.
    - `mode`: `"min"` where less is better, `"max"` where more is.

    **Attributes:** `best`, the best value, and `best_epoch`, when it was reached.
    """

    metric: str = "loss"
    phase: str = "test"
    patience: int = 10
    min_delta: float = 0.0
    mode: str = "min"
    best: float | None = field(default=None, init=False)
    best_epoch: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        if self.mode not in ("min", "max") or self.patience < 1:
            raise OptionError(
                f"EarlyStopping(mode={self.mode!r}, patience={self.patience}): mode is 'min' or 'max', patience at "
                "least 1."
            )

    @hookimpl
    def dynplug_run_start(self, run: Any) -> None:
        """Forget what an earlier run reached; of one that is gone on with after an interruption, see it all again."""
        self.best, self.best_epoch = None, 0
        fitted, tested = (run.history.epochs(phase)[run.began - run.epoch :] for phase in ("fit", "test"))
        for n in range(run.epoch - run.began):
            metrics = {"fit": fitted[n]} | ({"test": tested[n]} if len(tested) == len(fitted) else {})
            self._see(run.began + n + 1, metrics)

    @hookimpl
    def dynplug_should_stop(self, epoch: int, metrics: dict[str, dict[str, float]]) -> bool:
        """Whether the last improvement is `patience` epochs ago."""
        self._see(epoch, metrics)
        return epoch - self.best_epoch >= self.patience

    def _see(self, epoch: int, metrics: dict[str, dict[str, float]]) -> None:
        values: dict[str, Any] = metrics.get(self.phase, {})
        if self.metric not in values:
            known = [f"{phase} {name}" for phase, of_phase in metrics.items() for name in of_phase]
            hint = nearest(f"{self.phase} {self.metric}", known)
            raise UnknownNameError(f"EarlyStopping: there is no {self.phase} {self.metric!r}. {hint}")
        value, sign = values[self.metric], 1.0 if self.mode == "min" else -1.0
        if self.best is None or sign * value < sign * self.best - self.min_delta:
            self.best, self.best_epoch = value, epoch
