"""Observers of a run that a recipe names: opt-in, registered, built as any other component."""

import json
import tomllib

import pytest

pytestmark = pytest.mark.usefixtures("blank_pictures")

STOPPING = """
[[runner.observers]]
type = "EarlyStopping"
patience = 1
min_delta = 1e9
"""


def test_a_recipe_names_observers_and_the_run_has_them(dynplug, recipe, two, tmp_path):
    path = tmp_path / "observed.toml"
    path.write_text(recipe.replace("num_epoch = 2", "num_epoch = 9") + STOPPING)
    result = dynplug("train", path, "--out", tmp_path / "run")
    assert result.code == 0, result.err
    lines = [json.loads(line) for line in (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()]
    assert lines[-1]["epoch"] == 2  # the first is the best there is, the second no improvement
    assert "The run was stopped early, after epoch 2 of 9.\n" in result.out
    report = (tmp_path / "run" / "report.html").read_text(encoding="utf-8")
    assert "The training was stopped early, after epoch 2 of 9." in report
    assert f'<th scope="row">command</th><td>dynplug train {path} --out {tmp_path / "run"}</td>' in report
    assert "stopped early" not in two.out
    again = dynplug("train", "--resume", tmp_path / "run")
    assert "This run is finished: it was stopped early, after epoch 2 of 9.\n" in again.out
    assert "Epoch" not in again.out
    (written,) = tomllib.loads((tmp_path / "run" / "config.toml").read_text())["runner"]["observers"]
    assert written == {"type": "EarlyStopping@1", "patience": 1, "min_delta": 1e9}


def test_a_mistake_in_one_is_one_line_that_names_the_table(dynplug, one_line, recipe, tmp_path):
    path = tmp_path / "observed.toml"
    path.write_text(recipe + STOPPING.replace("patience", "patiense"))
    line = one_line(dynplug("train", path, "--out", tmp_path / "run"))
    number = 1 + path.read_text().splitlines().index("patiense = 1")
    assert f"{path}, line {number}, runner.observers[0].patiense: " in line
    assert "EarlyStopping takes no 'patiense'. Did you mean 'patience'?" in line
    path.write_text(recipe + STOPPING.replace("EarlyStopping", "LateStopping"))
    line = one_line(dynplug("train", path, "--out", tmp_path / "run"))
    assert "runner.observers[0].type: There is no observer called 'LateStopping'." in line


def test_a_name_instead_of_a_table_is_answered(dynplug, one_line, home, tmp_path):
    arguments = ("--out", tmp_path / "run", "--set", "runner.observers=['EarlyStopping']")
    line = one_line(dynplug("train", home / "tiny.toml", *arguments))
    assert "Observer 'EarlyStopping' is a string: in a recipe, write { type = 'EarlyStopping' }." in line
