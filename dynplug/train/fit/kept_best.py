"""The best epoch's model, kept beside the present one."""

import warnings
from copy import copy
from pathlib import Path
from typing import Any

from dynplug.errors import CheckpointWarning, OptionError
from dynplug.train.checkpoint import CheckpointPair
from dynplug.train.fit.best_epoch import Best
from dynplug.train.fit.progress import Progress
from dynplug.train.fit.watched import Watched


class KeptBest:
    """Keeps a training's model whenever an epoch is the best so far, and with it that epoch's checkpoint.

    **Arguments:**

    - `trainer`, `progress`: the training.
    - `watched`: the metric.
    - `restores`: whether the model is in the end the one that is kept.
    - `anew`: whether epochs of this call of `fit` count alone; else what an earlier call kept by the same metric is to
        be surpassed.
    - `path`: the training's newest checkpoint, beside which the best one is written; `None` for no file.
    """

    def __init__(
        self, trainer: Any, progress: Progress, watched: Watched, restores: bool, anew: bool, path: str | Path | None
    ):
        self._trainer, self._progress, self._restores = trainer, progress, restores
        self._watched = watched = copy(watched)  # an observer goes on with its own
        self._path = None if path is None else CheckpointPair(path).best
        best, began = progress.best, progress.began
        if best is None or not watched.told(best.of) or (anew and began is None):
            best = None
        progress.best, watched.found = best, best and best.of
        progress.end_with_best(restores)
        if best is None and began is not None:  # it goes on from a checkpoint without
            watched.recall(progress.history, began, progress.epoch)

    def see(self, epoch: int, metrics: dict[str, dict[str, float]]) -> None:
        """Keep the present model if this epoch is the best."""
        if best := self._watched.see(epoch, metrics):
            self._progress.best = Best(best, self._progress.train_state.tested)
            self._progress.end_with_best(self._restores)
            if self._path is not None:
                self._trainer.save_states(self._path)

    def end(self) -> None:
        """Go back to what is kept, where that was asked for, as the run has come to its end."""
        best, epoch = self._progress.best, self._watched.epoch
        if not self._restores:
            return
        if best is not None:
            self._progress.go_back_to(best.params)
        elif epoch not in (0, self._progress.epoch):
            warnings.warn(
                f"The model of the best epoch, {epoch}, is not in the checkpoint that this run went on from, which was "
                f"written without keeping it by {self._watched}. The model is the last one.",
                CheckpointWarning,
                stacklevel=2,
            )


def asked_for(trainer: Any, what: object, restores: bool) -> tuple[Watched | None, bool]:
    """The metric by which `fit` and the observers ask to keep the best model, and whether to go back to it.

    **Arguments:** `what`, `restores`: the arguments `keep_best` and `restore_best` of `fit`.

    **Raises:** `OptionError`, also where they ask for different ones, as one model is kept.
    """
    observed: list[Any] = trainer._hooks.dynplug_keep_best(trainer=trainer)
    asked = [_watched_of(one) for one in (what, *observed) if one is not None]
    if restores and not asked:
        raise OptionError("restore_best=True needs keep_best, the metric that tells the best, as 'test/loss'.")
    for other in asked[1:]:
        if str(other) != str(asked[0]):
            raise OptionError(
                f"{asked[0].name} keeps the model of the best epoch by {asked[0]}, {other.name} by {other}: one model "
                "is kept. Give both the same metric, or leave one out: EarlyStopping stops without restore_best, too."
            )
    return (asked[0] if asked else None), restores or bool(observed)


def _watched_of(what: object) -> Watched:
    """The watch over the metric that `keep_best` names, as `"test/loss"`. **Raises:** `OptionError`."""
    if isinstance(what, Watched):
        return what
    parts: list[Any] = [*what] if isinstance(what, (tuple, list)) and what else [what]
    named, *mode = parts
    phase, slash, metric = named.partition("/") if isinstance(named, str) else ("", "", "")
    if not slash or len(mode) > 1:
        raise OptionError(
            f"keep_best={what!r}: write the phase and the metric, as 'test/loss', or ('test/distance', 'min')."
        )
    return Watched(phase, metric, mode[0] if mode else None, name=f"keep_best={what!r}")


def keeping(
    trainer: object, progress: Progress, what: object, restores: bool, test_data: object, path: str | Path | None
) -> KeptBest | None:
    """The keeper of the best epoch's model, if `fit` or an observer asks for one. **Arguments:** as for `fit`."""
    watched, restores = asked_for(trainer, what, restores)
    if watched is None:  # what an earlier call kept stays, and is not gone back to
        progress.end_with_best(False)
        return None
    if watched.phase == "test" and test_data is None:
        raise OptionError(f"{watched.name} needs test_data.")
    return KeptBest(trainer, progress, watched, restores, what is None, path)
