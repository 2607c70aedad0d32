"""Metadata, output and endings that a plugin may have: no command is stopped, coloured or mixed up by one."""

import json
import os
import signal
import subprocess
import sys
import time
import warnings

import pytest
from started import started

from dynplug.errors import PluginError, PluginWarning
from dynplug.plugin.hook_imports import imports_of, that_never_return
from dynplug.plugin.registry import Registry

HOOK = "from dynplug.api import NeuronSpec, hookimpl\n@hookimpl\ndef dynplug_register_neurons():\n"
FINE = f"{HOOK}    return [NeuronSpec(name='thing', target='dynplug.neurons:LIF', summary='x')]"
EXPLODE = "raise AssertionError('imported')"


def registry_and_warnings():
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        return Registry(), [str(w.message) for w in caught if issubclass(w.category, PluginWarning)]


def command(site, *arguments):
    code = f"import sys; sys.path.insert(0, {str(site)!r}); from dynplug.cli import main; main()"
    return [sys.executable, "-c", code, *arguments]


def run(site, *arguments, **options):
    return subprocess.run(command(site, *arguments), capture_output=True, check=False, **options)


METADATA = {
    "requirement": {"requires": ["dynplug>=0.1.*"]},
    "requirement without a sign": {"requires": ["numpy", "dynplug 0.1"]},
    "marker": {"requires": ["dynplug>=0.1; nonsense == 'x'"]},
    "bytes": {"metadata": b"Metadata-Version: 2.1\nName: dynplug-bad\nRequires-Dist: \xff\n"},
    "name": {"name": "dynplug-e\x1b[31mvil"},
    "name of several words": {"name": "two words:and more"},
    "entry point": {"entries": b"[dynplug.v1]\nhooks = a b c\n"},
    "entry point without a value": {"entries": b"[dynplug.v1]\nhooks\n"},
    "entry points as bytes": {"entries": b"[dynplug.v1]\nhooks = \xff\n"},
}


@pytest.mark.parametrize("fault", METADATA)
def test_metadata_that_cannot_be_read_set_one_plugin_aside(install, install_neuron, fault):
    install_neuron("dynplug-good")
    given = {"name": "dynplug-bad", "entries": {"hooks": "bad_hooks"}, **METADATA[fault]}
    install(given.pop("name"), {"bad_hooks": EXPLODE}, given.pop("entries"), **given)
    registry, (line,) = registry_and_warnings()
    assert "is set aside: PluginError: " in line
    assert "bad_hooks" not in sys.modules
    assert registry.find("neuron", "Echo").id == "good:Echo@1"
    assert [p.status for p in registry.plugins].count("quarantined") == 1


@pytest.mark.parametrize("fault", ["requirement", "marker", "entry point without a value"])
def test_what_the_user_disables_is_not_looked_at(install, monkeypatch, fault):
    monkeypatch.setenv("DYNPLUG_DISABLE", "bad")
    given = {"entries": {"hooks": "bad_hooks"}, **METADATA[fault]}
    install("dynplug-bad", {"bad_hooks": EXPLODE}, given.pop("entries"), **given)
    registry, lines = registry_and_warnings()
    assert lines == []
    assert [(p.status, p.note) for p in registry.plugins if p.distribution == "dynplug-bad"] == [
        ("disabled", "DYNPLUG_DISABLE names it")
    ]


def test_metadata_of_what_is_no_plugin_do_not_matter(install, install_neuron):
    install_neuron("dynplug-good")
    install("other", {}, b"[console_scripts]\nno equals sign\n", requires=["dynplug>=0.1.*"])
    registry, lines = registry_and_warnings()
    assert lines == []
    assert registry.find("neuron", "Echo")


def test_an_interface_and_a_range_are_told_with_what_can_help(install):
    install("dynplug-old", {}, {"a": "old_hooks"}, requires=["dynplug<0.0.1"])
    install("dynplug-newer", {}, {"a": "newer_hooks"}, group="dynplug.v2")
    install("dynplug-older", {}, {"a": "older_hooks"}, group="dynplug.v0")
    install("dynplug-wrong", {}, {"a": "wrong_hooks"}, group="dynplug.plugins")
    remedies = {p.distribution: p.remedy for p in Registry().plugins if p.status == "incompatible"}
    assert "pip install 'dynplug<0.0.1'" in remedies["dynplug-old"]
    assert "-U dynplug," not in remedies["dynplug-old"]
    assert remedies["dynplug-newer"] == "pip install -U dynplug"
    assert remedies["dynplug-older"] == "pip install -U dynplug-older"
    assert '"dynplug.v1"' in remedies["dynplug-wrong"]


