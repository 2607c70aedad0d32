"""The metrics of a training."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from dynplug.errors import OptionError, UnknownNameError, nearest

Weights = Sequence[int] | Sequence[float]
_PHASES = {"fit": "fit", "test": "test", "train": "fit", "predict": "test"}  # the last two are other libraries' names


class History:
    """Losses and metrics of every batch, by phase and epoch.

    ```python
    x = np.ones((8, 4), np.float32)
    trainer = dp.BPFF(dp.layers.Dense(4, 1, W_initializer=0.0), "mse", optax.sgd(0.1), logger=None, progress_bar=False)
    trainer.fit((x, x[:, :1]), num_epoch=3, batch_size=4)
    history = trainer.history
    assert history.metric("fit", "loss").shape == (3,)     # one value an epoch
    assert history.metric("fit", "loss", "detailed").shape == (6,)     # one a batch
    ```
    """

    def __init__(self) -> None:
        self._epochs: dict[str, list[dict[str, Any]]] = {"fit": [], "test": []}

    def record(
        self,
        phase: str,
        sizes: list[int],
        metrics: dict[str, list[float]],
        every: int | None = None,
        weights: dict[str, list[float]] | None = None,
        totals: dict[str, Any] | None = None,
        *,
        interrupted: bool = False,
    ) -> None:
        """Add an epoch.

        **Arguments:**

        - `phase`: `"fit"` or `"test"`.
        - `sizes`: the number of samples in each batch.
        - `metrics`: each metric's value in each batch.
        - `every`: the number of batches that were reported together; `None` for all of the epoch.
        - `weights`: the weights of batches in the mean of a metric, where those are not their numbers of samples.
        - `totals`: the values of metrics that are no means over batches: of the `"epoch"`, and of the `"reports"`, by
            name.
        - `interrupted`: whether it did not come to its end: its batches are kept, but it is no epoch.
        """
        entry: dict[str, Any] = {"sizes": sizes, "metrics": metrics, **({"weights": weights} if weights else {})}
        if totals:
            entry["totals"] = totals
        if every is not None:
            entry["every"] = every
        if interrupted:
            entry["interrupted"] = True
        phase = _PHASES[phase]
        if phase == "test":  # of the epochs that were not tested nothing is known
            untested = len(self._whole("fit")) - 1 - len(self._epochs[phase])
            self._epochs[phase] += [{"sizes": [], "metrics": {}} for _ in range(untested)]
        self._epochs[phase].append(entry)

    def note(self, phase: str, values: Mapping[str, float]) -> None:
        """Add to the last epoch what was measured after it; it stands at each of its reports."""
        if not values:
            return
        epoch = self._whole(_PHASES[phase])[-1]
        steps = len(epoch["sizes"])
        reports = [dict[str, Any]() for _ in range(0, steps, epoch.get("every") or max(1, steps))]
        totals = epoch.setdefault("totals", {"epoch": {}, "reports": reports})
        for of in (totals["epoch"], *totals["reports"]):
            of.update(values)

    def epochs(self, phase: str) -> list[dict[str, float]]:
        """The metrics of each epoch, as means over samples; none for an epoch that was not tested.

        An epoch that was interrupted is not among them: it is begun again, or gone on with.
        """
        return [_means(epoch) for epoch in self._whole(_PHASES[phase])]

    def last(self, phase: str) -> dict[str, float]:
        """The metrics of the last epoch, as means over samples; none where there was no epoch."""
        whole = self._whole(_PHASES[phase])
        return _means(whole[-1]) if whole else {}

    def steps(self, phase: str = "fit") -> int:
        """The number of batches recorded."""
        return sum(len(epoch["sizes"]) for epoch in self._epochs[_PHASES[phase]])

    def metric(self, phase: str = "fit", metric: str = "loss", which: str = "report") -> np.ndarray:
        """A metric over time.

        **Arguments:**

        - `phase`: `"fit"`, or `"test"`: of the test data of `fit`.
        - `metric`: `"loss"`, or the name of another metric. One that is an array, as `"confusion_matrix"`, has its
            axes after that of the reports, and no value a batch.
        - `which`: `"report"`: one value a report, the mean over its samples, which is an epoch's unless `num_report`
            says otherwise, and not a number for an epoch in which it was not measured, so that the phases' values
            stand side by side; `"detailed"`: one value a batch, of epochs that were interrupted too.
        """
        if phase not in _PHASES:
            raise UnknownNameError(f"There is no phase {phase!r}. {nearest(phase, ['fit', 'test'])}")
        if which not in ("report", "detailed"):
            raise OptionError(f"which={which!r}: it is 'report' or 'detailed'.")
        epochs = self._epochs[_PHASES[phase]]
        names = {name for epoch in epochs for name in (*epoch["metrics"], *_totals(epoch))}
        if epochs and metric not in names:
            raise UnknownNameError(f"Nothing called {metric!r} was recorded. {nearest(metric, names)}")
        if which == "detailed":
            return np.array([value for epoch in epochs for value in epoch["metrics"].get(metric, ())])
        return _alike([value for epoch in epochs for value in _reports(epoch, metric)])

    def _whole(self, phase: str) -> list[dict[str, Any]]:
        return [epoch for epoch in self._epochs[phase] if not epoch.get("interrupted")]

    def to_json(self) -> Any:
        """All of it, as plain lists and dictionaries."""
        return self._epochs

    @classmethod
    def from_json(cls, epochs: Any) -> "History":
        """The history that `to_json` described."""
        history = cls()
        history._epochs = {phase: epochs[phase] for phase in ("fit", "test")}
        return history


def mean(values: list[float], sizes: Weights) -> float:
    """The mean over samples of values of batches; not a number where there is none."""
    return float(np.average(values, weights=sizes)) if sum(sizes) else float("nan")


def _means(epoch: dict[str, Any]) -> dict[str, float]:
    means = {name: mean(values, _weights(epoch, name)) for name, values in epoch["metrics"].items()}
    return means | {name: total for name, total in _totals(epoch).items() if isinstance(total, float)}


def _totals(epoch: dict[str, Any]) -> dict[str, Any]:
    """The values of metrics that are no means."""
    return epoch.get("totals", {}).get("epoch", {})


def _alike(values: list[Any]) -> np.ndarray:
    """An array of numbers, or of arrays of one shape, NaN where one was not measured."""
    shape = max((np.shape(value) for value in values), key=len, default=())
    return np.array([np.broadcast_to(np.asarray(value, float), shape) for value in values])


def _weights(epoch: dict[str, Any], metric: str) -> Weights:
    return epoch.get("weights", {}).get(metric, epoch["sizes"])


def _reports(epoch: dict[str, Any], metric: str) -> list[Any]:
    """The means that were reported; of an epoch that was interrupted, those that were due by then."""
    if metric in _totals(epoch):
        due = slice(None) if not epoch.get("interrupted") else slice(len(epoch["sizes"]) // epoch.get("every", 1 << 62))
        return [report[metric] for report in epoch["totals"]["reports"][due]]
    values, sizes = epoch["metrics"].get(metric, []), _weights(epoch, metric)
    every = epoch.get("every") or max(1, len(values))
    end = max(1, len(values))
    if epoch.get("interrupted"):
        end = len(values) // every * every if "every" in epoch else 0
    return [mean(values[n : n + every], sizes[n : n + every]) for n in range(0, end, every)]
