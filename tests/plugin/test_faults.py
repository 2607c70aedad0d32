"""A plugin that fails is set aside, alone, with its cause and one line."""

import json
import re
import subprocess
import sys
import warnings

import pytest

import dynplug as dp
from dynplug.errors import PluginError, PluginWarning, UnknownNameError
from dynplug.plugin.registry import Registry

HEAD = "from dynplug.api import LossSpec, NeuronSpec, hookimpl\n"
HOOK = f"{HEAD}@hookimpl\ndef dynplug_register_neurons():\n"
SPEC = "NeuronSpec(name='thing', target='dynplug.neurons:LIF')"

FAULTS = {
    "import error": ("import no_such_module_here", "ModuleNotFoundError: No module named 'no_such_module_here'"),
    "syntax error": ("def (:", "SyntaxError"),
    "any error": ("1 / 0", "ZeroDivisionError: division by zero"),
    "an error of many lines": ("raise RuntimeError('one\\ntwo\\n  three')", "RuntimeError: one two three"),
    "exit on import": ("import sys; sys.exit('bye')", "SystemExit: bye"),
    "misspelt hook": (
        f"{HEAD}@hookimpl\ndef dynplug_register_neuron():\n    return [{SPEC}]",
        "unknown hook 'dynplug_register_neuron'",
    ),
    "unknown argument": (
        f"{HEAD}@hookimpl\ndef dynplug_register_neurons(hots):\n    return [{SPEC}]",
        "PluginValidationError",
    ),
    "no hook": (f"{HEAD}def dynplug_register_neurons():\n    return [{SPEC}]", "implements no dynplug hook"),
    "empty module": ("", "implements no dynplug hook"),
    "hook raises": (f"{HOOK}    raise KeyError('gone')", "KeyError: 'gone'"),
    "hook raises half-way": (f"{HOOK}    yield {SPEC}\n    raise KeyError('gone')", "KeyError: 'gone'"),
    "hook exits": (f"{HOOK}    raise SystemExit(2)", "SystemExit: 2"),
    "no return": (f"{HOOK}    [{SPEC}]", "dynplug_register_neurons returned None: return a list of NeuronSpec"),
    "spec of another kind": (
        f"{HOOK}    return [LossSpec(name='thing', target='a:b')]",
        r"returned LossSpec\(.*which is not a NeuronSpec",
    ),
    "no spec": (f"{HOOK}    return ['thing']", "returned 'thing', which is not a NeuronSpec"),
    "no list": (f"{HOOK}    return {SPEC}", "return a list of NeuronSpec"),
    "a number": (f"{HOOK}    return 5", "dynplug_register_neurons returned 5: return a list of NeuronSpec"),
    "an impossible name": (f"{HOOK}    return [NeuronSpec(name='a b', target='a:b')]", "Invalid component name 'a b'"),
    "interrupt on import": ("raise KeyboardInterrupt", "KeyboardInterrupt"),
    "an error beside all others": ("class Stop(BaseException): pass\nraise Stop('mine')", "Stop: mine"),
    "an error that cannot be shown": (
        "class Bad(Exception):\n    def __str__(self):\n        raise ValueError\nraise Bad",
        r"Bad: \(its message cannot be shown: ValueError\)",
    ),
    "an endless error": ("raise ValueError('x' * 10**6)", "x{400}.{0,100}"),
    "hook interrupts": (f"{HOOK}    raise KeyboardInterrupt('no')", "KeyboardInterrupt: no"),
    "hook ends its generator": (f"{HOOK}    yield {SPEC}\n    raise GeneratorExit", "GeneratorExit"),
    "hook iterates badly": (
        f"{HOOK}    class Bad:\n        def __iter__(self):\n            raise SystemExit(4)\n    return Bad()",
        "SystemExit: 4",
    ),
    "a field is missing": (f"{HOOK}    return [NeuronSpec(name='thing')]", "argument: 'target'"),
    "all fields are missing": (f"{HOOK}    return [NeuronSpec.__new__(NeuronSpec)]", "AttributeError: "),
    "unchecked fields": (
        f"{HOOK}    class Mine(NeuronSpec):\n        def __post_init__(self):\n            pass\n"
        "    return [Mine(name='a b', target='a:b')]",
        "Invalid component name 'a b'",
    ),
    **{
        f"{given} as {name}": (f"{HOOK}    return [NeuronSpec(name='thing', target='a:b', {name}={given})]", name)
        for name, given in [
            *(("summary", "None"), ("summary", "b'x'"), ("aliases", "5"), ("aliases", "(object(),)")),
            *(("requires", "None"), ("capabilities", "(b'x',)"), ("example", "[1]"), ("example", "{1: 2}")),
            *(("revision", "'1'"), ("params", "('tau',)"), ("deprecated", "True"), ("citation", "1")),
        ]
    },
    "a name twice": (
        f"{HOOK}    return [{SPEC}, NeuronSpec(name='Thing', target='a:b')]",
        "returned the name 'Thing' twice",
    ),
    "an alias twice": (
        f"{HOOK}    return [{SPEC}, NeuronSpec(name='other', target='a:b', aliases=('THING',))]",
        "returned the name 'other' twice",
    ),
}


