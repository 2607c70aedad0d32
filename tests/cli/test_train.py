"""`dynplug train`: what it prints, what a run folder holds, and how a run goes on."""

import json
import re
import shutil
import sys
import tomllib
from datetime import datetime

import numpy as np
import pytest
from matplotlib.image import imread
from safetensors import safe_open
from safetensors.numpy import load_file

from dynplug.plugin import registry

pytestmark = pytest.mark.usefixtures("blank_pictures")


def written(folder):
    """A run folder's configuration; and again, with the names of components as a user writes them."""
    config = tomllib.loads((folder / "config.toml").read_text())

    def bare(value):
        if isinstance(value, dict):
            return {name: bare(one) for name, one in value.items()}
        if isinstance(value, list):
            return [bare(one) for one in value]
        return re.sub(r"^([\w-]+)@1$", r"\1", value) if isinstance(value, str) else value

    head = "# Written by `dynplug train`. NAME@N pins a component to revision N: "
    assert (folder / "config.toml").read_text().startswith(head)
    return config, bare(config)


def metrics(folder, *, seconds=False):
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return lines if seconds else [{k: v for k, v in line.items() if k != "seconds"} for line in lines]


def description(folder):
    with safe_open(folder / "checkpoint.safetensors", framework="numpy") as file:
        return json.loads(file.metadata()["description"])


def assert_same_arrays(folder, other):
    ours, theirs = (load_file(f / "checkpoint.safetensors") for f in (folder, other))
    assert ours.keys() == theirs.keys()
    for name, array in ours.items():
        assert array.dtype == theirs[name].dtype
        assert array.tobytes() == theirs[name].tobytes(), name


@pytest.fixture(scope="module")
def four(dynplug, home):
    """A run of four epochs, never interrupted."""
    result = dynplug("train", home / "tiny.toml", "--out", home / "four", "--set", "fit.num_epoch=4")
    assert result.code == 0, result.err
    return home / "four"


@pytest.fixture
def copy_of_two(two, tmp_path):
    return shutil.copytree(two.folder, tmp_path / "copy")


def test_a_run_says_what_it_does(two):
    lines = two.out.splitlines()
    assert lines[0] == f"Run folder: {two.folder}"
    assert [line.split(":")[0] for line in lines[1:3]] == ["Epoch 1/2", "Epoch 2/2"]
    written = "config.toml, metrics.jsonl, checkpoint.safetensors, result.png, weights.png, report.html"
    assert lines[3] == f"Wrote {written} to {two.folder}"
    assert two.err == ""


def test_a_run_folder_holds_configuration_metrics_checkpoint_pictures_and_report(two, recipe):
    names = {path.name for path in two.folder.iterdir()}
    pictures = {"result.png", "weights.png", "report.html"}
    checkpoints = {"checkpoint.safetensors", "checkpoint.previous.safetensors"}
    assert names == {"config.toml", "metrics.jsonl", *checkpoints, *pictures}
    assert json.dumps(written(two.folder)[1]).casefold() == json.dumps(tomllib.loads(recipe)).casefold()


def test_metrics_are_a_line_per_epoch_and_phase(two):
    lines = metrics(two.folder, seconds=True)
    assert [(line["epoch"], line["phase"]) for line in lines] == [(1, "fit"), (1, "test"), (2, "fit"), (2, "test")]
    for line in lines:
        assert list(line) == ["epoch", "phase", "loss", "accuracy", "seconds"]
        assert 0.0 < line["seconds"] < 60.0
        assert 0.0 <= line["accuracy"] <= 1.0
    samples = {"fit": 80, "test": 1717}
    for line in lines:  # a share of whole samples
        count = line["accuracy"] * samples[line["phase"]]
        assert count == pytest.approx(round(count), abs=1e-2)
    assert lines[2]["loss"] < lines[0]["loss"]
    assert lines[3]["loss"] < lines[1]["loss"]


def test_the_checkpoint_holds_the_trained_model(two):
    arrays = load_file(two.folder / "checkpoint.safetensors")
    assert arrays["model/input.weight"].shape == (8, 64)
    assert arrays["model/readout.bias"].any()  # it starts at zero
    assert all(np.isfinite(array).all() for array in arrays.values())
    told = description(two.folder)
    assert (told["epoch"], told["seed"]) == (2, 3)


def test_the_picture_is_a_png_with_something_on_it(two):
    assert (two.folder / "result.png").read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    pixels = imread(two.folder / "result.png")
    halves = np.array_split(pixels[..., :3], 2, axis=1)
    assert all((half < 0.5).any() for half in halves)  # ink, in both panels
    assert pixels.shape[0] > 200


