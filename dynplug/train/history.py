"""What was measured while training."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from dynplug.errors import OptionError, UnknownNameError, nearest

Weights = Sequence[int] | Sequence[float]
_PHASES = {"fit": "fit", "train": "fit", "predict": "predict", "test": "predict"}


class History:
    """Losses and metrics of every batch, by phase and epoch."""

    def __init__(self) -> None:
        self._epochs: dict[str, list[dict[str, Any]]] = {"fit": [], "predict": []}

    def record(
        self,
        phase: str,
        sizes: list[int],
        metrics: dict[str, list[float]],
        every: int | None = None,
        weights: dict[str, list[float]] | None = None,
    ) -> None:
        """Add an epoch.

        **Arguments:**

        - `phase`: `"fit"` or `"predict"`.
        - `sizes`: the number of samples in each batch.
        - `metrics`: each metric's value in each batch.
        - `every`: the number of batches that were reported together; `None` for all of the epoch.
        - `weights`: what batches weigh in the mean of a metric, where that is not their number of samples.
        """
        entry: dict[str, Any] = {"sizes": sizes, "metrics": metrics, **({"weights": weights} if weights else {})}
        self._epochs[phase].append(entry if every is None else {**entry, "every": every})

    def epochs(self, phase: str) -> list[dict[str, float]]:
        """The metrics of each epoch, as means over samples; an epoch that was interrupted is one too."""
        return [_means(epoch) for epoch in self._epochs[_PHASES[phase]]]

    def last(self, phase: str) -> dict[str, float]:
        """The metrics of the last epoch, as means over samples."""
        return _means(self._epochs[_PHASES[phase]][-1])

    def steps(self, phase: str = "fit") -> int:
        """The number of batches recorded."""
        return sum(len(epoch["sizes"]) for epoch in self._epochs[phase])

    def metric(self, phase: str = "fit", metric: str = "loss", which: str = "report") -> np.ndarray:
        """A metric over time.

        **Arguments:**

        - `phase`: `"fit"` (or `"train"`), `"predict"` (or `"test"`).
        - `metric`: `"loss"`, or the name of another metric.
        - `which`: `"report"`: one value a report, the mean over its samples, which is an epoch's unless `num_report`
            says otherwise; `"detailed"`: one value a batch.
        """
        if phase not in _PHASES:
            raise UnknownNameError(f"There is no phase {phase!r}. {nearest(phase, _PHASES)}")
        if which not in ("report", "detailed"):
            raise OptionError(f"which={which!r}: it is 'report' or 'detailed'.")
        epochs = self._epochs[_PHASES[phase]]
        names = {name for epoch in epochs for name in epoch["metrics"]}
        if epochs and metric not in names:
            raise UnknownNameError(f"Nothing called {metric!r} was recorded. {nearest(metric, names)}")
        kept = [epoch for epoch in epochs if metric in epoch["metrics"]]
        if which == "detailed":
            return np.array([value for epoch in kept for value in epoch["metrics"][metric]])
        return np.array([value for epoch in kept for value in _reports(epoch, metric)])

    def to_json(self) -> Any:
        """All of it, as plain lists and dictionaries."""
        return self._epochs

    @classmethod
    def from_json(cls, epochs: Any) -> "History":
        """The history that `to_json` described."""
        history = cls()
        history._epochs = epochs
        return history


def mean(values: list[float], sizes: Weights) -> float:
    """The mean over samples of values of batches; not a number where there is none."""
    return float(np.average(values, weights=sizes)) if sum(sizes) else float("nan")


def _means(epoch: dict[str, Any]) -> dict[str, float]:
    return {name: mean(values, _weights(epoch, name)) for name, values in epoch["metrics"].items()}


def _weights(epoch: dict[str, Any], metric: str) -> Weights:
    return epoch.get("weights", {}).get(metric, epoch["sizes"])


def _reports(epoch: dict[str, Any], metric: str) -> list[float]:
    values, sizes = epoch["metrics"][metric], _weights(epoch, metric)
    every = epoch.get("every") or max(1, len(values))
    return [mean(values[n : n + every], sizes[n : n + every]) for n in range(0, max(1, len(values)), every)]
