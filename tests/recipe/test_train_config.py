"""A training as a function of its configuration."""

import json
import pickle
import tomllib

import numpy as np
import pytest
from small_recipe import small_recipe

import dynplug as dp
from dynplug.api import hookimpl
from dynplug.errors import CheckpointError, ConfigError
from dynplug.recipe import Config, Training
from dynplug.recipe.trained import Result

pytestmark = pytest.mark.usefixtures("blank_pictures")

TEXT = small_recipe()


def silent(line):
    pass


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run") / "first"
    (folder.parent / "small.toml").write_text(TEXT)
    return dp.train_config(folder.parent / "small.toml", folder, report=False, say=silent)


def lines(folder):
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]


def test_a_result_says_what_the_run_folder_holds(run):
    written = [line for line in lines(run.folder) if line["phase"] == "test"]
    assert run.epoch == 2
    np.testing.assert_allclose(run.history["test"]["accuracy"], [line["accuracy"] for line in written], rtol=1e-6)
    assert run.metrics["test"]["loss"] == run.history["test"]["loss"][-1]
    assert set(run.metrics["fit"]) == {"loss", "accuracy"}
    assert run.seconds > 0.0
    assert not (run.folder / "report.html").exists()


def test_a_result_goes_to_another_process(run):
    assert pickle.loads(pickle.dumps(run)) == run


@pytest.mark.parametrize("form", [tomllib.loads, lambda text: Config.parse(text, "some.toml")], ids=["dict", "Config"])
def test_a_dictionary_and_a_config_are_trained_as_the_file_is(run, form, tmp_path):
    given = form(TEXT)
    again = dp.train_config(given, tmp_path / "again", report=False, say=silent)
    assert again.history == run.history
    assert given == form(TEXT)


def test_its_configuration_alone_reproduces_a_run(run, tmp_path):
    again = dp.train_config(run.folder / "config.toml", tmp_path / "again", report=False, say=silent)
    assert again.history == run.history


def test_observers_hear_of_it_beside_those_that_are_configured(run, tmp_path):
    class Ears:
        heard = ()

        @hookimpl
        def dynplug_after_epoch(self, trainer, epoch):
            self.heard = (*self.heard, (epoch, len(trainer.observers)))

    values = tomllib.loads(TEXT)
    values["runner"]["observers"] = [{"type": "EarlyStopping"}]
    dp.train_config(values, tmp_path / "heard", report=False, observers=[ears := Ears()], say=silent)
    assert ears.heard == ((1, 2), (2, 2))


def test_each_observer_of_the_configuration_is_made_once(tmp_path):
    made = []

    @dp.register("observer", "counter", summary="counts")
    class Counter:
        def __init__(self):
            made.append(self)

        @hookimpl
        def dynplug_after_epoch(self, epoch):
            pass

    values = tomllib.loads(TEXT)
    values["runner"]["observers"] = [{"type": "counter"}]
    try:
        for n, others in enumerate([(), (Counter(),)]):
            made.clear()
            observers = Training(Config.from_values(values), tmp_path / str(n), observers=others).runner.observers
            assert (list(observers), len(made)) == ([*made, *others], 1)
    finally:
        dp.refresh()


