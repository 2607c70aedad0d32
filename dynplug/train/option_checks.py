"""Options of `fit` that are wrong whatever the data are."""

from collections.abc import Mapping
from typing import Any

from dynplug.core import as_whole
from dynplug.errors import OptionError, UnknownNameError, nearest
from dynplug.train.fit import asked_for

_LEAST = {"num_epoch": 0, "batch_size": 1, "num_report": -1, "buckets": 1, "checkpoint_every": 1}


def check_fit(trainer: Any, name: str, options: Mapping[str, Any]) -> None:
    """Refuse an option of `fit` that is wrong whatever the data are, as a method of a trainer.

    **Arguments:**

    - `name`: its name.
    - `options`: all that are given, by name.

    **Raises:** `OptionError`; `UnknownNameError` for a metric that is not measured.
    """
    value = options[name]
    if value is None:
        return
    if name in _LEAST:
        as_whole(name, value, least=_LEAST[name])
    elif name == "keep_best":
        _check_measured(trainer, value)
    elif name == "restore_best" and options.get("keep_best") is None:
        asked_for(trainer, None, value)
    elif name == "reset_state" and not (value or trainer.objective.auto_run):
        raise OptionError("With loss_auto_run=False the trainer sees no states to go on from: leave reset_state=True.")
    elif name == "shared_args" and not isinstance(value, Mapping):
        raise OptionError(f"shared_args={value!r} must be a dictionary, of values for ctx.shared.")


def _check_measured(trainer: Any, what: Any) -> None:
    """Refuse a metric of `keep_best` of which it is known that no step logs it."""
    watched, _ = asked_for(trainer, what, False)
    assert watched is not None
    named = ["loss", *(metric.name for metric in trainer.objective.metrics), *trainer.track]
    if not trainer.objective.has_aux and watched.metric.partition("/")[0] not in named:
        hint = nearest(watched.metric, named)
        raise UnknownNameError(f"keep_best={what!r}: {watched.metric!r} is not measured. {hint}")