def test_going_on_equals_never_having_stopped(dynplug, copy_of_two, four):
    result = dynplug("train", "--resume", copy_of_two, "--set", "fit.num_epoch=4")
    assert result.code == 0, result.err
    assert [line.split(":")[0] for line in result.out.splitlines()[1:3]] == ["Epoch 3/4", "Epoch 4/4"]
    assert_same_arrays(copy_of_two, four)
    assert metrics(copy_of_two) == metrics(four)
    assert len(metrics(four)) == 8
    assert description(copy_of_two) == description(four)
    assert (copy_of_two / "config.toml").read_text() == (four / "config.toml").read_text()


def test_a_finished_run_goes_on_with_nothing(dynplug, copy_of_two, two):
    (copy_of_two / "result.png").unlink()
    result = dynplug("train", "--resume", copy_of_two)
    assert result.code == 0, result.err
    assert "Epoch" not in result.out
    told = f"dynplug train --resume {copy_of_two} --set fit.num_epoch=4"
    assert f"This run is finished: epoch 2 was the last, with fit.num_epoch=2. To extend it: {told}\n" in result.out
    assert_same_arrays(copy_of_two, two.folder)
    assert metrics(copy_of_two, seconds=True) == metrics(two.folder, seconds=True)
    assert (copy_of_two / "result.png").exists()


def test_metrics_that_no_checkpoint_followed_are_dropped(dynplug, copy_of_two, two):
    with (copy_of_two / "metrics.jsonl").open("a") as file:
        file.write('{"epoch": 3, "phase": "fit", "loss": 1.0}\n')
    assert dynplug("train", "--resume", copy_of_two).code == 0
    assert metrics(copy_of_two) == metrics(two.folder)


def test_the_written_configuration_runs_again_to_the_same_end(dynplug, two, tmp_path):
    result = dynplug("train", two.folder / "config.toml", "--out", tmp_path / "again")
    assert result.code == 0, result.err
    assert_same_arrays(tmp_path / "again", two.folder)
    assert metrics(tmp_path / "again") == metrics(two.folder)


def test_overrides_of_numbers_strings_and_tables(dynplug, home, tmp_path, recipe):
    result = dynplug(
        *("train", home / "tiny.toml", "--out", tmp_path / "run"),
        *("--set", "seed=5", "--set", "model.dropout.p=0.5", "--set", "model.hidden.type=ALIF"),
        *("--set", "runner.optimizer.type=sgd", "--set", "task.encoder = {type='latency', num_step=3}"),
        *("--set", "model.hidden.surrogate=Triangle", "--set", "fit.num_epoch=1"),
    )
    assert result.code == 0, result.err
    assert "dropped" not in result.out  # ALIF takes tau, sgd takes learning_rate
    expected = tomllib.loads(recipe)
    expected["seed"] = 5
    expected["model"]["dropout"]["p"] = 0.5
    expected["model"]["hidden"] = {"type": "ALIF", "size": 8, "tau": 5.0, "surrogate": "Triangle"}
    expected["runner"]["optimizer"] = {"type": "sgd", "learning_rate": 0.02}
    expected["task"]["encoder"]["num_step"] = 3
    expected["fit"]["num_epoch"] = 1
    full, bare = written(tmp_path / "run")
    assert json.dumps(bare).casefold() == json.dumps(expected).casefold()
    assert full["model"]["hidden"] == {
        "type": "ALIF@1",
        "size": 8,
        "tau": 5.0,
        "surrogate": "Triangle@1",
    }
    assert full["task"]["encoder"]["type"] == "Latency@1"
    assert (full["runner"]["loss_fun"], full["runner"]["metrics"]) == ("cross_entropy@1", ["accuracy@1"])
    assert full["runner"]["optimizer"]["type"] == "sgd@1"
    assert not [name for name in load_file(tmp_path / "run" / "checkpoint.safetensors") if ".mu." in name]
    assert description(tmp_path / "run")["seed"] == 5


def test_a_runner_of_a_plugin_takes_over(dynplug, home, counter, tmp_path):
    arguments = ("--set", "runner.type=counter", "--set", "runner.step=2")
    result = dynplug("train", home / "tiny.toml", "--out", tmp_path / "run", *arguments)
    assert result.code == 0, result.err
    note = "runner: counter takes no loss_fun, metrics, optimizer; dropped."
    assert result.out.splitlines()[0] == note
    assert metrics(tmp_path / "run") == [
        {"epoch": 2, "phase": "fit", "loss": 0.5, "batch_size": 40},
        {"epoch": 2, "phase": "test", "samples": 1717},
        {"epoch": 4, "phase": "fit", "loss": 0.25, "batch_size": 40},
        {"epoch": 4, "phase": "test", "samples": 1717},
    ]
    assert (tmp_path / "run" / "checkpoint.safetensors").read_text() == "4"
    assert written(tmp_path / "run")[0]["runner"] == {"type": "counting:counter@1", "dt": 1.0, "step": 2}
    assert (
        dynplug("train", "--resume", tmp_path / "run", "--set", "fit.num_epoch=5", "--set", "runner.step=1").code == 0
    )
    assert [line["epoch"] for line in metrics(tmp_path / "run")] == [2, 2, 4, 4, 5, 5]


