"""Stopping trials that do not look promising."""

from dataclasses import dataclass
from typing import Any

import optuna

from dynplug.api import hookimpl
from dynplug_optuna.study import PRUNERS, opened


@dataclass
class Pruning:
    """An observer that reports a metric to Optuna after each epoch, and stops the training if Optuna says so.

    **Arguments:**

    - `folder`: of the sweep, with its journal.
    - `number`: of the trial.
    - `metric`, `mode`: as of the search.
    - `pruner`: its name; `warm_up`, as for `Optuna`.

    **Attributes:** `pruned`, whether it has stopped the training.
    """

    folder: str
    number: int
    metric: str
    mode: str
    pruner: str
    warm_up: int
    pruned: bool = False

    @hookimpl
    def dynplug_should_stop(self, epoch: int, metrics: dict[str, dict[str, float]]) -> bool:
        """Report the epoch's metric, and ask."""
        phase, _, name = self.metric.partition("/")
        study = opened(self.folder, self.mode, None, PRUNERS[self.pruner](self.warm_up))
        known = study.get_trials(deepcopy=False)
        if known[self.number].state.is_finished():  # of a sweep that was killed after it was told
            return False
        trial: Any = optuna.Trial(study, known[self.number]._trial_id)
        trial.report(metrics[phase][name], epoch)
        self.pruned = trial.should_prune()
        return self.pruned