def test_without_a_folder_there_is_a_new_one_named_after_the_task(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    said = []
    values = tomllib.loads(TEXT.replace("num_epoch = 2", "num_epoch = 1"))
    result = dp.train_config(values, say=said.append, report=False)
    assert result.folder.parts[0] == "runs"
    assert result.folder.name.startswith("digits-20")
    files = "config.toml, metrics.jsonl, checkpoint.safetensors"
    assert said == [f"Run folder: {result.folder}", f"Wrote {files} to {result.folder}"]


def test_initial_parameters_are_kept_for_a_report_alone(tmp_path, monkeypatch):
    monkeypatch.setattr("dynplug.recipe.training.arrays_of", None)
    training = Training(Config.from_values(tomllib.loads(TEXT), "values"), tmp_path, report=False)
    training.report(silent)
    assert {path.name for path in tmp_path.iterdir()} == {"config.toml", "metrics.jsonl"}


def test_a_folder_with_a_run_is_gone_on_with_only_if_asked(run, tmp_path):
    with pytest.raises(CheckpointError, match="already holds a run"):
        dp.train_config(TEXT_FILE := run.folder / "config.toml", run.folder)
    more = dp.train_config(TEXT_FILE, run.folder, resume=True, report=False, say=silent)
    assert more.history == run.history


def test_mistakes_in_a_dictionary_are_named_before_anything_is_written(tmp_path):
    values = tomllib.loads(TEXT)
    values["model"]["hidden"]["taw"] = 3.0
    with pytest.raises(ConfigError, match=r"the configuration, model.hidden.taw: LeakyIntegrator takes no 'taw'"):
        dp.train_config(values, tmp_path / "never")
    assert not (tmp_path / "never").exists()


@pytest.fixture
def on_devices(tmp_path):
    """A recipe whose trainer has one device, which it is told."""
    (tmp_path / "small.toml").write_text(TEXT.replace("[runner]\n", '[runner]\ndevices = "all"\n'))
    return tmp_path


def test_a_recipe_says_on_which_devices_it_trains(on_devices, run):
    found = dp.train_config(on_devices / "small.toml", on_devices / "run", report=False, say=silent)
    np.testing.assert_allclose(found.history["fit"]["loss"], run.history["fit"]["loss"], rtol=1e-5)
    assert 'devices = "all"' in (found.folder / "config.toml").read_text()
    config = Config({**tomllib.loads(TEXT), "runner": {**tomllib.loads(TEXT)["runner"], "devices": 99}})
    with pytest.raises(ConfigError, match="devices=99: JAX sees"):
        dp.train_config(config, on_devices / "none", say=silent)


def test_of_processes_that_train_together_one_writes(on_devices, run, monkeypatch):
    """The others read its folder, and write nothing."""
    monkeypatch.setattr("dynplug.train.step.placement.ManyDevices.writes", property(lambda placement: False))
    recipe = (on_devices / "small.toml").read_text()
    found = dp.train_config(on_devices / "small.toml", on_devices / "run", say=silent)
    assert (found.epoch, [*on_devices.iterdir()]) == (2, [on_devices / "small.toml"])

    longer = tomllib.loads(recipe.replace("num_epoch = 2", "num_epoch = 3"))
    before = {path.name: path.read_bytes() for path in run.folder.iterdir()}
    assert dp.train_config(longer, run.folder, resume=True, say=silent).epoch == 3
    assert {path.name: path.read_bytes() for path in run.folder.iterdir()} == before


@pytest.mark.parametrize("restore", [False, True])
def test_metrics_are_those_of_the_model_that_it_ends_with(tmp_path, restore):
    values = tomllib.loads(TEXT)
    values["fit"] |= {"keep_best": ["test/loss", "max"], "restore_best": restore}  # the first is the best
    result = dp.train_config(values, tmp_path / "run", report=False, say=silent)
    first, last = result.history["test"]["loss"]
    assert last < first
    assert result.metrics["test"]["loss"] == (first if restore else last)


def test_metrics_of_the_best_epoch_are_found_where_a_phase_began_later(tmp_path):
    values = tomllib.loads(TEXT)
    values["fit"] |= {"num_epoch": 3, "keep_best": ["test/loss", "max"], "restore_best": True}
    training = Training(Config.from_values(values, "small"), tmp_path / "run", report=False)
    training.runner.fit(training.data.train, num_epoch=1, batch_size=40)
    training.run(silent)
    result = Result.of(training, 0.0)
    assert (result.epoch, training.runner.best.epoch) == (3, 2)
    assert np.isnan(result.history["test"]["loss"][0])
    assert result.metrics["test"]["loss"] == result.history["test"]["loss"][1]
    assert result.metrics["fit"]["loss"] == result.history["fit"]["loss"][1]