def test_hook_modules_of_one_name_are_nobodys_unless_it_is_known_whose(install, tmp_path, monkeypatch):
    install("dynplug-one", {"hooks_of_all": FINE}, {"a": "hooks_of_all"})
    second = tmp_path / "second"
    second.mkdir()
    monkeypatch.setattr(sys, "path", [*sys.path, str(second)])
    install("dynplug-two", {"hooks_of_all": EXPLODE}, {"a": "hooks_of_all"}, folder=second)
    registry, (line,) = registry_and_warnings()  # the first is where it was installed
    assert "dynplug-two 1.0 is set aside: PluginError: Its hook module 'hooks_of_all' has the same name as that" in line
    assert [c.id for c in registry.components("neuron") if c.spec.name == "thing"] == ["one:thing@1"]
    install("dynplug-six", {}, {"a": "hooks_of_all"})  # in the same folder as the first
    registry, lines = registry_and_warnings()
    assert [line.split()[1] for line in lines] == ["dynplug-one", "dynplug-six", "dynplug-two"]


def test_of_two_that_wrote_one_file_the_record_tells_whose_it_is(install, site):
    install("dynplug-one", {"hooks_of_all": EXPLODE}, {"a": "hooks_of_all"})
    install("dynplug-two", {"hooks_of_all": FINE}, {"a": "hooks_of_all"})
    digests = {"one": "0" * 43, "two": _digest(FINE)}
    for name, digest in digests.items():
        record = site / f"dynplug_{name}-1.0.dist-info" / "RECORD"
        record.write_text(f"hooks_of_all.py,sha256={digest},1\n")
    registry, (line,) = registry_and_warnings()
    assert "dynplug-one 1.0 is set aside" in line
    assert registry.find("neuron", "thing").id == "two:thing@1"


def _digest(source):
    import base64
    import hashlib

    return base64.urlsafe_b64encode(hashlib.sha256(source.encode()).digest()).rstrip(b"=").decode()


def test_nobody_is_dynplugs_rival(install):
    install("dynplug-bad", {}, {"a": "dynplug.builtins"})
    registry, (line,) = registry_and_warnings()
    assert "dynplug-bad 1.0 is set aside" in line
    assert registry.find("neuron", "LIF").id == "dynplug:LIF@1"


NOISE = {
    "import": f"print('NOISE')\n{FINE}",
    "hook": FINE.replace("    return", "    print('NOISE')\n    return"),
    "handle": f"import os\nos.write(1, b'NOISE')\n{FINE}",
    "process": f"import subprocess, sys\nsubprocess.run([sys.executable, '-c', 'print(\"NOISE\")'])\n{FINE}",
    "stdout": f"import sys\nsys.__stdout__.write('NOISE')\nsys.__stdout__.flush()\n{FINE}",
    "end": f"import atexit\natexit.register(print, 'NOISE')\n{FINE}",
}
ESCAPES = "\x1b[31mRED\x07\x9b2J\u202e\ud800\r\nnext"


@pytest.fixture
def noisy(install, site):
    """Distributions that print wherever they may, and have control characters wherever they may."""
    for name, source in NOISE.items():
        install(f"dynplug-{name}", {f"{name}_hooks": source}, {"a": f"{name}_hooks"})
    summary = FINE.replace("'x'", f"{ESCAPES!r} + 'x' * 10**5")
    install("dynplug-red", {"red_hooks": summary}, {"a": "red_hooks"}, version="1.0\x1b[31m")
    install("dynplug-loud", {"loud_hooks": f"raise ValueError({ESCAPES!r})"}, {"a": "loud_hooks"})
    install("dynplug-e\x1b[31mvil", {}, b"[dynplug.v1]\nho\x1b[31moks = x\n")
    target = "print('NOISE')\nimport dynplug\nfrom dynplug.neurons import LIF as Model"
    source = FINE.replace("dynplug.neurons:LIF", "printing_model:Model")
    install("dynplug-model", {"model_hooks": source, "printing_model": target}, {"a": "model_hooks"})
    return site


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["list", "neuron"], 0),
        (["plugins"], 1),
        (["info", "neuron", "model:thing"], 0),
        (["doctor"], 1),
        (["check", "dynplug:OneToOne"], 0),
    ],
)
def test_json_is_json_and_nothing_reaches_the_terminal_that_acts_on_it(noisy, arguments, code):
    plain = run(noisy, *arguments) if arguments[0] in ("list", "plugins") else None
    told = run(noisy, *arguments, "--json")
    for done in filter(None, (plain, told)):
        assert done.returncode == code, done.stderr
        assert b"Traceback" not in done.stderr
        assert b"NOISE" not in done.stdout
        assert b"NOISE" in done.stderr
        text = done.stdout + done.stderr
        assert not [sign for sign in ("\x1b", "\x07", "\x9b", "\u202e", "\r") if sign.encode() in text]
    json.loads(told.stdout)
    if plain:
        assert max(map(len, plain.stdout.splitlines())) < 700
    if arguments[0] == "list":
        (red,) = [one["summary"] for one in json.loads(told.stdout) if one["id"] == "red:thing@1"]
        assert red == ESCAPES + "x" * 10**5
        assert b"\\x1b[31mRED\\x07\\x9b2J\\u202e\\ud800 next" in plain.stdout


