"""`dynplug sweep`: what it prints, and what it takes from its options."""

import json

import pytest

pytestmark = pytest.mark.usefixtures("blank_pictures")

SWEEP = """
[sweep]
metric = "test/accuracy"

[sweep.space]
seed = [0, 1]
"""


@pytest.fixture(scope="module")
def file(home, recipe):
    (home / "many.toml").write_text(recipe.replace("num_epoch = 2", "num_epoch = 1") + SWEEP)
    return home / "many.toml"


def test_it_prints_trials_and_a_table_and_with_json_nothing_else(dynplug, file, home):
    result = dynplug("sweep", file, "--out", home / "many")
    assert result.code == 0, result.err
    lines = result.out.splitlines()
    assert lines[0] == f"Sweep folder: {home / 'many'}"
    assert [line.split(":")[0] for line in lines[1:3]] == ["Trial 0", "Trial 1"]
    assert lines[3].split()[:2] == ["trial", "test/accuracy"]
    told = json.loads((again := dynplug("sweep", file, "--out", home / "many", "--json")).out)
    assert [trial["values"] for trial in told["trials"]] == [{"seed": 0}, {"seed": 1}]
    assert told["best"] in (0, 1)
    assert "Going on: 2 of 2 trials are done." in again.err


def test_overrides_reach_the_space(dynplug, file, tmp_path):
    arguments = ("--set", "sweep.space={seed = [5]}", "--set", "sweep.launcher=vmap", "--json")
    told = json.loads(dynplug("sweep", file, "--out", tmp_path / "out", *arguments).out)
    assert [trial["values"] for trial in told["trials"]] == [{"seed": 5}]


def test_mistakes_are_one_line(dynplug, one_line, file, tmp_path):
    line = one_line(dynplug("sweep", file, "--out", tmp_path / "out", "--set", "sweep.space={seed = []}"))
    assert (
        line == "Error: --set sweep.space={seed = []}, sweep.space.seed: is an empty list: " + line.split("list: ")[1]
    )
    assert "There is no file" in one_line(dynplug("sweep", tmp_path / "none.toml"))
    assert not (tmp_path / "out").exists()