def registry_and_warnings():
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        return Registry(), [str(w.message) for w in caught if issubclass(w.category, PluginWarning)]


def set_aside(registry):
    return [p for p in registry.plugins if p.status == "quarantined"]


def assert_the_others_work(registry):
    assert registry.find("neuron", "Echo").id == "good:Echo@1"
    assert registry.find("neuron", "LIF").load() is dp.neurons.LIF
    assert {p.status for p in registry.plugins} == {"registered", "loaded", "quarantined"}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_faulty_plugin_is_set_aside_alone_with_one_line(install, install_neuron, fault):
    source, expected = FAULTS[fault]
    install_neuron("dynplug-good")
    install("dynplug-bad", {"bad_hooks": source}, {"hooks": "bad_hooks"})
    registry, (line,) = registry_and_warnings()
    assert re.fullmatch(
        f"Plugin dynplug-bad 1.0 is set aside: .*{expected}.*. Fix or uninstall it; everything else keeps working.",
        line,
    )
    assert [p.distribution for p in set_aside(registry)] == ["dynplug-bad"]
    assert not [c for c in registry.components() if c.plugin.distribution == "dynplug-bad"]
    assert_the_others_work(registry)


@pytest.mark.parametrize("fault", ["import error", "exit on import", "misspelt hook", "no spec"])
def test_asking_for_what_was_set_aside_gives_the_cause(install, fault):
    install("dynplug-bad", {"bad_hooks": FAULTS[fault][0]}, {"hooks": "bad_hooks"})
    registry, _ = registry_and_warnings()
    (bad,) = set_aside(registry)
    with pytest.raises(PluginError, match="neuron 'bad:thing': dynplug-bad is quarantined: ") as error:
        registry.find("neuron", "bad:thing")
    assert error.value.__cause__ is bad.cause
    assert str(bad.cause).rstrip(".") in str(error.value)
    with pytest.raises(UnknownNameError, match=r"no neuron called 'thing'.*Not searched: dynplug-bad, quarantined"):
        registry.find("neuron", "thing")


def test_the_hook_module_may_be_missing(install, install_neuron):
    install_neuron("dynplug-good")
    install("dynplug-bad", {}, {"hooks": "no_such_hooks"})
    registry, (line,) = registry_and_warnings()
    assert "dynplug-bad 1.0 is set aside: ModuleNotFoundError: No module named 'no_such_hooks'" in line
    assert_the_others_work(registry)


def test_two_faulty_plugins_are_two_lines(install, install_neuron):
    install_neuron("dynplug-good")
    install("dynplug-bad", {"bad_hooks": "1 / 0"}, {"hooks": "bad_hooks"})
    install("dynplug-worse", {"worse_hooks": ""}, {"hooks": "worse_hooks"})
    registry, lines = registry_and_warnings()
    assert [line.split()[1] for line in lines] == ["dynplug-bad", "dynplug-worse"]
    assert_the_others_work(registry)


def test_of_two_distributions_with_one_namespace_the_first_keeps_it(install_neuron):
    install_neuron("dynplug-good")
    install_neuron("good", name="other")
    registry, (line,) = registry_and_warnings()
    (aside,) = set_aside(registry)
    (owner,) = {p.distribution for p in registry.plugins if p.namespace == "good" and p is not aside}
    assert {owner, aside.distribution} == {"good", "dynplug-good"}
    expected = f"{aside.distribution} 1.0 is set aside: PluginError: The namespace 'good' already belongs to {owner}. "
    assert expected in line
    assert [c.plugin.distribution for c in registry.components() if c.plugin.namespace == "good"] == [owner]


