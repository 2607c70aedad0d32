"""Sweeps: what they try, write and say; killed and run again; and what they refuse."""

import csv
import json
import shutil
import tomllib

import numpy as np
import pytest
from matplotlib.image import imread

import dynplug as dp
from dynplug.errors import CheckpointError, ConfigError
from dynplug.sweep import Serial, outcome_in, run_trial

pytestmark = pytest.mark.usefixtures("blank_pictures")


def silent(line):
    pass


@pytest.fixture(scope="module")
def swept(tmp_path_factory, text):
    """A sweep of a grid of six trials, two of which fail; what it said."""
    home = tmp_path_factory.mktemp("sweep")
    (home / "small.toml").write_text(text)
    said = []
    return dp.sweep_config(home / "small.toml", home / "out", say=said.append), said


def test_a_sweep_tries_all_combinations_and_goes_on_where_some_fail(swept):
    result, said = swept
    assert [tuple(t["values"].values()) for t in result.trials] == [
        (seed, tau) for seed in (0, 1) for tau in (5.0, -1.0, 20.0)
    ]
    assert [t["status"] for t in result.trials] == ["finished", "failed", "finished"] * 2
    failed = result.trials[1]
    assert "LIF(tau=...) must be greater than zero; got -1.0." in failed["message"]
    assert failed["value"] is None
    assert said[0] == f"Sweep folder: {result.search.folder}"
    assert said[2].startswith("Trial 1: failed, ConfigError: trial 1, model.hidden.tau: LIF(tau=...)")
    done = [t for t in result.trials if t["status"] == "finished"]
    assert result.best["value"] == min(t["value"] for t in done)
    assert result.best["value"] == result.best["metrics"]["test"]["loss"]
    assert result.importance["seed"] + result.importance["model.hidden.tau"] > 0.3


def test_a_trial_s_folder_reproduces_it_alone(swept, tmp_path):
    result, _ = swept
    trial = result.trials[5]
    folder = result.search.folder / trial["folder"]
    config = tomllib.loads((folder / "config.toml").read_text())
    assert "sweep" not in config
    assert (config["seed"], config["model"]["hidden"]["tau"]) == (1, 20.0)
    again = dp.train_config(folder / "config.toml", tmp_path / "again", report=False, say=silent)
    assert again.metrics == trial["metrics"]
    assert dp.load_run(folder).model["hidden"].tau == 20.0
    assert "Epoch 2/2" in (folder / "log.txt").read_text()
    assert not (folder / "report.html").exists()


