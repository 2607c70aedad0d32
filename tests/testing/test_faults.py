"""For each check a component that is wrong on purpose, which the check finds."""

import importlib.util
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
INSTALLED = {"hooks_import_no_jax"}  # see the last test


@pytest.fixture(autouse=True)
def forget():
    yield
    dp.refresh()


@pytest.mark.parametrize("fault", FAULTS, ids=lambda f: f"{f['check']}-{f['target'].__name__}")
def test_a_fault_is_found_by_its_check(fault):
    spec = {"summary": "wrong on purpose", "example": fault.get("example", {})} | fault.get("spec", {})
    dp.register(fault["kind"], "faulty", **spec)(fault["target"])
    result = outcome_of(CHECKS[fault["check"]], subject_of(fault["kind"], "local:faulty"))
    assert result.outcome == "failed", result


RIGHT = ["driven.Right", "driven.Synapse", "driven.Layer", "texts.Right"]


@pytest.mark.parametrize("name", RIGHT)
def test_what_the_faulty_ones_change_is_right(name):
    module, _, cls = name.partition(".")
    target = getattr(sys.modules[f"faulty_{module}"], cls)
    kind = {"Right": "neuron"}.get(cls, cls.lower())
    report = check_component(kind, target, {"size": 3} if kind == "neuron" else {})
    assert report.ok, report


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
