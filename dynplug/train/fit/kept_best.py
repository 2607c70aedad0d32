"""The best epoch's parameters, kept beside the present ones."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from dynplug.errors import OptionError
from dynplug.train.checkpoint import CheckpointPair
from dynplug.train.fit.best_epoch import BestEpoch, Kept
from dynplug.train.fit.progress import Progress
from dynplug.train.fit.watched import Watched


class KeptBest:
    """Keeps a training's parameters whenever an epoch is the best so far, and with them its checkpoint.

    What was kept by the same metric before, in this call of `fit` or an earlier one, is to be surpassed.

    **Arguments:**

    - `trainer`, `progress`: the training.
    - `what`: a metric with its phase, as `"test/loss"`, or a pair of it and `"min"` or `"max"`.
    - `test_data`: those of the run, if any.
    - `restores`: whether `fit` will go back to them.
    - `path`: the training's newest checkpoint, beside which the best one is written; `None` for no file.

    **Raises:** `OptionError`.
    """

    def __init__(
        self,
        trainer: Any,
        progress: Progress,
        what: str | Sequence[str],
        test_data: Any,
        restores: bool,
        path: str | Path | None,
    ):
        self._metric, self._watched = watched_of(what)
        if self._watched.phase == "test" and test_data is None:
            raise OptionError(f"keep_best={what!r} needs test_data.")
        self._trainer, self._progress, self._restores = trainer, progress, restores
        self._path = None if path is None else CheckpointPair(path).best
        self._begin()

    def __call__(self, epoch: int, metrics: dict[str, dict[str, float]]) -> None:
        """Keep the present parameters if this epoch is the best."""
        watched = self._watched
        if watched.see(epoch, metrics):
            assert watched.best is not None
            assert watched.mode is not None
            best = BestEpoch(self._metric, watched.mode, watched.best, epoch)
            self._progress.kept = Kept(best, self._progress.train_state.tested, self._restores)
            if self._path is not None:
                self._trainer.save_states(self._path)

    def _begin(self) -> None:
        """Go on from what is kept, if it is the best by the same metric."""
        kept, watched = self._progress.kept, self._watched
        if kept is None or (kept.of.metric, kept.of.mode) != (self._metric, watched.mode):
            self._progress.kept = None
            return
        watched.best, watched.epoch = kept.of.value, kept.of.epoch
        self._progress.kept = kept._replace(restores=self._restores)


def watched_of(what: Any) -> tuple[str, Watched]:
    """The metric that `keep_best` names, as `"test/loss"`, and the watch over it. **Raises:** `OptionError`."""
    parts: list[Any] = [*what] if isinstance(what, (tuple, list)) and what else [what]
    named, *mode = parts
    phase, slash, metric = named.partition("/") if isinstance(named, str) else ("", "", "")
    if not slash or len(mode) > 1:
        raise OptionError(
            f"keep_best={what!r}: write the phase and the metric, as 'test/loss', or ('test/distance', 'min')."
        )
    return named, Watched(phase, metric, mode[0] if mode else None, name=f"keep_best={what!r}")


def keeping(
    trainer: Any, progress: Progress, what: Any, test_data: Any, restores: bool, path: str | Path | None
) -> Callable[[int, dict[str, dict[str, float]]], None]:
    """A function that keeps the best epoch, if asked for. **Arguments:** as for `KeptBest`; `what` may be `None`."""
    if what is not None:
        return KeptBest(trainer, progress, what, test_data, restores, path)
    if restores:
        raise OptionError("restore_best=True needs keep_best, the metric that tells the best, as 'test/loss'.")
    if progress.kept is not None:  # by an earlier call: it stays, and is not gone back to
        progress.kept = progress.kept._replace(restores=False)
    return nothing


def nothing(*args: Any) -> None:
    """Do nothing."""
