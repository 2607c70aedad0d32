"""The log of an epoch's steps."""

import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import jax
import numpy as np
from jaxtyping import Array

from dynplug.errors import DataWarning
from dynplug.train.fit.history import History, mean
from dynplug.train.step import Logged


@dataclass
class Log:
    """Weights and values of the steps of an epoch. Values stay on the device until they are asked for.

    `weights` are of those values alone whose weight in a mean is not the number of samples; `counts` are of metrics
    that are functions of their sums, and `counted` these functions.
    """

    sizes: list[int] = field(default_factory=list[int])
    values: list[dict[str, float | Array]] = field(default_factory=list[dict[str, float | Array]])
    weights: dict[str, list[float | Array]] = field(default_factory=dict[str, list[float | Array]])
    counts: dict[str, list[Any]] = field(default_factory=dict[str, list[Any]])
    counted: dict[str, Callable[[Any], Any]] = field(default_factory=dict[str, Callable[[Any], Any]])

    def __len__(self) -> int:
        return len(self.values)

    def add(self, size: int, logged: Logged) -> None:
        """One more step."""
        self.sizes.append(size)
        self.values.append({**logged.values})
        for name, weight in logged.weights.items():
            self.weights.setdefault(name, []).append(weight)
        for name, counts in logged.counts.items():
            self.counts.setdefault(name, []).append(counts)

    def last(self) -> dict[str, float]:
        """The values of the last step."""
        return {name: float(value) for name, value in self.values[-1].items()}

    def metrics(self, first: int = 0) -> dict[str, list[float]]:
        """The values of each metric from step `first` on, the loss first."""
        self.values[first:] = [
            {name: float(value) for name, value in values.items()} for values in jax.device_get(self.values[first:])
        ]
        names = sorted(self.values[first], key=lambda name: name != "loss") if first < len(self) else ()
        return {name: [float(values[name]) for values in self.values[first:]] for name in names}

    def weighing(self) -> dict[str, list[float]]:
        """The weights of the steps in those means that do not go by their sizes."""
        for name, weights in self.weights.items():
            self.weights[name] = [float(weight) for weight in jax.device_get(weights)]
        return self.weights  # pyright: ignore[reportReturnType] - they are numbers now

    def means(self, first: int) -> dict[str, float]:
        """The means over samples from step `first` on."""
        weighing, totals = self.weighing(), self.totals(slice(first, None))
        means = {
            name: mean(values, weighing.get(name, self.sizes)[first:]) for name, values in self.metrics(first).items()
        }
        return means | {name: total for name, total in totals.items() if isinstance(total, float)}

    def totals(self, part: slice) -> dict[str, Any]:
        """The values of counted metrics for some steps, as numbers and lists of them."""
        for name, counts in self.counts.items():
            self.counts[name] = [np.asarray(one) for one in jax.device_get(counts)]
        return {
            name: np.asarray(self.counted[name](sum(counts[part][1:], counts[part][0]))).tolist()
            for name, counts in self.counts.items()
            if counts[part] and name in self.counted
        }

    def keep(self, history: History, phase: str, every: int | None = None, *, interrupted: bool = False) -> None:
        """Put it all into a history, as an epoch, or as what there is of one."""
        weighing = self.weighing()
        for name, weights in weighing.items():
            if weights and not sum(weights):
                warnings.warn(
                    f"None of the {sum(self.sizes)} samples of this {'test' if phase == 'test' else 'epoch'} has a "
                    f"label, as ignore_index says: {name!r} is NaN"
                    + ("." if phase == "test" else ", and nothing was trained."),
                    DataWarning,
                    stacklevel=2,
                )
        totals = [self.totals(slice(n, n + (every or len(self)))) for n in range(0, len(self), every or len(self) or 1)]
        epoch = {"epoch": self.totals(slice(None)), "reports": totals} if self.counts else None
        history.record(phase, self.sizes, self.metrics(), every, weighing, epoch, interrupted=interrupted)

    def to_json(self) -> Any:
        """All of it, as plain lists and dictionaries."""
        self.totals(slice(0))
        counts = {name: [np.asarray(one).tolist() for one in some] for name, some in self.counts.items()}
        told = {"sizes": self.sizes, "metrics": self.metrics(), "weights": self.weighing()}
        return {**told, **({"counts": counts} if counts else {})}

    @classmethod
    def from_json(cls, log: Any) -> "Log":
        """The log that `to_json` described."""
        names = list(log["metrics"])
        values = [dict(zip(names, row, strict=True)) for row in zip(*log["metrics"].values(), strict=True)]
        counts = {name: [np.asarray(one) for one in some] for name, some in log.get("counts", {}).items()}
        return cls(list(log["sizes"]), values, dict(log.get("weights", {})), counts)
