"""What was measured while training."""

from typing import Any

import numpy as np

from dynplug.errors import OptionError, UnknownNameError, nearest

_PHASES = {"fit": "fit", "train": "fit", "predict": "predict", "test": "predict"}


class History:
    """Losses and metrics of every batch, by phase and epoch."""

    def __init__(self) -> None:
        self._epochs: dict[str, list[dict[str, Any]]] = {"fit": [], "predict": []}

    def record(self, phase: str, sizes: list[int], metrics: dict[str, list[float]]) -> None:
        """Add an epoch: the number of samples in each batch, and each metric's value in each batch."""
        self._epochs[phase].append({"sizes": sizes, "metrics": metrics})

    def last(self, phase: str) -> dict[str, float]:
        """The metrics of the last epoch, as means over samples."""
        return {name: float(self.metric(phase, name)[-1]) for name in self._epochs[phase][-1]["metrics"]}

    def metric(self, phase: str = "fit", metric: str = "loss", which: str = "report") -> np.ndarray:
        """A metric over time.

        **Arguments:**

        - `phase`: `"fit"` (or `"train"`), `"predict"` (or `"test"`).
        - `metric`: `"loss"`, or the name of another metric.
        - `which`: `"report"`: one value an epoch, the mean over its samples; `"detailed"`: one value a batch.
        """
        if phase not in _PHASES:
            raise UnknownNameError(f"There is no phase {phase!r}. {nearest(phase, _PHASES)}")
        if which not in ("report", "detailed"):
            raise OptionError(f"which={which!r}: it is 'report' or 'detailed'.")
        epochs = self._epochs[_PHASES[phase]]
        names = {name for epoch in epochs for name in epoch["metrics"]}
        if epochs and metric not in names:
            raise UnknownNameError(f"Nothing called {metric!r} was recorded. {nearest(metric, names)}")
        kept = [(e["metrics"][metric], e["sizes"]) for e in epochs if metric in e["metrics"]]
        if which == "detailed":
            return np.array([value for values, _ in kept for value in values])
        return np.array([np.average(values, weights=sizes) if values else np.nan for values, sizes in kept])

    def to_json(self) -> Any:
        """All of it, as plain lists and dictionaries."""
        return self._epochs

    @classmethod
    def from_json(cls, epochs: Any) -> "History":
        """The history that `to_json` described."""
        history = cls()
        history._epochs = epochs
        return history
