"""Running one trial, in whichever process."""

import json
import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from dynplug.core import write_atomically
from dynplug.errors import UnknownNameError, nearest
from dynplug.plugin import in_words
from dynplug.recipe import CHECKPOINT, Config, Result, import_files, lock, train_config
from dynplug.search import Outcome, Trial
from dynplug.sweep.trial_log import logged
from dynplug.train.checkpoint import CheckpointPair

TRIAL, OUTCOME = "trial.json", "outcome.json"
_PAUSE = 0.5  # s between two looks whether another process is done with a trial


def run_trial(trial: Trial) -> Outcome:
    """Train a trial in its folder, from its last checkpoint if there is one, and write its outcome there.

    Whatever it raises becomes an outcome. If another process is at it, as one that a killed sweep has left behind, its
    outcome is waited for; one that is there already is only read.
    """
    with held(trial):
        return outcome_in(trial.folder) or finished(trial, lambda: _trained(trial))


def finished(trial: Trial, train: Callable[[], Result]) -> Outcome:
    """The outcome of a function that trains and returns a `Result`, written to the trial's folder."""
    began = time.perf_counter()
    try:
        outcome = _outcome(trial, train())
    except Exception as error:
        outcome = failed(trial, in_words(error), time.perf_counter() - began)
    write_outcome(trial.folder, outcome)
    return outcome


def failed(trial: Trial, message: str, seconds: float = 0.0) -> Outcome:
    """The outcome of a trial that failed."""
    return Outcome(trial.number, "failed", seconds=seconds, message=message)


def outcome_in(folder: str | Path) -> Outcome | None:
    """The outcome that a trial's folder holds, if there is one."""
    path = Path(folder) / OUTCOME
    return Outcome(**json.loads(path.read_text(encoding="utf-8"))) if path.exists() else None


def write_outcome(folder: str | Path, outcome: Outcome) -> None:
    """Write an outcome atomically."""
    write_atomically(Path(folder) / OUTCOME, json.dumps(outcome.to_json(), indent=2).encode())


@contextmanager
def held(trial: Trial) -> Iterator[None]:
    """Lock a trial against other processes, after waiting for one that runs it.

    The file is locked, not the folder, which the training locks itself.
    """
    while True:
        try:
            release = lock(Path(trial.folder) / TRIAL)
            break
        except BlockingIOError:
            time.sleep(_PAUSE)
    try:
        yield
    finally:
        release()


def options_of(trial: Trial) -> dict[str, Any]:
    """The arguments of a trial's training."""
    return {
        "config": Config.from_values(trial.config, f"trial {trial.number}"),
        "folder": trial.folder,
        "resume": CheckpointPair(Path(trial.folder) / CHECKPOINT).exists(),
        "imports": trial.imports,
        "observers": trial.observers,
        "report": trial.report,
    }


def _trained(trial: Trial) -> Result:
    with logged(trial.folder):
        import_files(trial.imports)
        return train_config(**options_of(trial))


def _outcome(trial: Trial, result: Result) -> Outcome:
    phase, _, name = trial.metric.partition("/")
    values = result.metrics.get(phase, {})
    if name not in values:
        known = [f"{phase}/{name}" for phase, of_phase in result.metrics.items() for name in of_phase]
        raise UnknownNameError(f"There is no metric {trial.metric!r}. {nearest(trial.metric, known)}")
    made = Outcome(trial.number, "finished", values[name], result.metrics, result.epoch, result.seconds)
    if not math.isfinite(values[name]):
        return replace(made, status="failed", value=None, message=f"{trial.metric} is {values[name]}.")
    return replace(made, status="pruned") if any(getattr(o, "pruned", False) for o in trial.observers) else made
