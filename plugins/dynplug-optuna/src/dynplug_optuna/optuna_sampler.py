"""Values chosen by Optuna."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import optuna

from dynplug.core import as_whole
from dynplug.errors import OptionError, nearest
from dynplug.search import Outcome, Sampler, Search
from dynplug_optuna.pruning import Pruning
from dynplug_optuna.study import ALGORITHMS, PRUNERS, as_distribution, opened


@dataclass(frozen=True)
class Optuna(Sampler):
    r"""A sampler that lets Optuna choose the values of each trial from the outcomes of earlier trials.

    $$\theta^{(n+1)} = \arg\max_\theta\ \frac{p(\theta \mid y < y^*)}{p(\theta \mid y \ge y^*)}$$

    for `"tpe"`, with densities of the better and the worse trials so far. The study is a journal in the sweep's folder,
    `optuna.journal`, which several processes and machines may write. With a pruner, trials report the metric after each
    epoch and are stopped where it does not look promising.

    ```python
    from dynplug_optuna import Optuna

    space = dp.search.Space.parse({"model": {"tau": {"uniform": [5.0, 50.0]}}})
    sampler, search = Optuna(num_trial=20), dp.search.Search(space, metric="test/loss")
    values = sampler.ask(search, 0)
    assert 5.0 <= values["model.tau"] <= 50.0
    ```

    **Arguments:**

    - `num_trial`: the number of trials.
    - `algorithm`: `"tpe"`, `"random"`, `"cmaes"` (with the package cmaes), `"qmc"` or `"gp"` (with torch).
    - `pruner`: `"median"`, `"hyperband"`, `"halving"`, or `None` for none.
    - `warm_up`: the number of epochs before which no trial is stopped by `"median"`.
    - `seed`: of the values.

    **Raises:** `OptionError`.

    **Reference:** Akiba, T. et al. (2019), Optuna: a next-generation hyperparameter optimization framework,
    doi:10.1145/3292500.3330701.
    """

    num_trial: int
    algorithm: str = "tpe"
    pruner: str | None = None
    warm_up: int = 1
    seed: int = 0

    def __post_init__(self) -> None:
        for name, least in (("num_trial", 1), ("warm_up", 0), ("seed", 0)):
            as_whole(f"Optuna: {name}", getattr(self, name), least=least)
        if self.algorithm not in ALGORITHMS:
            raise OptionError(
                f"Optuna: there is no algorithm {self.algorithm!r}. {nearest(str(self.algorithm), ALGORITHMS)}"
            )
        if self.pruner is not None and self.pruner not in PRUNERS:
            raise OptionError(f"Optuna: there is no pruner {self.pruner!r}. {nearest(str(self.pruner), PRUNERS)}")

    def ask(self, search: Search, number: int) -> Mapping[str, Any] | None:
        if number >= self.num_trial:
            return None
        study = self._study(search, number)
        known = study.get_trials(deepcopy=False)
        # one that was asked for by a sweep that was then killed is gone on with, whatever of it was chosen already
        trial = optuna.Trial(study, known[number]._trial_id) if number < len(known) else study.ask()
        return {path: trial._suggest(path, as_distribution(d)) for path, d in search.space.items()}

    def tell(self, search: Search, values: Mapping[str, Any], outcome: Outcome) -> None:
        study = self._study(search, outcome.number)
        known = study.get_trials(deepcopy=False)
        states = {"finished": optuna.trial.TrialState.COMPLETE, "pruned": optuna.trial.TrialState.PRUNED}
        state = states.get(outcome.status, optuna.trial.TrialState.FAIL)
        value = outcome.value if outcome.status == "finished" else None
        if outcome.number >= len(known):  # the journal was lost
            distributions = {path: as_distribution(d) for path, d in search.space.items()}
            made = optuna.trial.create_trial(state=state, value=value, params=dict(values), distributions=distributions)
            study.add_trial(made)
        elif not known[outcome.number].state.is_finished():
            study.tell(outcome.number, value, state)

    def observers(self, search: Search, number: int) -> tuple[object, ...]:
        if self.pruner is None:
            return ()
        return (
            Pruning(str(Path(search.folder).resolve()), number, search.metric, search.mode, self.pruner, self.warm_up),
        )

    def _study(self, search: Search, number: int) -> optuna.Study:
        sampler = ALGORITHMS[self.algorithm](self.seed + number)  # else each new process would draw the first again
        return opened(search.folder, search.mode, sampler, None)
