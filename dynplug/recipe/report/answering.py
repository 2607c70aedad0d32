"""The outputs of the model for the data in the report, and their classes."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NamedTuple

import jax
import numpy as np
from jaxtyping import Array

from dynplug.losses import confusion_matrix, options_of, takes
from dynplug.plugin import parameters
from dynplug.recipe.report.reported import Reported
from dynplug.train import Reportable, toolkit

_OPTIONS = ("reduce_time", "ignore_index", "one_hot")


class Answers(NamedTuple):
    """Outputs and targets, batch first.

    **Attributes:**

    - `outputs`: (samples, time, ...).
    - `targets`: an array; `None` where there are several.
    - `counts`: the number of samples, or steps, by true class and answer; `None` where nothing is classified.
    - `first`: the true class and the answer of the first sample, where it has one of each.
    """

    outputs: np.ndarray
    targets: np.ndarray | None
    counts: np.ndarray | None = None
    first: tuple[int, int] | None = None


def answers_of(reported: Reported) -> Answers | None:
    """The answers to all samples that are shown, computed as the trainer tests; `None` for outputs of several parts."""
    pair, runner, layout = reported.shown, reported.runner, reported.layout
    if pair is None:
        return None
    asked = {name: reported.fit[name] for name in ("batch_size", "shared_args") if name in reported.fit}
    accepted = parameters(runner.predict)
    given = runner.predict(pair.x, **{name: value for name, value in asked.items() if name in accepted})
    parts = jax.tree.leaves(given)
    if len(parts) != 1:
        return None
    outputs, targets = layout.batch_first(np.asarray(parts[0]), pair.y)
    targets = targets if isinstance(targets, np.ndarray) else None
    options = None if targets is None else _how_classes_are_read(reported.trainer)
    if targets is None or options is None:
        return Answers(outputs, targets)
    count = jax.jit(partial(_counted, options))  # one program for both
    everyone = np.ones(pair.samples, outputs.dtype)
    first = np.eye(1, pair.samples, dtype=outputs.dtype)[0]
    counts, of_first = (np.asarray(count(outputs, targets, pair.mask, of)) for of in (everyone, first))
    found = np.argwhere(of_first > 0)
    return Answers(outputs, targets, counts, (int(found[0, 0]), int(found[0, 1])) if len(found) == 1 else None)


def _how_classes_are_read(trainer: Reportable) -> Mapping[str, Any] | None:
    """The options of the first metric that classifies, or else of the loss, as `reduce_time`; `None` if none does."""
    if trainer.loss_fun is None:
        return None
    loss, *metrics = toolkit.measures_of(trainer.loss_fun, trainer.metrics).values()
    for measure in (*metrics, loss):
        if measure.batch_first and takes(measure.function, "mask") and _reads_classes(measure.function):
            return {name: value for name, value in options_of(measure.function).items() if name in _OPTIONS}
    return None


def _reads_classes(function: Callable[..., object]) -> bool:
    return "one_hot" in options_of(function) or takes(function, "one_hot")


def _counted(options: Mapping[str, Any], outputs: Array, targets: Array, mask: Array | None, weight: Array) -> Array:
    return confusion_matrix(outputs, targets, mask=mask, sample_weight=weight, **options)
