"""The phases of loading: packages that are not imported, the user's choices, and the resolution of names."""

import sys
import warnings

import pytest

import dynplug as dp
from dynplug.errors import PluginError, PluginWarning, UnknownNameError
from dynplug.plugin.registry import Registry

EXPLODE = "raise AssertionError('imported')"
SPEC = """
from dynplug.api import NeuronSpec, hookimpl

@hookimpl
def dynplug_register_neurons():
    return [NeuronSpec(name="thing", target="dynplug.neurons:LIF", {more})]
"""


def status(registry, distribution):
    return [(p.status, p.note) for p in registry.plugins if p.distribution == distribution]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"group": "dynplug.v2"}, "plugin interface dynplug.v2, but this dynplug has dynplug.v1"),
        ({"requires": ["dynplug>=99"]}, "requires dynplug>=99, but this is dynplug"),
        ({"requires": ["numpy", "Dynplug (<0.0.1)"]}, "requires dynplug<0.0.1"),
    ],
)
def test_what_cannot_work_is_never_imported_and_says_why(install, options, said):
    install("dynplug-other", {"other_hooks": EXPLODE}, {"hooks": "other_hooks"}, **options)
    registry = Registry()
    ((was, note),) = status(registry, "dynplug-other")
    assert was == "incompatible"
    assert said in note
    with pytest.raises(PluginError, match="dynplug-other is incompatible: "):
        registry.find("neuron", "other:thing")
    assert "other_hooks" not in sys.modules


@pytest.mark.parametrize(
    "requires", ["dynplug>=0.1", "dynplug", "dynplug>=99; extra == 'test'", "dynplug-resonate>=99"]
)
def test_what_can_work_is_used(install_neuron, requires):
    install_neuron("dynplug-fine", requires=[requires])
    assert status(Registry(), "dynplug-fine") == [("registered", "")]


@pytest.mark.parametrize("name", ["dynplug-other", "other", "Dynplug_Other", "nothing, other"])
def test_the_user_disables_by_name_before_import(install, install_neuron, monkeypatch, name):
    install_neuron("dynplug-fine")
    install("dynplug-other", {"other_hooks": EXPLODE}, {"hooks": "other_hooks"})
    monkeypatch.setenv("DYNPLUG_DISABLE", name)
    registry = Registry()
    assert status(registry, "dynplug-other") == [("disabled", "DYNPLUG_DISABLE names it")]
    assert status(registry, "dynplug-fine") == [("registered", "")]


@pytest.mark.parametrize("names", ["fine", "dynplug-fine,nothing", ""])
def test_the_user_allows_some_alone_and_the_core_always(install, install_neuron, monkeypatch, names):
    install_neuron("dynplug-fine")
    install("dynplug-other", {"other_hooks": EXPLODE}, {"hooks": "other_hooks"})
    monkeypatch.setenv("DYNPLUG_PLUGINS", names)
    registry = Registry()
    assert status(registry, "dynplug-other") == [("disabled", "DYNPLUG_PLUGINS does not name it")]
    assert [s for s, _ in status(registry, "dynplug-fine")] == ["registered" if names else "disabled"]
    assert registry.find("neuron", "LIF").load() is dp.neurons.LIF


@pytest.mark.parametrize(("value", "strict"), [("1", True), ("0", False), ("", False)])
def test_strict_mode_raises_what_would_be_set_aside(install, monkeypatch, value, strict):
    install("dynplug-bad", {"bad_hooks": "1 / 0"}, {"hooks": "bad_hooks"})
    monkeypatch.setenv("DYNPLUG_STRICT", value)
    with pytest.raises(PluginError) if strict else pytest.warns(PluginWarning, match="dynplug-bad") as caught:
        Registry()
    if strict:
        assert isinstance(caught.value.__cause__, ZeroDivisionError)


def test_of_a_distribution_that_is_found_twice_the_first_on_the_path_counts(
    install, install_neuron, tmp_path, monkeypatch
):
    second = tmp_path / "second"
    second.mkdir()
    monkeypatch.setattr(sys, "path", [*sys.path, str(second)])
    install_neuron("dynplug-twice")
    install("dynplug_twice", {"old_hooks": EXPLODE}, {"hooks": "old_hooks"}, version="0.5", folder=second)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        registry = Registry()
    assert sorted(s for s, _ in status(registry, "dynplug-twice") + status(registry, "dynplug_twice")) == [
        "registered",
        "shadowed",
    ]
    ((_, note),) = status(registry, "dynplug_twice")
    assert note.startswith("1.0 in ")
    assert registry.find("neuron", "Echo").plugin.version == "1.0"


def test_the_same_folder_twice_on_the_path_is_one(install_neuron, site, monkeypatch):
    install_neuron("dynplug-once")
    monkeypatch.setattr(sys, "path", [*sys.path, str(site)])
    assert status(Registry(), "dynplug-once") == [("registered", "")]


