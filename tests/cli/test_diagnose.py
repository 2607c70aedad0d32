"""`dynplug diagnose`."""

import json
import re
import sys

import pytest
from small_recipe import small_recipe

import dynplug as dp

SMALL = small_recipe(
    seed=None,
    task={"type": "digits"},
    model={
        "input": {
            "type": "Dense",
            "in_size": 64,
            "out_size": 12,
            "W_initializer": {"type": "KaimingNormal", "scale": 100.0},
        },
        "hidden": {"type": "LIF", "size": 12, "tau": 5.0},
        "readout": None,
        "output": {"type": "Dense", "in_size": 12, "out_size": 10},
    },
    runner={"metrics": None},
    fit={"num_epoch": None, "batch_size": 16},
)
RECIPE = f"""{SMALL}
[diagnose]
checks = ["TimeConstants", {{ type = "Silence", most = 1.0 }}]
samples = 8
"""


@pytest.fixture
def recipe(tmp_path):
    path = tmp_path / "my.toml"
    path.write_text(RECIPE)
    return str(path)


def test_a_sound_recipe_ends_well(dynplug, recipe):
    done = dynplug("diagnose", recipe)
    assert done.code == 0
    assert done.out.splitlines()[0] == "Sequential: 16 steps of 1 ms, 8 of 16 samples"
    assert done.out.splitlines()[-1].startswith("no warnings")


def test_a_recipe_may_name_components_of_a_file(dynplug, recipe, tmp_path, monkeypatch):
    own = tmp_path / "own_layers.py"
    own.write_text("import dynplug as dp\ndp.register('layer', 'own')(dp.layers.Dropout)\n")
    monkeypatch.setattr(sys, "path", [*sys.path])
    try:
        result = dynplug("diagnose", recipe, "--set", "model.more={type = 'own', p = 0.5}", "--import", own)
    finally:
        sys.modules.pop("own_layers", None)
        dp.refresh()
    assert (result.code, result.err) == (0, "")


def test_a_fault_is_json_with_status_1(dynplug, recipe):
    done = dynplug(
        "diagnose", recipe, "--set", "model.hidden.tau=0.005", "--check", "TimeConstants", "--samples", "4", "--json"
    )
    found = json.loads(done.out)
    assert done.code == 1
    assert found["subject"].endswith("4 of 16 samples")
    assert [(row["check"], row["where"], row["level"]) for row in found["findings"]] == [
        ("TimeConstants", "hidden.tau", "warning")
    ]


def test_it_learns_a_batch_by_heart_if_asked(dynplug, recipe):
    done = dynplug("diagnose", recipe, "--check", "OneBatch", "--overfit", "3")
    assert "3 steps on this batch alone took the loss from" in done.out


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--set", "diagnose.sample=3"), r"diagnose.sample.*Did you mean 'samples'"),
        (("--set", "runner.type=DSRunner"), "follows no gradient, and has no method 'diagnose'"),
        (("--check", "Silense"), "Did you mean 'Silence'"),
        (("--set", "diagnose=3"), "must be a table"),
    ],
)
def test_a_mistake_is_named(dynplug, recipe, arguments, says):
    done = dynplug("diagnose", recipe, *arguments)
    assert done.code == 1
    assert re.search(says, done.err, re.DOTALL)


def test_a_recipe_that_is_not_there_is_named(dynplug):
    done = dynplug("diagnose", "nowhere.toml")
    assert done.code == 1
    assert "There is no file nowhere.toml" in done.err