def test_json_is_json_where_the_terminal_has_few_characters(install, site):
    install("dynplug-micro", {"micro_hooks": FINE.replace("'x'", "'µ'")}, {"a": "micro_hooks"})
    told = run(site, "list", "neuron", "--json", env={**os.environ, "PYTHONIOENCODING": "ascii"})
    assert "µ" in [one["summary"] for one in json.loads(told.stdout)]
    assert b"\\xb5" in run(site, "list", env={**os.environ, "PYTHONIOENCODING": "ascii"}).stdout


@pytest.mark.parametrize("source", ["import time\ntime.sleep(60)", f"{HOOK}    while True: pass"])
def test_ctrl_c_says_which_plugin_hangs(install, site, source):
    install("dynplug-hang", {"hang_hooks": f"import sys\nsys.stderr.write('began ')\n{source}"}, {"a": "hang_hooks"})
    heard = command(site, "list")  # where interrupts are ignored, as in a job in the background, they are heard again
    heard[2] = f"import signal; signal.signal(signal.SIGINT, signal.default_int_handler); {heard[2]}"
    with started(heard, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as begun:
        assert begun.stderr.read(6) == b"began "
        time.sleep(0.1)
        begun.send_signal(signal.SIGINT)
        out, err = begun.communicate()
    assert begun.returncode == 1
    assert out == b""
    expected = (
        b"Warning: Interrupted while plugin dynplug-hang 1.0 (a = hang_hooks) ran. To disable it: DYNPLUG_DISABLE"
    )
    assert expected in err
    assert b"Traceback" not in err


@pytest.mark.parametrize("error", ["KeyboardInterrupt", "SystemExit", "GeneratorExit"])
def test_a_component_that_raises_what_is_no_error_cannot_be_imported(install, error):
    source = FINE.replace("dynplug.neurons:LIF", "stopping_model:Model")
    modules = {"stopping_hooks": source, "stopping_model": f"raise {error}('no')"}
    install("dynplug-stopping", modules, {"a": "stopping_hooks"})
    with pytest.raises(PluginError, match=f"cannot be used: importing .* failed with {error}: no"):
        Registry().find("neuron", "thing").load()


def test_modules_that_never_return_are_told_from_those_that_do(site):
    (site / "hangs.py").write_text("import time; time.sleep(60)")
    (site / "ends.py").write_text("print('[1]'); import os; os._exit(3)")
    (site / "hook_hangs.py").write_text(f"{HOOK}    while True: pass")
    (site / "raises.py").write_text("raise KeyboardInterrupt('it ends the process')")
    modules = ["hangs", "ends", "raises", "hook_hangs", "json"]
    assert that_never_return(modules, 2.0) == {
        "hangs": "it does not finish within 2 s",
        "hook_hangs": "it does not finish within 2 s",
        "ends": "it ends the process with exit code 3",
    }
    assert imports_of(["raises"])["raises"].error == "KeyboardInterrupt: it ends the process"


def test_a_name_is_found_among_many_without_looking_at_all(install, monkeypatch):
    """The work of a list is in proportion to its length."""
    specs = "[NeuronSpec(name=f'n{n}', target='a:b', aliases=(f'a{n}',)) for n in range(500)]"
    install("dynplug-many", {"many_hooks": f"{HOOK}    return {specs}"}, {"a": "many_hooks"})
    registry, calls = Registry(), []
    module = sys.modules["dynplug.plugin.registry"]
    normal = module.normalise
    monkeypatch.setattr(module, "normalise", lambda name: calls.append(name) or normal(name))
    components = list(registry.components())
    assert len({registry.name_of(c) for c in components if c.plugin.namespace == "many"}) == 500
    assert len(calls) < 5 * 500