def test_a_component_of_another_revision_is_noticed_when_a_run_goes_on(
    dynplug, one_line, home, counter, tmp_path, monkeypatch
):
    arguments = ("--set", "runner.type=counter", "--set", "fit.num_epoch=1")
    assert dynplug("train", home / "tiny.toml", "--out", tmp_path / "run", *arguments).code == 0
    before = {path.name: path.read_bytes() for path in (tmp_path / "run").iterdir()}
    hooks = tmp_path / "site" / "counting_hooks.py"
    hooks.write_text(hooks.read_text().replace('name="counter"', 'name="counter", revision=2'))
    monkeypatch.delitem(sys.modules, "counting_hooks")
    registry.cache_clear()
    again = ("train", "--resume", tmp_path / "run", "--set", "fit.num_epoch=2")
    line = one_line(dynplug(*again))
    assert "runner 'counting:counter@1' is not installed: dynplug-counting 0.3 has 'counting:counter@2'" in line
    assert f"{tmp_path / 'run' / 'config.toml'}, line " in line
    assert {path.name: path.read_bytes() for path in (tmp_path / "run").iterdir()} == before
    told = dynplug(*again, "--set", "runner.type=counting:counter@2")
    assert told.code == 0, told.err


def test_resuming_what_is_not_there_is_one_line(dynplug, one_line, two, copy_of_two, tmp_path):
    line = one_line(dynplug("train", "--resume", tmp_path / "nowhere"))
    assert line == f"Error: There is no run in {tmp_path / 'nowhere'}: it has no config.toml."
    assert not (tmp_path / "nowhere").exists()
    for path in copy_of_two.glob("checkpoint*"):
        path.unlink()
    assert "There is no checkpoint" in one_line(dynplug("train", "--resume", copy_of_two))
    assert metrics(copy_of_two) == metrics(two.folder)


def test_resuming_with_another_model_is_refused_and_changes_nothing(dynplug, one_line, copy_of_two):
    before = {path.name: path.read_bytes() for path in copy_of_two.iterdir()}
    sizes = [f"model.{key}=9" for key in ("input.out_size", "hidden.size", "readout.in_size")]
    line = one_line(dynplug("train", "--resume", copy_of_two, *(x for s in sizes for x in ("--set", s))))
    assert "checkpoint.safetensors is of another model or optimizer: " in line
    assert "model/input.weight is float32[8, 64], not float32[9, 64]" in line
    assert {path.name: path.read_bytes() for path in copy_of_two.iterdir()} == before


def test_a_loss_that_is_not_finite_leaves_the_last_good_checkpoint(dynplug, one_line, copy_of_two):
    before = (copy_of_two / "checkpoint.safetensors").read_bytes()
    lines = (copy_of_two / "metrics.jsonl").read_bytes()
    arguments = ("--set", "fit.num_epoch=5", "--set", "runner.optimizer.learning_rate=inf")
    line = one_line(dynplug("train", "--resume", copy_of_two, *arguments))
    assert re.match(r"Error: Epoch 3, step [12]: .* not finite\.", line)
    assert (copy_of_two / "checkpoint.safetensors").read_bytes() == before
    assert (copy_of_two / "metrics.jsonl").read_bytes() == lines


def test_a_run_that_failed_at_once_may_be_started_anew(dynplug, one_line, home, tmp_path):
    arguments = ("train", home / "tiny.toml", "--out", tmp_path / "run")
    first = dynplug(*arguments, "--set", "runner.optimizer.learning_rate=inf")
    assert re.match(r"Error: Epoch 1, step [12]: ", one_line(first))
    assert not (tmp_path / "run" / "checkpoint.safetensors").exists()
    second = dynplug(*arguments, "--set", "fit.num_epoch=1")
    assert second.code == 0, second.err
    assert [line["epoch"] for line in metrics(tmp_path / "run")] == [1, 1]


def test_the_default_run_folder_is_named_after_the_recipe(dynplug, home, counter, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = dynplug("train", home / "tiny.toml", "--set", "runner.type=counter")
    assert result.code == 0, result.err
    (folder,) = (tmp_path / "runs").iterdir()
    assert re.fullmatch(r"tiny-\d{8}-\d{6}", folder.name)
    assert (folder / "result.png").exists()


def test_runs_that_start_in_one_second_have_folders_of_their_own(dynplug, home, counter, tmp_path, monkeypatch):
    class Still:
        now = staticmethod(lambda: datetime(2030, 1, 2, 3, 4, 5))

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("dynplug.recipe.trained.datetime", Still)
    for _ in range(3):
        result = dynplug("train", home / "tiny.toml", "--set", "runner.type=counter", "--set", "fit.num_epoch=1")
        assert result.code == 0, result.err
    names = {folder.name for folder in (tmp_path / "runs").iterdir()}
    assert names == {f"tiny-20300102-030405{end}" for end in ("", "-2", "-3")}
    assert "tiny-20300102-030405-3" in result.out
