"""A metric that is watched from epoch to epoch, and the best that it was."""

import math
from typing import Any

from dynplug.errors import OptionError, UnknownNameError, nearest
from dynplug.plugin import registry

_MODES = ("min", "max")


class Watched:
    """The best value of a metric so far, and its epoch. What is not finite is never the best.

    **Arguments:**

    - `phase`: `"test"` or `"fit"`.
    - `metric`: its name.
    - `mode`: `"min"` where less is better, `"max"` where more is; `None` for what is known: less of a loss is better,
        and of a registered metric what its spec says.
    - `min_delta`: by how much a value must be better than the best one so far.
    - `name`: the watcher's name in messages.

    **Attributes:** `best`, `None` before there is one; `epoch`, when it was reached, else 0.
    """

    def __init__(self, phase: str, metric: str, mode: str | None, min_delta: float = 0.0, *, name: str):
        if phase not in ("test", "fit"):
            raise OptionError(f"{name}: there is no phase {phase!r}: it is 'test' or 'fit', as in 'test/loss'.")
        self.mode = _direction(metric, name) if mode is None else mode
        if self.mode not in _MODES:
            raise OptionError(f"{name}: mode={mode!r} is neither 'min' nor 'max'.")
        self.phase, self.metric, self._delta, self._name = phase, metric, min_delta, name
        self.best: float | None = None
        self.epoch = 0

    def forget(self) -> None:
        """Start anew."""
        self.best, self.epoch = None, 0

    def see(self, epoch: int, metrics: dict[str, dict[str, float]]) -> bool:
        """Whether an epoch is the best so far, by its metrics by phase. **Raises:** `UnknownNameError`."""
        values: dict[str, Any] = metrics.get(self.phase, {})
        if self.metric not in values:
            known = [f"{phase} {name}" for phase, of_phase in metrics.items() for name in of_phase]
            hint = nearest(f"{self.phase} {self.metric}", known)
            raise UnknownNameError(f"{self._name}: there is no {self.phase} {self.metric!r}. {hint}")
        value, sign = float(values[self.metric]), 1.0 if self.mode == "min" else -1.0
        better = math.isfinite(value) and (self.best is None or sign * value < sign * self.best - self._delta)
        if better:
            self.best, self.epoch = value, epoch
        return better

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