def test_the_table_is_a_file_and_a_string_and_the_picture_is_one(swept):
    result, _ = swept
    with (result.search.folder / "table.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["status"] for row in rows] == [t["status"] for t in result.trials]
    assert float(rows[2]["test/loss"]) == result.trials[2]["value"]
    assert float(rows[2]["model.hidden.tau"]) == 20.0
    assert rows[1]["message"] == result.trials[1]["message"]
    assert json.loads((result.search.folder / "results.json").read_text()) == json.loads(json.dumps(result.to_json()))
    head, best, *_ = lines = str(result).splitlines()
    assert head.split() == ["trial", "test/loss", "seed", "tau", "epochs", "s"]
    assert best.split()[0] == str(result.best["number"])
    assert "failed: ConfigError" in lines[5]
    assert lines[-1].startswith("Share of the variance of test/loss that each explains: ")
    assert imread(result.search.folder / "sweep.png").shape[1] > 1000


def test_run_again_it_repeats_nothing(swept, monkeypatch):
    result, _ = swept
    monkeypatch.setattr("dynplug.sweep.serial.run_trial", None)  # would fail
    said = []
    again = dp.sweep_config(result.search.folder / "sweep.toml", result.search.folder, say=said.append)
    assert again.trials == result.trials
    assert said[1] == "Going on: 6 of 6 trials are done."


class Killed(BaseException):
    pass


def test_killed_at_any_moment_and_run_again_no_trial_is_lost_or_repeated(swept, text, tmp_path, monkeypatch):
    """Before a trial is written down, while it trains, and after it is done but not yet told of."""
    result, _ = swept
    (tmp_path / "small.toml").write_text(text)
    ran = []

    def counted(trial):
        ran.append(trial.number)
        return run_trial(trial)

    moments = iter(["written", "trained", "told", "none", "trained", *["none"] * 4])

    def dying(self, trials):
        for trial in trials:
            moment = next(moments)
            if moment == "written":
                raise Killed
            if moment == "trained":
                training = dp.recipe.Training(dp.recipe.Config.from_values(trial.config), trial.folder)
                training.runner.fit(training.data.train, training.data.test, num_epoch=1, batch_size=30)
                training.runner.save_states(training.folder / "checkpoint.safetensors")
                training.release()
                if trial.number == 0:  # while the next checkpoint was about to be written
                    written = training.folder / "checkpoint.safetensors"
                    written.rename(written.with_name("checkpoint.previous.safetensors"))
                raise Killed
            outcome = counted(trial)
            if moment == "told":
                raise Killed
            yield outcome

    monkeypatch.setattr(Serial, "launch", dying)
    for _ in range(4):
        with pytest.raises(Killed):
            dp.sweep_config(tmp_path / "small.toml", tmp_path / "out", say=silent)
    again = dp.sweep_config(tmp_path / "small.toml", tmp_path / "out", say=silent)
    assert sorted(ran) == [0, 1, 2, 3, 4, 5]
    for one, other in zip(again.trials, result.trials, strict=True):
        assert (one["values"], one["status"]) == (other["values"], other["status"])
        for phase, metrics in other["metrics"].items():
            np.testing.assert_allclose(list(one["metrics"][phase].values()), list(metrics.values()), rtol=1e-6)


def test_an_outcome_that_another_process_has_written_is_taken(swept, tmp_path, monkeypatch):
    result, _ = swept
    home = shutil.copytree(result.search.folder / "trials" / "0000", tmp_path / "0000")
    trial = dp.search.Trial(0, {}, {}, str(home))  # of which nothing could be trained
    assert run_trial(trial) == outcome_in(home)


def test_a_sweep_of_another_configuration_is_not_mixed_in_but_may_have_more_trials(values, tmp_path):
    values["sweep"]["sampler"] = {"type": "random", "num_trial": 1}
    values["fit"]["num_epoch"] = 1
    dp.sweep_config(values, tmp_path / "out", say=silent)
    values["sweep"]["sampler"]["num_trial"] = 2
    values["sweep"]["launcher"] = "serial"
    assert len(dp.sweep_config(values, tmp_path / "out", say=silent).trials) == 2
    values["model"]["hidden"]["R"] = 3.0
    with pytest.raises(CheckpointError, match=r"another configuration, which differs at model.hidden.R: name another"):
        dp.sweep_config(values, tmp_path / "out", say=silent)


def test_more_is_better_where_mode_says_so(values, tmp_path):
    values["sweep"] |= {"metric": "test/accuracy", "space": {"seed": [0, 1, 2]}}
    result = dp.sweep_config(values, tmp_path / "out", say=silent)
    assert result.search.mode == "max"
    assert result.best["value"] == max(t["value"] for t in result.trials)
    values["sweep"]["mode"] = "min"
    least = dp.sweep_config(values, tmp_path / "least", say=silent)
    assert least.best["value"] == min(t["value"] for t in result.trials)


def test_reports_of_trials_are_written_if_asked_for_and_a_metric_may_have_options(values, tmp_path):
    values["sweep"] |= {"space": {"seed": [0]}, "report": True, "metric": "test/accuracy"}
    values["runner"]["metrics"] = [{"type": "accuracy", "reduce_time": "max"}]
    best = dp.sweep_config(values, tmp_path / "out", say=silent).best
    assert best["value"] == best["metrics"]["test"]["accuracy"]
    assert (tmp_path / "out" / "trials" / "0000" / "report.html").exists()


def test_a_metric_that_is_not_finite_is_a_failure(values, tmp_path):
    values["sweep"]["space"] = {"runner.optimizer.learning_rate": [float("inf"), 0.01]}
    result = dp.sweep_config(values, tmp_path / "out", say=silent)
    assert [t["status"] for t in result.trials] == ["failed", "finished"]
    assert result.trials[0]["message"].startswith("NonFiniteError: Epoch 1, step ")


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"space": {"model": {"hiden": {"tau": [1.0]}}}}, "there is no table 'model.hiden'. Did you mean 'hidden'?"),
        (
            {"space": {"model.hidden.taw": [1.0]}},
            r"\[sweep.space\], model.hidden.taw: LIF takes no 'taw'. Did",
        ),
        ({"space": {"model": {"hidden": {"tau": {"unifrm": [1, 2]}}}}}, "Or did you mean the distribution 'uniform'"),
        ({"space": {"fit.num_epochs": [1]}}, "fit takes no 'num_epochs'. Did you mean 'num_epoch'"),
        ({"space": {"fit.train_data": [1]}}, "fit takes no 'train_data'."),
        ({"space": {"model.hidden.type": ["LIF", "LIFF"]}}, "There is no component called 'LIFF'"),
        ({"space": {"model.hidden.tau": []}}, "sweep.space.model.hidden.tau: is an empty list"),
        ({"space": {}}, "sweep.space: must be a table of hyperparameters"),
        ({"spaces": {}}, r"\[sweep\] takes no 'spaces'. Did you mean 'space'?"),
        ({"metric": "test/acuracy"}, "sweep.metric: There is no metric 'acuracy'.*'accuracy'"),
        ({"metric": "accuracy"}, "must be a phase and a metric, as 'test/accuracy'"),
        ({"metric": "best/loss"}, "there is no phase 'best'"),
        ({"mode": "more"}, "sweep.mode: .*neither 'min' nor 'max'"),
        ({"sampler": "gird"}, "sweep.sampler.type: There is no sampler called 'gird'. Did you mean 'grid'?"),
        ({"sampler": "random"}, "sweep.sampler: random needs 'num_trial'"),
        ({"sampler": {"type": "random", "num_trials": 3}}, "random takes no 'num_trials'. Did you mean 'num_trial'"),
        ({"launcher": {"type": "processes", "num_process": 0}}, "num_process=0 must be a whole number, 1 or more"),
        ({"launcher": {"type": "vmap", "num_lane": 0}}, "num_lane=0 must be a whole number, 1 or more"),
        (
            {"sampler": "optuna"},
            r"'optuna'. It is in a package of its own: pip install dynplug-optuna\. ",
        ),
        ({"launcher": "submitit"}, "pip install dynplug-submitit"),
        ({"launcher": "ray"}, "pip install dynplug-ray"),
    ],
)
def test_what_cannot_be_swept_is_refused_before_anything_is_written(values, tmp_path, change, problem, monkeypatch):
    monkeypatch.setenv("DYNPLUG_PLUGINS", "")
    dp.refresh()
    values["sweep"] |= change
    with pytest.raises(ConfigError, match=problem):
        dp.sweep_config(values, tmp_path / "out", say=silent)
    assert not (tmp_path / "out").exists()
    monkeypatch.undo()
    dp.refresh()


