"""Sweeps by the real Optuna: what it learns, its journal, pruning, and a sweep that is killed."""

import tomllib

import numpy as np
import optuna
import pytest
from dynplug_optuna import Optuna
from dynplug_optuna.study import JOURNAL, opened

import dynplug as dp
from dynplug.errors import ConfigError, OptionError
from dynplug.search import Outcome, Search, Space

SPACE = Space.parse(
    {"a": {"uniform": [0.0, 1.0]}, "b": {"loguniform": [1e-4, 1.0]}, "c": {"int": [1, 4]}, "d": ["x", "y"]}
)
SWEEP = """\
[task]
type = "digits"
test_share = 0.9
encoder = { type = "latency", num_step = 2 }

[model]
type = "Dense"
in_size = 64
out_size = 10

[runner]
type = "BPTT"
dt = 1.0
loss_fun = "cross_entropy"
optimizer = { type = "adam", learning_rate = 0.01 }

[fit]
num_epoch = 4
batch_size = 60

[sweep]
metric = "test/loss"
sampler = { type = "optuna", num_trial = 6, pruner = "median", algorithm = "random" }

[sweep.space]
runner.optimizer.learning_rate = { loguniform = [1e-6, 1e-1] }
"""


def silent(line):
    pass


def searched(folder, number=30, **options):
    """Values by number, where the best are at a = 0.3 and b = 0.01."""
    search, sampler, asked = Search(SPACE, folder=folder), Optuna(number, **options), []
    for n in range(number):
        values = sampler.ask(search, n)
        asked.append(values)
        far = (values["a"] - 0.3) ** 2 + (np.log10(values["b"]) + 2) ** 2 + (values["d"] == "y")
        sampler.tell(search, values, Outcome(n, "finished", float(far)))
    return asked


def test_it_learns_from_the_trials_before(tmp_path):
    """Late trials are nearer to the best than those of random search, in which none depends on another."""
    for name in ("tpe", "random"):
        (tmp_path / name).mkdir()
    late = {name: searched(tmp_path / name, algorithm=name)[15:] for name in ("tpe", "random")}
    far = {name: np.median([abs(np.log10(v["b"]) + 2) for v in trials]) for name, trials in late.items()}
    assert far["tpe"] < 0.6 * far["random"]
    assert sum(v["d"] == "x" for v in late["tpe"]) > 10


def test_the_journal_is_a_study_that_optuna_itself_opens(tmp_path):
    asked = searched(tmp_path, 5)
    storage = optuna.storages.JournalStorage(optuna.storages.journal.JournalFileBackend(str(tmp_path / JOURNAL)))
    study = optuna.load_study(study_name="sweep", storage=storage)
    assert [trial.params for trial in study.trials] == asked
    assert study.direction is optuna.study.StudyDirection.MINIMIZE
    assert study.best_params in asked


def test_a_trial_that_was_asked_for_and_then_killed_is_gone_on_with(tmp_path):
    search = Search(SPACE, folder=tmp_path)
    study = opened(tmp_path, "min", None, None)
    half = study.ask().suggest_float("a", 0.0, 1.0)  # killed between two values
    values = Optuna(3).ask(search, 0)
    assert values["a"] == half
    assert Optuna(3, seed=5).ask(search, 0) == values
    assert len(opened(tmp_path, "min", None, None).trials) == 1


def test_failures_and_prunings_are_told_as_such_and_only_once(tmp_path):
    search, sampler = Search(SPACE, folder=tmp_path), Optuna(3)
    for n, status in enumerate(("failed", "pruned", "finished")):
        values = sampler.ask(search, n)
        for value in (1.0, 2.0):
            sampler.tell(search, values, Outcome(n, status, value if status == "finished" else None))
    trials = opened(tmp_path, "min", None, None).trials
    assert [trial.state.name for trial in trials] == ["FAIL", "PRUNED", "COMPLETE"]
    assert trials[2].value == 1.0


def test_a_lost_journal_is_written_anew(tmp_path):
    asked = searched(tmp_path, 4)
    (tmp_path / JOURNAL).unlink()
    sampler, search = Optuna(5), Search(SPACE, folder=tmp_path)
    for n, values in enumerate(asked):
        sampler.tell(search, values, Outcome(n, "finished", float(n)))
    assert [trial.params for trial in opened(tmp_path, "min", None, None).trials] == asked
    assert sampler.ask(search, 4) is not None
    assert sampler.ask(search, 5) is None


@pytest.mark.parametrize("launcher", ["serial", {"type": "processes", "num_process": 2}], ids=["serial", "processes"])
def test_unpromising_trials_are_pruned_and_the_sweep_is_run_again(tmp_path, launcher):
    values = tomllib.loads(SWEEP)
    values["sweep"]["launcher"] = launcher
    result = dp.sweep_config(values, tmp_path / "out", say=silent)
    statuses = {trial["status"] for trial in result.trials}
    assert len(result.trials) == 6
    assert "failed" not in statuses
    pruned = [trial for trial in result.trials if trial["status"] == "pruned"]
    assert all(trial["epoch"] < 4 for trial in pruned)
    assert all(trial["epoch"] == 4 for trial in result.trials if trial["status"] == "finished")
    if launcher == "serial":  # else it depends on which is first
        assert pruned
    values["sweep"]["sampler"]["num_trial"] = 7
    again = dp.sweep_config(values, tmp_path / "out", say=silent)
    assert again.trials[:6] == result.trials
    assert len(opened(tmp_path / "out", "min", None, None).trials) == len(again.trials) == 7


def test_a_sweep_without_a_pruner_stops_nothing(tmp_path):
    values = tomllib.loads(SWEEP)
    values["sweep"]["sampler"] = {"type": "optuna", "num_trial": 3}
    assert {t["epoch"] for t in dp.sweep_config(values, tmp_path / "out", say=silent).trials} == {4}


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"num_trial": 0}, "num_trial=0 must be a whole number, 1 or more"),
        ({"num_trial": 1, "algorithm": "tpee"}, "no algorithm 'tpee'. Did you mean 'tpe'"),
        ({"num_trial": 1, "pruner": "meadian"}, "no pruner 'meadian'. Did you mean 'median'"),
        ({"num_trial": 1, "seed": -1}, "seed=-1"),
        ({"num_trial": 1, "warm_up": 0.5}, "warm_up=0.5"),
    ],
)
def test_bad_options_are_named(options, problem):
    with pytest.raises(OptionError, match=problem):
        Optuna(**options)
    with pytest.raises(ConfigError, match=problem):
        dp.build({"type": "optuna", **options}, kind="sampler")
