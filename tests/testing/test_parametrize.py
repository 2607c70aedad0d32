"""The suite as tests of pytest's."""

import subprocess
import sys

import pytest

import dynplug as dp
from dynplug.neurons import LIF
from dynplug.plugin import registry
from dynplug.testing import checks_of, parametrize_with_checks
from dynplug.testing.parametrize import cases
from dynplug.testing.selection import of_distribution

TESTS = """
import jax.numpy as jnp
import dynplug as dp
from dynplug.testing import parametrize_with_checks

class Half(dp.DynamicalSystem):
    def init_state(self, ctx):
        return jnp.zeros(3, jnp.float16)

    def update(self, state, x, ctx):
        return state, x

@parametrize_with_checks([("layer", Half)], expected_failures={"keeps_float32": "half", "builds": "a slip"})
def test_conformance(check):
    check()
"""


def params(decorator):
    name, found = decorator.args
    assert name == "check"
    return found


def test_a_distribution_gives_a_test_for_each_check_of_each_component():
    found = params(parametrize_with_checks("dynplug-resonate"))
    neuron, surrogate = checks_of("neuron"), checks_of("surrogate")
    assert len(found) == len(neuron) + len(surrogate)
    assert found[0].id == f"neuron-resonate:resonate-and-fire@1-{neuron[0].name}"
    assert repr(found[0].values[0]) == f"neuron resonate:resonate-and-fire@1 {neuron[0].name}"


@pytest.mark.parametrize("item", ["neuron LIF", "neuron dynplug:LIF@1", ("neuron", "lif"), ("neuron", LIF)])
def test_a_list_takes_ids_pairs_and_classes(item):
    assert len(cases([item])) == len(checks_of("neuron"))


@pytest.mark.parametrize(
    ("components", "error", "message"),
    [
        ("dynplug-resonates", dp.errors.UnknownNameError, "dynplug-resonate'"),
        ([], dp.errors.OptionError, "no component"),
        (["LIF"], dp.errors.OptionError, "neuron my-package:my-neuron"),
        (["neuron LIFF"], dp.errors.UnknownNameError, "'LIF'"),
        (["neurone LIF"], dp.errors.UnknownNameError, "'neuron'"),
    ],
)
def test_what_names_no_component_is_an_error(components, error, message):
    with pytest.raises(error, match=message):
        parametrize_with_checks(components)


def test_a_kind_without_checks_is_an_error(monkeypatch):
    monkeypatch.setattr("dynplug.testing.parametrize.checks_of", lambda kind: [])
    with pytest.raises(dp.errors.OptionError, match="no check for a neuron"):
        parametrize_with_checks(["neuron LIF"])


def test_every_component_of_the_registry_is_among_those_of_its_distribution():
    found = [s.component for s in of_distribution("dynplug")]
    assert found == [c for c in registry().components() if c.plugin.distribution == "dynplug"]


def test_failures_skips_and_expected_failures_are_pytests(tmp_path):
    (tmp_path / "test_it.py").write_text(TESTS)
    command = [sys.executable, "-m", "pytest", "-q", "-rfsx", "-p", "no:cacheprovider", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False)
    lines = [line for line in done.stdout.splitlines() if line.startswith(("FAILED", "SKIPPED", "XFAIL"))]
    assert done.returncode == 1, done.stdout
    assert sum("XFAIL" in line and "keeps_float32" in line for line in lines) == 1
    assert sorted(line.split("@1-")[1].split("]")[0] for line in lines if line.startswith("FAILED")) == [
        "builds",
        "keeps_float64",
    ]
    assert any("it was registered in this process" in line for line in lines if line.startswith("SKIPPED"))


def test_tests_that_were_collected_before_the_registry_was_made_anew_still_run():
    (names,) = [case for case in cases(["surrogate Arctan"]) if case.check.name == "names_are_well_formed"]
    (built,) = [case for case in cases(["surrogate Arctan"]) if case.check.name == "builds"]
    dp.refresh()
    assert names.subject.registered
    names()
    built()
