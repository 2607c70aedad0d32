"""A study of Optuna in the folder of a sweep."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import optuna
from optuna.samplers import BaseSampler, CmaEsSampler, GPSampler, QMCSampler, RandomSampler, TPESampler
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend

from dynplug.search import Choice, Distribution, Int, Uniform

JOURNAL, NAME = "optuna.journal", "sweep"

ALGORITHMS: dict[str, Callable[[int], BaseSampler]] = {
    "tpe": lambda seed: TPESampler(seed=seed),
    "random": lambda seed: RandomSampler(seed=seed),
    "cmaes": lambda seed: CmaEsSampler(seed=seed),
    "qmc": lambda seed: QMCSampler(seed=seed),
    "gp": lambda seed: GPSampler(seed=seed),
}
PRUNERS: dict[str, Callable[[int], optuna.pruners.BasePruner]] = {
    "median": lambda warm_up: optuna.pruners.MedianPruner(n_startup_trials=2, n_warmup_steps=warm_up),
    "hyperband": lambda warm_up: optuna.pruners.HyperbandPruner(),
    "halving": lambda warm_up: optuna.pruners.SuccessiveHalvingPruner(),
}
_DISTRIBUTIONS: dict[type, Callable[[Any], optuna.distributions.BaseDistribution]] = {
    Choice: lambda d: optuna.distributions.CategoricalDistribution(d.options),
    Int: lambda d: optuna.distributions.IntDistribution(d.low, d.high),
    Uniform: lambda d: optuna.distributions.FloatDistribution(d.low, d.high, log=d.log),
}


def opened(
    folder: str | Path, mode: str, sampler: BaseSampler | None, pruner: optuna.pruners.BasePruner | None
) -> optuna.Study:
    """The study in a sweep's folder, made if there is none."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    storage = JournalStorage(JournalFileBackend(str(Path(folder) / JOURNAL)))
    direction = "minimize" if mode == "min" else "maximize"
    return optuna.create_study(
        storage=storage, study_name=NAME, direction=direction, load_if_exists=True, sampler=sampler, pruner=pruner
    )


def as_distribution(distribution: Distribution) -> optuna.distributions.BaseDistribution:
    """Optuna's counterpart of a distribution."""
    return _DISTRIBUTIONS[type(distribution)](distribution)
