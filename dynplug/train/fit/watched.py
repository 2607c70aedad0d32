"""A metric that is watched from epoch to epoch, and the best that it was."""

import math
from typing import Any

from dynplug.errors import OptionError, UnknownNameError, nearest
from dynplug.plugin import registry
from dynplug.train.fit.best_epoch import BestEpoch

_MODES = ("min", "max")


class Watched:
    """The best value of a metric so far, and its epoch. What is not finite is never the best.

    **Arguments:**

    - `phase`: `"test"` or `"fit"`.
    - `metric`: its name.
    - `mode`: `"min"` where less is better, `"max"` where more is; `None` for what is known: less of a loss is better,
        and of a registered metric what its spec says.
    - `min_delta`: by more than how much a value must be better than the best one so far, which is the last that was so.
    - `name`: the watcher's name in messages.

    **Attributes:** `found`, the best epoch, `None` before there is one; of it `best`, the value, and `epoch`, else 0.
    """

    def __init__(self, phase: str, metric: str, mode: str | None, min_delta: float = 0.0, *, name: str):
        if phase not in ("test", "fit"):
            raise OptionError(f"{name}: there is no phase {phase!r}: it is 'test' or 'fit', as in 'test/loss'.")
        self.mode = _direction(metric, name) if mode is None else mode
        if self.mode not in _MODES:
            raise OptionError(f"{name}: mode={mode!r} is neither 'min' nor 'max'.")
        self.phase, self.metric, self.min_delta, self.name = phase, metric, min_delta, name
        self.found: BestEpoch | None = None

    @property
    def best(self) -> float | None:
        return None if self.found is None else self.found.value

    @property
    def epoch(self) -> int:
        return 0 if self.found is None else self.found.epoch

    def see(self, epoch: int, metrics: dict[str, dict[str, float]]) -> BestEpoch | None:
        """An epoch, if it is the best so far, by its metrics by phase. **Raises:** `UnknownNameError`."""
        values: dict[str, Any] = metrics.get(self.phase, {})
        if self.metric not in values:
            known = [f"{phase} {name}" for phase, of_phase in metrics.items() for name in of_phase]
            hint = nearest(f"{self.phase} {self.metric}", known)
            raise UnknownNameError(f"{self.name}: there is no {self.phase} {self.metric!r}. {hint}")
        value, sign = float(values[self.metric]), 1.0 if self.mode == "min" else -1.0
        if math.isfinite(value) and (self.best is None or sign * value < sign * self.best - self.min_delta):
            self.found = BestEpoch(f"{self.phase}/{self.metric}", self.mode, value, epoch)
            return self.found
        return None

    def told(self, best: BestEpoch) -> bool:
        """Whether an epoch is the best by this metric."""
        return (best.metric, best.mode) == (f"{self.phase}/{self.metric}", self.mode)

    def __str__(self) -> str:
        delta = f", by more than {self.min_delta}" if self.min_delta else ""
        return f"the {self.mode} of {self.phase}/{self.metric}{delta}"

    def recall(self, history: Any, after: int, epoch: int) -> None:
        """See the epochs after `after`, up to `epoch`, again, as far as they were measured."""
        seen = history.epochs(self.phase)[:epoch]
        for n in range(after, len(seen)):
            if self.metric in seen[n]:
                self.see(n + 1, {self.phase: seen[n]})


def _direction(metric: str, name: str) -> str:
    told = {capability for found in registry().candidates(metric, "metric") for capability in found.spec.capabilities}
    if "more_is_better" in told:
        return "max"
    if metric == "loss" or "less_is_better" in told or registry().candidates(metric, "loss"):
        return "min"
    hint = nearest(metric, (found.spec.name for kind in ("metric", "loss") for found in registry().components(kind)))
    meant = f" {hint}" if hint.startswith("Did you mean") else ""
    raise OptionError(f"{name}: say whether less or more of {metric!r} is better, 'min' or 'max'.{meant}")
