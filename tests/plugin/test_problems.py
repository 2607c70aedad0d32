"""Problems of an installation are reported with a remedy; harmless facts are not reported as problems."""

import re
import sys
import time

import pytest

from dynplug.plugin.hook_imports import imports_of, that_import_jax
from dynplug.plugin.problems import problems_of, shared_names
from dynplug.plugin.registry import Registry

HOOKS = """
from dynplug.api import NeuronSpec, hookimpl

@hookimpl
def dynplug_register_neurons():
    return [NeuronSpec(name="{name}", target="dynplug.neurons:LIF")]
"""


def problems(environment=None):
    return {p.what: p.remedy for p in problems_of(Registry(), environment or {})}


def about(distribution, found):
    ((what, remedy),) = [(w, r) for w, r in found.items() if distribution in w]
    return what, remedy


def test_a_sound_installation_has_no_problem(install_neuron):
    install_neuron("dynplug-fine")
    assert problems() == {}


def test_a_plugin_that_was_set_aside_needs_action(install):
    install("dynplug-bad", {"bad_hooks": "1 / 0"}, {"hooks": "bad_hooks"})
    with pytest.warns(Warning, match="dynplug-bad"):
        what, remedy = about("dynplug-bad", problems())
    assert what.startswith("dynplug-bad 1.0 is quarantined: ZeroDivisionError: division by zero [")
    assert "pip install -U dynplug-bad" in remedy
    assert "pip uninstall dynplug-bad" in remedy


def test_an_incompatible_plugin_needs_action_and_a_disabled_one_none(install_neuron, monkeypatch):
    install_neuron("dynplug-old", requires=["dynplug<0.0.1"])
    install_neuron("dynplug-off", name="off")
    monkeypatch.setenv("DYNPLUG_DISABLE", "off")
    found = problems()
    assert "requires dynplug<0.0.1" in about("dynplug-old", found)[0]
    assert not [what for what in found if "dynplug-off" in what]


def test_a_second_installation_needs_action(install_neuron, tmp_path, monkeypatch):
    second = tmp_path / "second"
    second.mkdir()
    monkeypatch.syspath_prepend(second)
    install_neuron("dynplug-twice", version="2.0", folder=second)
    install_neuron("dynplug-twice", version="1.0")
    what, remedy = about("dynplug-twice 1.0", problems())
    assert f"is shadowed: 2.0 in {second} takes precedence" in what
    assert remedy.startswith("pip uninstall dynplug-twice")


def test_a_hook_module_that_imports_jax_works_and_is_flagged(install, install_neuron):
    install_neuron("dynplug-fine")
    install("dynplug-heavy", {"heavy_hooks": "import jax\n" + HOOKS.format(name="heavy")}, {"h": "heavy_hooks"})
    assert Registry().find("neuron", "heavy").load()
    what, remedy = about("dynplug-heavy", problems())
    assert what == "dynplug-heavy imports JAX when it is listed"
    assert remedy.startswith("its author should import only dynplug.api in heavy_hooks")


WORKS = "import time\nend = time.thread_time() + 0.15\nwhile time.thread_time() < end: pass\n"
SLEEPS = "import time\ntime.sleep(0.15)\n"


def test_a_hook_module_that_keeps_the_processor_busy_is_flagged(install):
    install("dynplug-slow", {"slow_hooks": WORKS + HOOKS.format(name="slow")}, {"h": "slow_hooks"})
    what, remedy = about("dynplug-slow", problems())
    assert re.fullmatch(r"dynplug-slow takes 0\.\d\d s of processor time to list, over 0\.1 s", what)
    assert "slow_hooks" in remedy


def test_one_that_had_to_wait_for_a_busy_machine_is_not_but_one_that_waits_for_long(install, monkeypatch):
    install("dynplug-idle", {"idle_hooks": SLEEPS + HOOKS.format(name="idle")}, {"h": "idle_hooks"})
    assert problems() == {}
    monkeypatch.delitem(sys.modules, "idle_hooks", raising=False)
    monkeypatch.setattr("dynplug.plugin.problems.WAITING", 0.1)
    what, remedy = about("dynplug-idle", problems())
    assert re.fullmatch(r"dynplug-idle takes 0\.\d s to list, over 0\.1 s, and spends them waiting", what)
    assert "idle_hooks" in remedy


