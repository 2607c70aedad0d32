"""`dynplug check`."""

import json
import subprocess
import sys

import jax.numpy as jnp
import pytest

import dynplug as dp
from dynplug.plugin import registry
from dynplug.plugin.discovery import Plugin
from dynplug.testing.selection import named
from dynplug.testing.subject import subject_of


@pytest.fixture
def half():
    """A layer of this process whose states are half precision."""

    class Half(dp.DynamicalSystem):
        def init_state(self, ctx):
            return jnp.zeros(3, jnp.float16)

        def update(self, state, x, ctx):
            return state, x

    yield dp.register("layer", "half", summary="half precision")(Half)
    dp.refresh()


def test_a_component_is_checked_by_its_id(dynplug):
    result = dynplug("check", "dynplug:Arctan")
    assert result.code == 0
    first, *_, last = result.out.splitlines()
    assert first.startswith("ok      surrogate dynplug:Arctan@1: 14 checks ran, 14 passed, 1 skipped")
    assert last.split() == ["all", "1", "14", "14", "0", "0", "1"]
    assert "params" not in result.out
    assert "its spec lists no params" in dynplug("check", "dynplug:Arctan", "-v").out


HOOKS = """
from dynplug.api import InitializerSpec, SurrogateSpec, hookimpl

@hookimpl
def dynplug_register_initializers():
    return [InitializerSpec(name="same", target="dynplug.initializers:Constant", summary="a copy")]

@hookimpl
def dynplug_register_surrogates():
    return [SurrogateSpec(name="arc", target="dynplug.surrogates:Arctan", summary="a copy")]
"""


def test_a_distribution_is_checked_whole(dynplug, site, fresh_registry):
    info = site / "dynplug_copies-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: dynplug-copies\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[dynplug.v1]\ncopies = copies_hooks\n")
    (site / "copies_hooks.py").write_text(HOOKS)
    result = dynplug("check", "dynplug-copies", "--json")
    found = json.loads(result.out)
    assert (result.code, found["ok"]) == (0, True), result.out
    assert [c["component"] for c in found["components"]] == ["surrogate copies:arc@1", "initializer copies:same@1"]
    assert found["kinds"]["all"]["components"] == 2
    assert found["kinds"]["all"]["ran"] == sum(len(c["ran"]) for c in found["components"])
    assert found["kinds"]["surrogate"]["failed"] == 0


def test_a_name_that_several_kinds_have_means_all_of_them(dynplug):
    found = json.loads(dynplug("check", "nrmse", "--json").out)
    assert [c["component"].split()[0] for c in found["components"]] == ["loss", "metric"]


def test_a_failure_is_said_and_the_command_fails(dynplug, half):
    result = dynplug("check", "local:half")
    assert result.code == 1
    assert "FAILED  layer local:half@1" in result.out
    assert "failed  keeps_float32: The first state is float16, not float32" in result.out
    assert not json.loads(dynplug("check", "local:half", "--json").out)["ok"]


def test_what_is_neither_a_distribution_nor_a_component_is_an_error(dynplug):
    result = dynplug("check", "dynplug-resonat")
    assert result.code == 1
    assert "'dynplug-resonate'" in result.err


def test_checks_are_listed_with_what_they_need(dynplug):
    out = dynplug("check", "--list").out
    assert "field_is_unitwise  [neuron, synapse, where ode, where exponential Euler]" in out
    assert "hooks_import_no_jax  [every kind, where packaged]" in out
    listed = json.loads(dynplug("check", "--list", "--json").out)
    assert {c["name"] for c in listed} == set(dp.testing.CHECKS)
    assert all(c["summary"].endswith(".") for c in listed)


def test_without_a_name_everything_is_checked_and_what_was_set_aside_fails(dynplug, monkeypatch):
    asked = []
    few = [subject_of("surrogate", "Arctan"), subject_of("connector", "OneToOne")]
    monkeypatch.setattr("dynplug.testing.named", lambda name: asked.append(name) or few)
    result = dynplug("check")
    assert asked == [None]
    assert result.code == 0
    bad = Plugin("bad", "dynplug-bad", "1.0", "bad = bad_hooks", status="quarantined", note="it is broken")
    monkeypatch.setattr(registry(), "plugins", [*registry().plugins, bad])
    result = dynplug("check")
    assert result.code == 1
    assert result.out.splitlines()[-1] == "FAILED  dynplug-bad 1.0 was set aside: it is broken"
    assert json.loads(dynplug("check", "--json").out)["set_aside"] == {"dynplug-bad": "it is broken"}


def test_without_any_component_the_command_fails(dynplug, monkeypatch):
    monkeypatch.setattr("dynplug.testing.named", lambda name: [])
    assert dynplug("check").code == 1


def test_all_components_are_those_of_the_registry():
    assert [s.component for s in named(None)] == list(registry().components())


@pytest.mark.slow
def test_it_needs_no_pytest_and_a_plugin_that_was_set_aside_fails(tmp_path):
    (tmp_path / "bad_hooks.py").write_text("1 / 0")
    (tmp_path / "pytest.py").write_text("raise ImportError('there is no pytest')")
    folder = tmp_path / "dynplug_bad-1.0.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: dynplug-bad\nVersion: 1.0\n")
    (folder / "entry_points.txt").write_text("[dynplug.v1]\nbad = bad_hooks\n")

    def run(*arguments):
        code = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); from dynplug.cli import main; main()"
        command = [sys.executable, "-c", code, "check", *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    assert run("dynplug:Sigmoid").returncode == 0
    failed = run("dynplug-bad")
    assert failed.returncode == 1
    assert "dynplug-bad 1.0 is quarantined: ZeroDivisionError: division by zero" in failed.stderr