def test_a_hook_that_wraps_is_refused(install):
    source = (
        "import pluggy\nhookimpl = pluggy.HookimplMarker('dynplug')\n"
        "@hookimpl(wrapper=True)\ndef dynplug_register_neurons():\n    return (yield)\n"
    )
    install("dynplug-wrap", {"wrap_hooks": source}, {"hooks": "wrap_hooks"})
    with pytest.warns(PluginWarning, match="dynplug_register_neurons is a hook wrapper"):
        Registry()


def test_the_time_of_a_slow_hook_module_is_known(install, install_neuron):
    install_neuron("dynplug-fine")
    install(
        "dynplug-slow", {"slow_hooks": "import time; time.sleep(0.2)\n" + SPEC.format(more="")}, {"h": "slow_hooks"}
    )
    seconds = {p.distribution: p.seconds for p in Registry().plugins}
    assert seconds["dynplug-slow"] >= 0.2 > seconds["dynplug-fine"] > 0


def test_who_asks_for_a_deprecated_component_is_told(install):
    more = "deprecated='use LIF instead'"
    install("dynplug-old", {"old_hooks": SPEC.format(more=more)}, {"hooks": "old_hooks"})
    component = Registry().find("neuron", "thing")
    with pytest.warns(FutureWarning, match="neuron old:thing@1 is deprecated: use LIF instead"):
        component.load()


def test_a_deprecated_component_is_told_once_for_each_that_is_built(install, fresh_registry):
    install("dynplug-old", {"old_hooks": SPEC.format(more="deprecated='use LIF instead'")}, {"hooks": "old_hooks"})
    with pytest.warns(FutureWarning) as told:
        dp.build({"type": "old:thing", "size": 2}, kind="neuron")
    assert len(told) == 1


def test_a_missing_requirement_is_named_with_the_command_before_the_import(install):
    more = "requires=('no-such-package',)"
    source = SPEC.format(more=more).replace("dynplug.neurons:LIF", "never_imported:Model")
    install("dynplug-needy", {"needy_hooks": source, "never_imported": EXPLODE}, {"hooks": "needy_hooks"})
    with pytest.raises(PluginError, match="needy:thing@1 needs no-such-package: pip install no-such-package"):
        Registry().find("neuron", "thing").load()
    assert "never_imported" not in sys.modules


def test_a_component_of_this_process_is_local_and_is_replaced_by_its_name(fresh_registry):
    def make(gain):
        @dp.register("loss", "my-loss", summary=f"{gain} times", aliases=("mine",))
        def loss(predicts, targets):
            return gain * predicts

        return loss

    first = make(1)
    assert dp.get("loss", "my-loss") is dp.get("loss", "local:MyLoss") is dp.get("loss", "mine") is first
    second = make(2)
    assert dp.get("loss", "my_loss") is second
    assert dp.list_components("loss").count("my-loss") == 1
    dp.register("neuron", "no-neuron")(dict)
    with pytest.raises(PluginError, match="must be a subclass of"):
        dp.get("neuron", "no-neuron")
    dp.refresh()
    with pytest.raises(UnknownNameError):
        dp.get("loss", "my-loss")


def test_a_local_name_does_not_take_a_built_in_one_but_an_override_does(fresh_registry):
    class Mine(dp.DynamicalSystem):
        size: int

        def init_state(self, ctx):
            return None

        def update(self, state, x, ctx):
            return None, x

    with pytest.warns(PluginWarning, match=r"'LIF' is also that of dynplug:LIF@1: write 'local:LIF'"):
        dp.register("neuron", "LIF")(Mine)
    assert dp.get("neuron", "LIF") is dp.neurons.LIF
    assert dp.get("neuron", "local:LIF") is Mine
    with dp.override({"neuron:lif": "local:LIF"}):
        assert dp.get("neuron", "LIF") is Mine
        assert isinstance(dp.build({"type": "LIF", "size": 2}), Mine)
        assert dp.get("neuron", "dynplug:LIF") is dp.neurons.LIF
    assert dp.get("neuron", "LIF") is dp.neurons.LIF
    for names in ({"neuron:LIF": "no-such"}, {"neuron:LIF": "IF", "neuron:HH": "no-such"}):
        with pytest.raises(UnknownNameError), dp.override(names):
            pass
    assert dp.get("neuron", "LIF") is dp.neurons.LIF


def test_the_digest_tells_apart_what_resolves_differently(install_neuron):
    plain = Registry()
    assert plain.digest() == Registry().digest()
    with plain.overriding({"neuron:LIF": "IF"}):
        overridden = plain.digest()
    install_neuron("dynplug-fine")
    assert len({plain.digest(), overridden, Registry().digest()}) == 3


def test_fifty_plugins_are_all_found_in_order(install_neuron):
    for n in range(50):
        install_neuron(f"dynplug-p{n:02}", name=f"n{n}")
    registry = Registry()
    mine = [p.namespace for p in registry.plugins if p.namespace.startswith("p") and p.namespace[1:].isdigit()]
    assert mine == [f"p{n:02}" for n in range(50)]
    assert registry.find("neuron", "n31").id == "p31:n31@1"
