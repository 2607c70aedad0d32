"""Training from a configuration, as a function."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from time import perf_counter
from typing import Any

import jax

from dynplug.errors import OptionError
from dynplug.recipe.config import Config
from dynplug.recipe.own_code import import_files
from dynplug.recipe.report import PICTURES, REPORT, curve
from dynplug.recipe.training import CHECKPOINT, CONFIG, METRICS, Training, silent
from dynplug.train import restored

_FILES = (CONFIG, METRICS, CHECKPOINT, *PICTURES, REPORT)


@dataclass(frozen=True)
class Result:
    """The result of a training. It holds plain values alone, so that one process can send it to another.

    **Attributes:**

    - `folder`: the run folder; `dp.load_run(folder)` is the model.
    - `epoch`: the number of epochs done.
    - `metrics`: those of the model that it ended with, by phase, `"fit"` and `"test"`: of the last epoch, or of the
        best one if it went back to that.
    - `history`: those of all epochs, each a list.
    - `seconds`: the duration [s].
    """

    folder: Path
    epoch: int
    metrics: dict[str, dict[str, float]]
    history: dict[str, dict[str, list[float]]]
    seconds: float

    @classmethod
    def of(cls, training: Training, seconds: float) -> "Result":
        """The result of a training that has run."""
        past = training.runner.history
        names = {phase: list(past.last(phase)) for phase in ("fit", "test") if _measured(past, phase)}
        history = {phase: {n: curve(past, phase, n).tolist() for n in of} for phase, of in names.items()}
        best = restored(getattr(training.runner, "best", None))
        end = -1 if best is None else best.epoch - 1
        metrics = {phase: {name: values[end] for name, values in of.items() if values} for phase, of in history.items()}
        return cls(training.folder, training.runner.epoch, metrics, history, seconds)


def train_config(
    config: str | Path | Mapping[str, Any] | Config,
    folder: str | Path | None = None,
    *,
    resume: bool = False,
    report: bool = True,
    imports: Sequence[str | Path] = (),
    observers: Iterable[object] = (),
    say: Callable[[str], None] = print,
) -> Result:
    """Train what a configuration describes, as `dynplug train` does, with everything in a run folder.

    ```python
    result = dp.train_config("small.toml", "runs/first", report=False)
    assert 0.0 <= result.metrics["test"]["accuracy"] <= 1.0
    model = dp.load_run(result.folder).model
    ```

    **Arguments:**

    - `config`: a TOML file, what it holds as a dictionary, or a `Config`.
    - `folder`: the run folder; `None` for a new one in `runs/`, with the time in its name. Processes that train
        together name the same one, which one of them writes.
    - `resume`: whether to go on with the run that the folder holds; otherwise it must hold none.
    - `report`: whether to write the report, which takes some seconds.
    - `imports`: Python files that register components of your own, imported first; the run folder gets a copy.
    - `observers`: of the run, beside those that the configuration names.
    - `say`: is told in lines what happens.

    **Raises:** `ConfigError`, before anything is written; `OptionError` without a folder where there are several
    processes; `CheckpointError`; and whatever ends the training.
    """
    import_files(imports)
    given = Config.of(config)
    if folder is None and jax.process_count() > 1:
        raise OptionError(
            f"There are {jax.process_count()} processes, each of which would make a run folder: name one for this "
            "training, as folder='runs/first', the same in all that train together."
        )
    training = Training(
        given,
        folder or f"runs/{given.name}-{datetime.now():%Y%m%d-%H%M%S}",
        new=folder is None,
        resume=resume,
        imports=imports,
        observers=[*observers],
        report=report,
    )
    say = say if training.runner.writes else silent
    say(f"Run folder: {training.folder}")
    began = perf_counter()
    training.run(say)
    written = [name for name in _FILES if (training.folder / name).exists()]
    say(f"Wrote {', '.join(written)} to {training.folder}")
    return Result.of(training, perf_counter() - began)


def _measured(history: Any, phase: str) -> bool:
    try:
        return bool(history.last(phase))
    except LookupError:
        return False
