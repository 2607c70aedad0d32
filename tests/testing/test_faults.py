"""For each check a component that is wrong on purpose: the check finds it, and no other check does."""

import importlib.util
import re
import sys
from pathlib import Path

import pytest

import dynplug as dp
from dynplug.plugin.kinds import KINDS
from dynplug.testing import CHECKS, check_component, checks_of
from dynplug.testing.checks import outcome_of
from dynplug.testing.subject import subject_of

HERE = Path(__file__).parent / "faulty"


def faults_of(path):
    name = f"faulty_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    sys.modules[name] = module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.FAULTS


FAULTS = [fault for path in sorted(HERE.glob("*.py")) for fault in faults_of(path)]
CRASH = re.compile(r"\w*(Error|Exception): ")  # not found, but failed by itself
INSTALLED = {"hooks_import_no_jax"}  # see the last test


@pytest.fixture(autouse=True)
def forget():
    yield
    dp.refresh()


def registered(fault):
    spec = {"summary": "wrong on purpose", "example": fault.get("example", {})} | fault.get("spec", {})
    dp.register(fault["kind"], "faulty", **spec)(fault["target"])


def called(fault):
    return f"{fault['check']}-{fault['target'].__name__}"


@pytest.mark.parametrize("fault", [f for f in FAULTS if f.get("alone", True)], ids=called)
def test_a_fault_is_found_by_its_check_alone(fault):
    registered(fault)
    report = check_component(fault["kind"], "local:faulty")
    assert set(report.failed) == {fault["check"], *fault.get("also", ())}, report


@pytest.mark.parametrize("fault", [f for f in FAULTS if not f.get("alone", True)], ids=called)
def test_a_fault_is_found_by_its_check(fault):
    """Of components whose reports take long, beside the right ones that they change something of."""
    registered(fault)
    result = outcome_of(CHECKS[fault["check"]], subject_of(fault["kind"], "local:faulty"))
    assert result.outcome == "failed", result
    assert not CRASH.match(result.reason), result


RIGHT = {
    "delivering.Right": "delivery",
    "driven.Right": "neuron",
    "driven.Synapse": "synapse",
    "plastic.Rule": "plasticity",
    "systems.Layer": "layer",
    "sources.Noise": "source",
    "texts.Right": "neuron",
}


@pytest.mark.parametrize("name", RIGHT)
def test_what_the_faulty_ones_change_is_right(name):
    report = check_component(RIGHT[name], of(name), {"size": 3} if RIGHT[name] in ("neuron", "source") else {})
    assert report.ok, report


def of(name):
    module, _, cls = name.partition(".")
    return getattr(sys.modules[f"faulty_{module}"], cls)


@pytest.mark.parametrize(
    ("kind", "name", "declared", "check", "outcome"),
    [
        ("neuron", "driven.ReadsTheClock", {"capabilities": ("clocked",)}, "starts_at_any_time", "skipped"),
        ("surrogate", "measures.Lopsided", {"capabilities": ("asymmetric",)}, "decays_from_the_threshold", "passed"),
        ("surrogate", "measures.Upside", {"capabilities": ("signed",)}, "points_upward", "failed"),
        ("neuron", "driven.RemembersOnce", {"capabilities": ("persistent",)}, "relaxes_after_a_drive", "skipped"),
        ("layer", "systems.AnswersLate", {"capabilities": ("delayed",)}, "answers_in_the_same_step", "skipped"),
        ("neuron", "driven.IgnoresAnArgument", {"inert": {"tau_ref": "why"}}, "every_argument_matters", "passed"),
        ("neuron", "driven.Right", {"inert": {"tau": "it is not so"}}, "every_argument_matters", "failed"),
        ("neuron", "driven.CutsTheGradient", {"inert": {"tau": "why"}}, "every_array_gets_a_gradient", "passed"),
    ],
)
def test_what_a_spec_declares_counts(kind, name, declared, check, outcome):
    example = {"size": 3} if kind == "neuron" else {}
    dp.register(kind, "faulty", summary="wrong on purpose", example=example, **declared)(of(name))
    result = outcome_of(CHECKS[check], subject_of(kind, "local:faulty"))
    assert result.outcome == outcome, result
    assert not CRASH.match(result.reason), result


def test_every_check_has_a_fault_that_it_finds():
    assert {fault["check"] for fault in FAULTS} | INSTALLED == set(CHECKS)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_has_a_check_of_its_own(kind):
    assert [c for c in checks_of(kind) if set(c.kinds) != set(KINDS)]


HOOKS = """
import jax
from dynplug.api import NeuronSpec, hookimpl

@hookimpl
def dynplug_register_neurons():
    return [NeuronSpec(name="eager", target="dynplug.neurons:LIF", summary="a copy", example={"size": 3})]
"""


def test_a_hook_module_that_imports_jax_is_found(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "eager_hooks.py").write_text(HOOKS)
    info = tmp_path / "eager-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: eager\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[dynplug.v1]\neager = eager_hooks\n")
    dp.refresh()
    report = check_component("neuron", "eager:eager")
    assert set(report.failed) == {"hooks_import_no_jax"}
    assert "eager_hooks imports JAX" in report.failed["hooks_import_no_jax"]
