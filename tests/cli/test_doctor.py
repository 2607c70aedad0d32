"""`dynplug doctor`."""

import json
import sys
from importlib.metadata import version

import jax
import pytest

BAD = "from dynplug.api import hookimpl\n"


@pytest.fixture
def bad(site, fresh_registry):
    """A distribution whose hook module has no hook."""
    info = site / "dynplug_bad-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: dynplug-bad\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[dynplug.v1]\nbad = bad_hooks\n")
    (site / "bad_hooks.py").write_text(BAD)


def test_a_sound_installation_is_told_and_the_command_succeeds(dynplug, fresh_registry):
    result = dynplug("doctor")
    assert result.code == 0, result.out
    lines = result.out.splitlines()
    assert lines[0].startswith(f"Python {sys.version.split()[0]}, dynplug {version('dynplug')}, jax {jax.__version__},")
    assert lines[1].startswith(f"devices: {jax.devices()[0].platform}:0 ")
    assert lines[1].endswith("float64 off")
    assert lines[-1] == "No problems found."


def test_what_needs_action_is_said_with_what_to_do_and_the_command_fails(dynplug, bad):
    result = dynplug("doctor")
    assert result.code == 1
    assert result.err == ""
    *_, problem, remedy, last = result.out.splitlines()
    assert problem.startswith(
        "PROBLEM: dynplug-bad 1.0 is quarantined: PluginError: bad_hooks implements no dynplug hook"
    )
    assert remedy.startswith("    fix it, update it: pip install -U dynplug-bad")
    assert last == "1 problem found."


def test_in_strict_mode_it_still_examines(dynplug, bad, monkeypatch):
    monkeypatch.setenv("DYNPLUG_STRICT", "1")
    result = dynplug("doctor")
    assert result.code == 1
    assert "environment: DYNPLUG_STRICT=1" in result.out.splitlines()
    assert "PROBLEM: dynplug-bad 1.0 is quarantined" in result.out


def test_it_comes_as_json_too(dynplug, bad, monkeypatch):
    monkeypatch.setenv("JAX_ENABLE_X64", "0")
    with jax.enable_x64(True):
        result = dynplug("doctor", "--json")
    assert result.code == 1
    found = json.loads(result.out)
    assert found["versions"]["equinox"] == version("equinox")
    assert found["backend"] == {"devices": found["backend"]["devices"], "x64": True}
    assert found["environment"]["JAX_ENABLE_X64"] == "0"
    assert {p["distribution"]: p["status"] for p in found["plugins"]}["dynplug-bad"] == "quarantined"
    (problem,) = found["problems"]
    assert problem["remedy"].startswith("fix it")


def test_a_requirement_that_is_not_met_needs_action(dynplug, fresh_registry, monkeypatch):
    monkeypatch.setattr("dynplug.cli.doctor.version", lambda name: "0.0.1" if name == "optax" else version(name))
    result = dynplug("doctor")
    assert result.code == 1
    assert "PROBLEM: optax 0.0.1 is not optax>=" in result.out
    assert "    pip install 'optax>=" in result.out


def test_a_jax_that_cannot_be_used_needs_action(dynplug, fresh_registry, monkeypatch):
    def fail():
        raise RuntimeError("no driver\nfound")

    monkeypatch.setattr(jax, "devices", fail)
    result = dynplug("doctor")
    assert result.code == 1
    assert "PROBLEM: JAX cannot be used: RuntimeError: no driver found" in result.out