@pytest.mark.parametrize("distribution", ["dynplug-local", "local"])
def test_the_namespace_local_is_the_users_own(install_neuron, distribution):
    install_neuron("dynplug-good")
    install_neuron(distribution, name="other")
    registry, (line,) = registry_and_warnings()
    assert f"{distribution} 1.0 is set aside: " in line
    assert "The namespace 'local' already belongs to the user's own components." in line
    assert not registry.candidates("other")
    assert_the_others_work(registry)


def test_two_entry_points_of_one_distribution_share_its_namespace(install):
    def hooks(name):
        return f"{HOOK}    return [NeuronSpec(name='{name}', target='dynplug.neurons:LIF')]"

    modules = {"pair_a": hooks("one"), "pair_b": hooks("two"), "pair_c": hooks("One")}
    install("dynplug-pair", modules, {"a": "pair_a", "b": "pair_b", "c": "pair_c"})
    registry, (line,) = registry_and_warnings()
    assert "dynplug-pair 1.0 is set aside: PluginError: Its entry points register the neuron 'One' twice." in line
    assert [c.id for c in registry.components() if c.plugin.namespace == "pair"] == ["pair:one@1", "pair:two@1"]
    assert [p.entry_point for p in set_aside(registry)] == ["c = pair_c"]


def test_an_installation_without_metadata_goes_by_its_entry_point(install_neuron):
    install_neuron("dynplug-good")
    install_neuron("dynplug-bare", name="other", metadata=False)
    registry, lines = registry_and_warnings()
    assert lines == []
    assert registry.find("neuron", "other").id == "hooks:other@1"
    assert registry.find("neuron", "good:Echo").plugin.version == "1.0"
    assert not set_aside(registry)


def test_two_distributions_may_call_their_entry_points_alike(install_neuron):
    install_neuron("dynplug-one", name="first", entry="hooks")
    install_neuron("dynplug-two", name="second", entry="hooks")
    registry, lines = registry_and_warnings()
    assert lines == []
    assert registry.find("neuron", "first").id == "one:first@1"
    assert registry.find("neuron", "second").id == "two:second@1"


def test_an_editable_install_beside_a_wheel_is_one_plugin(install_neuron, tmp_path, monkeypatch):
    """The source folder of an editable install, with its egg-info, comes before the wheel in site-packages."""
    source = tmp_path / "source"
    (source / "dynplug_both.egg-info").mkdir(parents=True)
    (source / "dynplug_both.egg-info" / "PKG-INFO").write_text(
        "Metadata-Version: 2.1\nName: dynplug-both\nVersion: 1.1.dev0\n"
    )
    (source / "dynplug_both.egg-info" / "entry_points.txt").write_text("[dynplug.v1]\nhooks = dynplug_both_hooks\n")
    install_neuron("dynplug-both", version="1.0")
    install_neuron("dynplug-good", name="other")
    spec = "NeuronSpec(name='Echo', target='dynplug_both_model:Echo', summary='the edited one')"
    (source / "dynplug_both_hooks.py").write_text(f"{HOOK}    return [{spec}]")
    monkeypatch.syspath_prepend(source)
    registry, lines = registry_and_warnings()
    assert lines == []
    echo = registry.find("neuron", "Echo")
    assert (echo.spec.summary, echo.plugin.version) == ("the edited one", "1.1.dev0")
    statuses = {p.version: p.status for p in registry.plugins if p.distribution == "dynplug-both"}
    assert statuses == {"1.1.dev0": "registered", "1.0": "shadowed"}