def test_a_component_that_cannot_be_imported_needs_action(install):
    faults = {
        "gone": "no_such_module:Model",
        "stops": "stopping:Model",
        "needs": "dynplug.neurons:LIF",
        "plain": "json:A",
    }
    for name, target in faults.items():
        needs = ", requires=('no-such-package',)" if name == "needs" else ""
        source = HOOKS.format(name=name).replace('target="dynplug.neurons:LIF"', f"target={target!r}{needs}")
        modules = {f"{name}_hooks": source, "stopping": "raise SystemExit(3)"}
        install(f"dynplug-{name}", modules, {"h": f"{name}_hooks"})
    found = problems()
    assert about("needs:needs@1", found)[1] == "pip install no-such-package"
    assert "No module named 'no_such_module'" in about("gone:gone@1", found)[0]
    assert "failed with SystemExit: 3" in about("stops:stops@1", found)[0]
    assert "AttributeError" in about("plain:plain@1", found)[0]
    assert about("plain:plain@1", found)[1] == "fix it, or update it: pip install -U dynplug-plain"


def test_entry_points_that_nobody_can_read_need_action(install):
    install("other", {}, b"[console_scripts]\nno equals sign\n")
    what, remedy = about("other-1.0.dist-info", problems())
    assert "cannot be read" in what
    assert "reinstall that package" in remedy


def test_modules_that_import_jax_are_told_from_those_that_do_not(site):
    (site / "light_one.py").write_text("import json")
    (site / "heavy_one.py").write_text("import jax")
    (site / "light_two.py").write_text("raise SystemExit('no')")
    (site / "heavy_two.py").write_text("import jax; 1 / 0")
    modules = ["light_one", "heavy_one", "light_two", "heavy_two", "light_one", "no_such_module"]
    assert that_import_jax(modules) == ["heavy_one", "heavy_two"]
    assert that_import_jax([]) == []
    found = imports_of(modules)
    assert found["light_one"] == (False, "")
    assert found["light_two"] == (False, "SystemExit: no")
    assert found["heavy_two"] == (True, "ZeroDivisionError: division by zero")
    assert found["no_such_module"] == (False, "ModuleNotFoundError: No module named 'no_such_module'")


def test_a_module_that_ends_the_process_is_told_and_the_next_is_looked_at(site):
    (site / "ends.py").write_text("import os; os._exit(3)")
    (site / "light_one.py").write_text("")
    found = imports_of(["ends", "light_one"])
    assert found == {"ends": (False, "it ends the process with exit code 3"), "light_one": (False, "")}


def test_many_modules_are_looked_at_in_one_process(site):
    names = [f"light_{n}" for n in range(40)]
    for name in names:
        (site / f"{name}.py").write_text("")
    began = time.perf_counter()
    assert that_import_jax(names) == []
    assert time.perf_counter() - began < 2.0  # forty processes would take longer


@pytest.mark.parametrize(
    ("environment", "what", "remedy"),
    [
        (
            {"DYNPLUG_DISABEL": "x"},
            "DYNPLUG_DISABEL is set, but unknown to dynplug",
            "Did you mean 'DYNPLUG_DISABLE'?",
        ),
        ({"DYNPLUG_DISABLE": "fone"}, "DYNPLUG_DISABLE names 'fone', but no such plugin", "Did you mean 'fine'?"),
        ({"DYNPLUG_PLUGINS": "fine, x-y"}, "DYNPLUG_PLUGINS names 'x-y', but no such plugin is installed", "Known: "),
    ],
)
def test_variables_that_mean_nothing_need_action(install_neuron, environment, what, remedy):
    install_neuron("dynplug-fine")
    ((found, advice),) = problems(environment).items()
    assert found.startswith(what)
    assert advice.startswith(remedy)


def test_variables_that_mean_something_do_not(install_neuron):
    install_neuron("dynplug-fine")
    environment = {"DYNPLUG_PLUGINS": "fine,dynplug-fine", "DYNPLUG_DISABLE": "", "DYNPLUG_STRICT": "1", "HOME": "/"}
    assert problems(environment) == {}


def test_shared_names_say_whose_they_are(install_neuron):
    install_neuron("dynplug-one", name="lif")
    install_neuron("dynplug-two", name="Echo")
    install_neuron("dynplug-six", name="echo")
    shared = shared_names(Registry())
    assert shared["neuron LIF"] == ["dynplug:LIF@1", "one:lif@1"]
    assert shared["neuron echo"] == ["six:echo@1", "two:Echo@1"]
    assert not [name for name in shared if name.startswith("loss")]
