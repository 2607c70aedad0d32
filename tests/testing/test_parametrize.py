"""The suite as tests of pytest's."""

import dataclasses
import subprocess
import sys

import pytest

import dynplug as dp
from dynplug.neurons import LIF
from dynplug.plugin import registry
from dynplug.testing import CHECKS, checks_of, parametrize_with_checks
from dynplug.testing.demands import demand
from dynplug.testing.parametrize import cases
from dynplug.testing.selection import of_distribution
from dynplug.testing.subject import subject_of

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


RULES = [check.name for check in CHECKS.values() if check.general]


def test_a_distribution_gives_a_test_for_each_rule_and_for_each_check_that_applies():
    found = params(parametrize_with_checks("dynplug-resonate"))
    ids = [p.id for p in found]
    assert ids[:3] == ["hooks_import_no_jax", "names_are_well_formed", "arguments_are_documented"]
    assert "neuron-resonate:resonate-and-fire@1-jit_equals_eager" in ids
    assert [repr(p.values[0]).replace(" ", "-") for p in found] == ids
    for subject in of_distribution("dynplug-resonate"):
        own = {p.values[0].check.name for p in found if subject.title.replace(" ", "-") in p.id}
        ruled = {p.id for p in found if any(s.title == subject.title for s in p.values[0].subjects)} & set(RULES)
        assert own | ruled == {c.name for c in checks_of(subject.kind) if not c.lacking(subject)}
        assert not own & ruled


@pytest.mark.parametrize("rule", RULES)
def test_a_rule_names_every_component_that_breaks_it(rule, monkeypatch):
    def broken(subject):
        demand(subject.component.spec.name not in ("LIF", "mse"), "It is not so.")

    check = dataclasses.replace(CHECKS[rule], function=broken, needs=())
    monkeypatch.setattr("dynplug.testing.parametrize.checks_of", lambda kind: [check])
    (case,) = cases(["neuron LIF", "neuron IF", "loss mse"])
    with pytest.raises(dp.errors.ConformanceError) as raised:
        case()
    assert str(raised.value).splitlines() == [
        "2 of 3 components break the rule.",
        "neuron dynplug:LIF@1: It is not so.",
        "loss dynplug:mse@1: It is not so.",
    ]
    (right,) = cases(["neuron IF", "loss mae"])
    right()


def test_what_is_expected_to_break_a_rule_is_a_case_of_its_own():
    listed = ["neuron LIF", "neuron IF"]
    found = {p.id: p.marks for p in params(parametrize_with_checks(listed, {"builds": "known"}))}
    assert "builds" not in found
    assert all(len(found[f"neuron-dynplug:{name}@1-builds"]) == 1 for name in ("LIF", "IF"))
    assert found["names_are_well_formed"] == []


RAN = [check.name for check in checks_of("neuron") if not check.lacking(subject_of("neuron", "LIF"))]
RAN.sort(key=lambda name: name not in RULES)  # rules come first


@pytest.mark.parametrize("item", ["neuron LIF", "neuron dynplug:LIF@1", ("neuron", "lif"), ("neuron", LIF)])
def test_a_list_takes_ids_pairs_and_classes(item):
    of_packages = {"hooks_import_no_jax", "names_are_well_formed"} if item == ("neuron", LIF) else set()
    assert [c.check.name for c in cases([item])] == [name for name in RAN if name not in of_packages]


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


def test_failures_and_expected_failures_are_pytests(tmp_path):
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
    assert not any("it was registered in this process" in line for line in lines)  # what does not apply is no case


@pytest.mark.parametrize("error", [ValueError, SystemExit, KeyboardInterrupt])
def test_collecting_survives_a_component_that_fails_and_its_checks_tell(error):
    class Ending(dp.DynamicalSystem):
        def __init__(self):
            raise error("no")

        init_state = update = None

    found = {case.check.name: case for case in cases([("layer", Ending)])}
    assert {"builds", "keeps_float32", "wrong_inputs_are_refused"} <= found.keys()
    with pytest.raises(error, match="no"):
        found["builds"]()


def test_tests_that_were_collected_before_the_registry_was_made_anew_still_run():
    (names,) = [case for case in cases(["surrogate Arctan"]) if case.check.name == "names_are_well_formed"]
    (built,) = [case for case in cases(["surrogate Arctan"]) if case.check.name == "builds"]
    dp.refresh()
    assert names.subjects[0].registered
    names()
    built()