def test_an_editable_install_that_leaves_metadata_beside_its_sources_is_one_plugin(
    install_neuron, tmp_path, monkeypatch
):
    """As setuptools does; an installation elsewhere is still told."""
    install_neuron("dynplug-both", version="1.0")
    (info,) = tmp_path.rglob("dynplug_both*.dist-info")
    beside, elsewhere = tmp_path / "project" / "src", tmp_path / "other"
    for folder in (beside, elsewhere):
        (folder / "dynplug_both.egg-info").mkdir(parents=True)
        metadata = "Metadata-Version: 2.1\nName: dynplug-both\nVersion: 1.0\n"
        (folder / "dynplug_both.egg-info" / "PKG-INFO").write_text(metadata)
        (folder / "dynplug_both.egg-info" / "entry_points.txt").write_text("[dynplug.v1]\nhooks = dynplug_both_hooks\n")
    url = (tmp_path / "project").as_uri()
    (info / "direct_url.json").write_text(json.dumps({"url": url, "dir_info": {"editable": True}}))
    monkeypatch.setattr(sys, "path", [*sys.path, str(beside)])
    registry, lines = registry_and_warnings()
    assert lines == []
    assert [p.status for p in registry.plugins if p.distribution == "dynplug-both"] == ["registered"]
    monkeypatch.setattr(sys, "path", [*sys.path, str(elsewhere)])
    registry, lines = registry_and_warnings()
    assert [p.status for p in registry.plugins if p.distribution == "dynplug-both"] == ["registered", "shadowed"]


def test_metadata_that_outlived_their_package_are_set_aside(install, install_neuron):
    install_neuron("dynplug-good")
    install("dynplug-gone", {}, {"hooks": "dynplug_gone.hooks"})
    registry, (line,) = registry_and_warnings()
    assert "dynplug-gone 1.0 is set aside: ModuleNotFoundError: No module named 'dynplug_gone'" in line
    assert_the_others_work(registry)


def test_of_fifty_plugins_those_that_fail_leave_the_others_alone(install, install_neuron):
    install_neuron("dynplug-good")
    faults = list(FAULTS.values())
    for n in range(0, 50, 2):
        install_neuron(f"dynplug-fine{n}", name=f"fine{n}")
        install(f"dynplug-fault{n}", {f"fault{n}_hooks": faults[n % len(faults)][0]}, {"hooks": f"fault{n}_hooks"})
    registry, lines = registry_and_warnings()
    assert len(lines) == len(set_aside(registry)) == 25
    assert all(registry.find("neuron", f"fine{n}").spec.summary for n in range(0, 50, 2))
    assert_the_others_work(registry)


def test_the_command_line_works_with_every_fault_at_once(install, install_neuron, site):
    install_neuron("dynplug-good")
    for n, (source, _) in enumerate(FAULTS.values()):
        install(f"dynplug-fault{n}", {f"fault{n}_hooks": source}, {"hooks": f"fault{n}_hooks"})
    code = f"import sys; sys.path.insert(0, {str(site)!r}); from dynplug.cli import main; main()"
    command = [sys.executable, "-c", code]
    listed = subprocess.run([*command, "list", "neuron"], capture_output=True, text=True, check=False)
    assert listed.returncode == 0
    assert "[dynplug-good 1.0]" in listed.stdout
    lines = listed.stderr.splitlines()
    assert len(lines) == len(FAULTS)
    assert all(line.startswith("Warning: Plugin dynplug-fault") for line in lines)
    plugins = subprocess.run([*command, "plugins"], capture_output=True, text=True, check=False)
    assert plugins.returncode == 1
    assert len([line for line in plugins.stdout.splitlines() if "  quarantined: " in line]) == len(FAULTS)


def test_the_command_line_keeps_working_and_says_one_line(install, install_neuron, site):
    install_neuron("dynplug-good")
    install("dynplug-bad", {"bad_hooks": "raise RuntimeError('first\\nsecond')"}, {"hooks": "bad_hooks"})

    def dynplug(*arguments):
        code = f"import sys; sys.path.insert(0, {str(site)!r}); from dynplug.cli import main; main()"
        return subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False)

    listed = dynplug("list", "neuron")
    assert listed.returncode == 0
    assert "Echo" in listed.stdout
    assert "[dynplug-good 1.0]" in listed.stdout
    (line,) = listed.stderr.splitlines()
    assert line.startswith("Warning: Plugin dynplug-bad 1.0 is set aside: RuntimeError: first second. Fix")
    asked = dynplug("info", "neuron", "bad:thing")
    assert asked.returncode == 1
    assert asked.stdout == ""
    assert "Error: neuron 'bad:thing': dynplug-bad is quarantined: RuntimeError: first" in asked.stderr