def test_where_no_trial_was_begun_the_folder_takes_another_sweep(text, tmp_path):
    path = tmp_path / "wrong.toml"
    path.write_text(text.replace("[5.0, -1.0, 20.0]", "{ uniform = [5.0, 20.0] }"))
    with pytest.raises(ConfigError, match=r"wrong.toml, line \d+, sweep.space.model.hidden.tau: has a continuum"):
        dp.sweep_config(path, tmp_path / "out", say=silent)
    path.write_text(text.replace("[5.0, -1.0, 20.0]", "[-1.0]"))
    assert [t["status"] for t in dp.sweep_config(path, tmp_path / "out", say=silent).trials] == ["failed"] * 2
    path.write_text(text)
    with pytest.raises(CheckpointError, match="holds a sweep of another configuration"):
        dp.sweep_config(path, tmp_path / "out", say=silent)


def test_a_configuration_without_a_sweep_is_told_so(values, tmp_path):
    del values["sweep"]
    with pytest.raises(ConfigError, match=r"The section \[sweep\] is missing"):
        dp.sweep_config(values, tmp_path / "out")


def test_a_mistake_in_a_file_is_named_with_its_line(text, tmp_path):
    path = tmp_path / "wrong.toml"
    path.write_text(text.replace("[5.0, -1.0, 20.0]", "[]"))
    number = 1 + next(n for n, line in enumerate(path.read_text().splitlines()) if line.startswith("model.hidden.tau"))
    with pytest.raises(ConfigError, match=rf"wrong.toml, line {number}, sweep.space.model.hidden.tau: is an empty"):
        dp.sweep_config(path)


def test_train_leaves_the_section_alone(text, tmp_path):
    (tmp_path / "small.toml").write_text(text)
    assert dp.train_config(tmp_path / "small.toml", tmp_path / "run", report=False, say=silent).epoch == 2
