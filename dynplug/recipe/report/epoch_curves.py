"""Metrics by epoch, and the best epoch."""

import math
from typing import Any

import numpy as np

from dynplug.errors import OptionError, UnknownNameError
from dynplug.train import SPIKE_RATE, BestEpoch, History, Watched

PHASES = {"fit": "training", "test": "test"}
"""The phases of an epoch, and what their data are called."""


def curve(history: Any, phase: str, metric: str) -> np.ndarray:
    """A metric's values, one an epoch; none where a phase did not measure it at all."""
    if not isinstance(history, History):  # a trainer's own, which may say no more than this
        try:
            return np.asarray(history.metric(phase, metric))
        except UnknownNameError:
            return np.zeros(0)
    epochs = history.epochs(phase)
    measured = any(metric in epoch for epoch in epochs)
    return np.array([epoch.get(metric, np.nan) for epoch in epochs] if measured else [])


def curves(history: object) -> dict[str, dict[str, np.ndarray]]:
    """The curves of all metrics that are numbers, by metric and phase; the loss first."""
    names = list(dict.fromkeys(name for phase in PHASES for name in _last(history, phase)))
    found = {name: {phase: curve(history, phase, name) for phase in PHASES} for name in names}
    return {name: {phase: values for phase, values in of.items() if len(values)} for name, of in found.items()}


def best_epoch(curves: dict[str, dict[str, np.ndarray]], kept: BestEpoch | None) -> BestEpoch | None:
    """The epoch whose model is kept; else the best by the first metric, or else the loss, of the test data.

    Where nothing was tested, it is that of the training data; `None` where nothing finite was measured.
    """
    if kept is not None:
        return kept
    for phase in reversed(PHASES):
        for metric in (*(name for name in curves if name != "loss"), "loss"):
            values = curves.get(metric, {}).get(phase, ())
            try:
                watched = Watched(phase, metric, None, name="the report")
            except OptionError:  # nobody knows whether less or more of it is better
                continue
            for epoch, value in enumerate(values, 1):
                watched.see(epoch, {phase: {metric: value}})
            if watched.found is not None:
                return watched.found
    return None


def at(values: np.ndarray, epoch: int, last: int) -> float:
    """A curve's value after an epoch, NaN where there is none; curves end with the last epoch."""
    n = epoch - last - 1  # from the end, as with reports of steps there are more values than epochs
    return float(values[n]) if n < 0 and len(values) >= -n else math.nan


def _last(history: Any, phase: str) -> dict[str, float]:
    try:
        return history.last(phase)
    except LookupError:  # this phase was never
        return {}


def is_rate(metric: str) -> bool:
    """Whether it is the spike rate of a layer, which has a figure of its own."""
    return metric.partition("/")[0] == SPIKE_RATE
