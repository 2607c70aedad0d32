"""The model of a run folder, without the data that it learned from."""

import warnings
from pathlib import Path
from typing import Any, NamedTuple

from jaxtyping import PyTree

import dynplug.train.checkpoint as checkpoint
from dynplug.core import load_states
from dynplug.errors import CheckpointError, CheckpointWarning, StateDictError
from dynplug.plugin import build
from dynplug.recipe.config import Config
from dynplug.recipe.run_folder import CONFIG, RunFolder
from dynplug.train import BestEpoch, restored


class LoadedRun(NamedTuple):
    """The model and the configuration of a run.

    **Attributes:**

    - `model`: the model with what it has learned.
    - `config`: the run's configuration, with the revision of each component; `config["runner"]["dt"]` is its step [ms].
    """

    model: PyTree
    config: dict[str, Any]


def load_run(folder: str | Path, *, best: bool = False) -> LoadedRun:
    """The model of a run folder of `dynplug train`: built from its configuration, filled from its checkpoint.

    It takes neither a script nor the data of the training. Nothing is written, and a run that is under way is not
    disturbed. The model is that of the newest checkpoint, or, where the training ends with that of its best epoch,
    by `restore_best = true` in the section `fit` or in `EarlyStopping`, the best one's, even before that end; with
    `ema` it has the mean parameters. Where the newest is damaged, the one before it is read, with a
    `CheckpointWarning`.

    ```python
    folder = dp.train_config("small.toml", "runs/second", report=False).folder
    model, config = dp.load_run(folder)
    loop = dp.LoopOverTime(model, dt=config["runner"]["dt"])
    ```

    **Arguments:**

    - `folder`: the run folder.
    - `best`: whether to take the best epoch's model in any case, where it is kept.

    **Raises:** `ConfigError` where there is no run, or its model cannot be built, as with a component of another
    revision; `CheckpointError` where there is no such checkpoint, where it is of another model, or where a package is
    missing.
    """
    files = RunFolder(folder)
    config = Config.of_run(folder)
    with config.blamed(), files.blaming_packages():
        model = build(config.values["model"], key=config.key_of("model"), path="model")

    def filled(path: Path) -> PyTree:
        told = checkpoint.describe(path)
        kept = BestEpoch.of(told, path)
        return _loaded(path, model, "best" if best or restored(kept) else "average" if "averaged" in told else "model")

    pair = files.checkpoints
    if best and not pair.best.exists():
        raise CheckpointError(
            f"{folder} keeps no best checkpoint: train with fit.keep_best='test/loss', say, or do not ask for the best."
        )
    if not (best or pair.exists()):
        raise CheckpointError(f"There is no checkpoint in {folder}: no epoch of this run was finished.")
    trained, note = (filled(pair.best), "") if best else pair.newest(filled)
    if note:
        warnings.warn(note, CheckpointWarning, stacklevel=2)
    return LoadedRun(trained, config.values)


def _loaded(path: Path, model: PyTree, tree: str) -> Any:
    try:
        return load_states(path, model, prefix=tree).tree
    except StateDictError as error:
        raise CheckpointError(
            f"{path} is of another model than its {CONFIG} describes: {error.problem} Use the components with which it "
            "was trained."
        ) from error
