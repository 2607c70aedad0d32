"""Finding, naming and loading the components of installed distributions."""

import subprocess
import sys

import pytest

import dynplug as dp
from dynplug.api import Host, NeuronSpec
from dynplug.errors import PluginError, UnknownNameError
from dynplug.plugin.discovery import namespace_of
from dynplug.plugin.registry import Registry

pytestmark = pytest.mark.quick

LOSSES = """
from dynplug.api import LossSpec, MetricSpec, hookimpl

@hookimpl
def dynplug_register_losses():
    return [LossSpec(name="hinge", target="{module}:Echo", aliases=("max-margin", "SVM"), revision=3)]

@hookimpl
def dynplug_register_metrics(host):
    return [MetricSpec(name="hinge", target="{module}:Echo", summary=f"{{host.api_version}} {{host.version}}")]
"""


def ids(registry, name, kind="neuron"):
    return [c.id for c in registry.candidates(name, kind)]


def test_a_neuron_of_another_distribution_is_found_and_says_where_it_comes_from(install_neuron):
    install_neuron("dynplug-echo", version="2.7")
    found = Registry().find("neuron", "Echo")
    assert found.id == "echo:Echo@1"
    assert (found.plugin.distribution, found.plugin.version) == ("dynplug-echo", "2.7")
    assert (found.plugin.entry_point, found.plugin.status) == ("hooks = dynplug_echo_hooks", "registered")
    assert found.spec.summary == "repeats its input"


def test_its_target_is_imported_when_it_is_asked_for_and_not_before(install_neuron):
    install_neuron("dynplug-echo")
    registry = Registry()
    assert "Echo" in [c.spec.name for c in registry.components("neuron")]
    found = registry.find("neuron", "Echo")
    assert "dynplug_echo_hooks" in sys.modules
    assert "dynplug_echo_model" not in sys.modules
    assert found.load() is sys.modules["dynplug_echo_model"].Echo


def test_listing_with_a_plugin_installed_imports_neither_jax_nor_its_target(install_neuron, site):
    install_neuron("dynplug-echo")
    code = (
        f"import sys; sys.path.insert(0, {str(site)!r})\n"
        "import dynplug, dynplug.api, dynplug.builtins, dynplug.plugin\n"
        "from dynplug.plugin import get, list_components, registry\n"
        "assert 'Echo' in list_components('neuron')\n"
        "heavy = ('jax', 'equinox', 'diffrax', 'optax', 'numpy', 'dynplug_echo_model')\n"
        "print([m for m in heavy if m in sys.modules])\n"
        "print(get('neuron', 'Echo').__module__)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["[]", "dynplug_echo_model"]


def test_hooks_may_take_the_host_or_leave_it_out(install_neuron):
    install_neuron("dynplug-margin", hooks=LOSSES)
    registry = Registry()
    assert registry.find("loss", "hinge").spec.revision == 3
    assert registry.find("metric", "hinge").spec.summary == f"1 {dp.__version__}"
    assert Host("0").api_version == 1


def test_plural_kinds_are_understood(install_neuron):
    install_neuron("dynplug-echo")
    assert Registry().find("neurons", "Echo") == Registry().find("neuron", "Echo")


@pytest.mark.parametrize(
    ("distribution", "namespace"),
    [
        ("dynplug-foo", "foo"),
        ("dynplug_foo", "foo"),
        ("Dynplug.Foo", "foo"),
        ("foo_bar", "foo-bar"),
        ("Foo--Bar.baz", "foo-bar-baz"),
        ("dynplug", "dynplug"),
        ("foo-dynplug-bar", "foo-dynplug-bar"),
    ],
)
def test_the_namespace_comes_from_the_name_of_the_distribution(distribution, namespace):
    assert namespace_of(distribution) == namespace


@pytest.mark.parametrize("distribution", ["dynplug-foo", "foo"])
def test_components_live_in_their_namespace(install_neuron, distribution):
    install_neuron(distribution)
    assert ids(Registry(), "foo:Echo") == ["foo:Echo@1"]


def test_dynplug_comes_first_and_the_others_by_name(install_neuron):
    for name in ("zeta", "dynplug-alpha"):
        install_neuron(name)
    found = [p.namespace for p in Registry().plugins]
    assert found[0] == "dynplug"
    assert found[1:] == sorted(found[1:])
    assert {"alpha", "zeta"} <= set(found)


def test_a_bare_name_means_dynplugs_own_before_any_other(install_neuron):
    install_neuron("dynplug-rival", name="LIF")
    registry = Registry()
    assert registry.find("neuron", "LIF").id == "dynplug:LIF@1"
    assert registry.find("neuron", "rival:LIF").id == "rival:LIF@1"
    names = [registry.name_of(c) for c in registry.components("neuron")]
    assert "LIF" in names
    assert "rival:LIF" in names


def test_a_bare_name_of_two_others_is_ambiguous_and_the_error_lists_both(install_neuron):
    install_neuron("dynplug-one")
    install_neuron("dynplug-two")
    registry = Registry()
    with pytest.raises(UnknownNameError, match=r"'Echo' is ambiguous: write one of one:Echo@1, two:Echo@1"):
        registry.find("neuron", "Echo")
    assert registry.find("neuron", "two:Echo").id == "two:Echo@1"
    assert registry.find("neuron", "two:Echo@1").id == "two:Echo@1"
    assert {"one:Echo", "two:Echo"} <= {registry.name_of(c) for c in registry.components()}


def test_another_revision_is_not_found(install_neuron):
    install_neuron("dynplug-margin", hooks=LOSSES)
    registry = Registry()
    assert registry.find("loss", "margin:hinge@3").id == "margin:hinge@3"
    assert registry.find("loss", "hinge@3").id == "margin:hinge@3"
    with pytest.raises(UnknownNameError):
        registry.find("loss", "margin:hinge@1")


@pytest.mark.parametrize("name", ["double-leak", "DoubleLeak", "double_leak", "DOUBLELEAK", "dl:Double-Leak@1"])
def test_case_hyphen_and_underscore_do_not_count(install_neuron, name):
    install_neuron("dynplug-dl", name="double-leak")
    assert ids(Registry(), name) == ["dl:double-leak@1"]


@pytest.mark.parametrize("name", ["hinge", "max-margin", "MaxMargin", "svm", "margin:SVM"])
def test_an_alias_is_a_name_too(install_neuron, name):
    install_neuron("dynplug-margin", hooks=LOSSES)
    assert ids(Registry(), name, "loss") == ["margin:hinge@3"]


def test_a_name_is_of_one_kind():
    with pytest.raises(UnknownNameError, match="There is no surrogate called 'LIF'"):
        Registry().find("surrogate", "LIF")


def test_an_unknown_name_is_answered_with_the_nearest_and_an_unknown_kind_likewise():
    with pytest.raises(UnknownNameError, match=r"no neuron called 'ALIFF'. Did you mean 'ALIF'\?.*dynplug list neuron"):
        Registry().find("neuron", "ALIFF")
    with pytest.raises(UnknownNameError, match=r"no kind of component called 'neurn'. Did you mean 'neuron'\?"):
        Registry().find("neurn", "LIF")
    with pytest.raises(UnknownNameError, match="'neurn'"):
        dp.list_components("neurn")


def test_get_and_list_speak_for_the_process(install_neuron, fresh_registry):
    install_neuron("dynplug-echo")
    assert "Echo" in dp.list_components("neuron")
    assert dp.list_components("neuron")[0] == "IF"
    assert dp.get("neuron", "echo").__name__ == "Echo"
    assert dp.get("neuron", "LIF") is dp.neurons.LIF


@pytest.mark.parametrize("distribution", ["dynplug-dynplug", "dynplug--dynplug"])
def test_nobody_takes_the_namespace_of_dynplug(install_neuron, distribution):
    install_neuron(distribution, name="LIF", entry="aaa")  # before `dynplug` in any order of names
    with pytest.warns(match=f"{distribution} 1.0 is set aside: .*namespace 'dynplug' already belongs to dynplug"):
        registry = Registry()
    assert registry.find("neuron", "LIF").load() is dp.neurons.LIF


@pytest.mark.parametrize("name", ["", "1st", "has space", "a:b", "a@2", "näme", "a.b", "-x"])
def test_a_spec_refuses_a_name_that_cannot_be_written(name):
    with pytest.raises(ValueError, match="Invalid component name"):
        NeuronSpec(name=name, target="a:b")
    with pytest.raises(ValueError, match="Invalid component name"):
        NeuronSpec(name="fine", target="a:b", aliases=(name,))


@pytest.mark.parametrize("target", ["", "module", "module:", ":Name", "module.Name", "a:b:c", "a:b.c", "1a:b"])
def test_a_spec_refuses_a_target_that_leads_nowhere(target):
    with pytest.raises(ValueError, match=r"fine: target .* must have the form 'package.module:Attribute'"):
        NeuronSpec(name="fine", target=target)


def test_a_spec_refuses_a_revision_below_one_and_takes_names_of_all_styles():
    with pytest.raises(ValueError, match="revision must be a positive integer; got 0"):
        NeuronSpec(name="fine", target="a:b", revision=0)
    for name in ("LIF", "double-leak", "double_leak", "v2"):
        assert NeuronSpec(name=name, target="a.b_c:D1").name == name


@pytest.mark.parametrize(
    ("target", "problem"),
    [
        ("dynplug_echo_model:Eco", "AttributeError"),
        ("dynplug_echo_modle:Echo", "ModuleNotFoundError: No module named 'dynplug_echo_modle'"),
        ("dynplug_echo_model:NUMBER", "must be callable|must be a subclass"),
        ("dynplug_echo_model:Plain", "must be a subclass of dynplug.core.system.DynamicalSystem"),
        ("dynplug_echo_exit:Echo", "SystemExit: 3"),
    ],
)
def test_a_target_that_fails_is_named_and_nothing_else_is_touched(install, target, problem):
    hooks = (
        "from dynplug.api import NeuronSpec, hookimpl\n"
        "@hookimpl\n"
        "def dynplug_register_neurons():\n"
        f"    return [NeuronSpec(name='bad', target={target!r}),\n"
        "            NeuronSpec(name='good', target='dynplug.neurons:LIF')]\n"
    )
    modules = {
        "dynplug_echo_hooks": hooks,
        "dynplug_echo_model": "NUMBER = 5\nclass Plain: pass\n",
        "dynplug_echo_exit": "raise SystemExit(3)\n",
    }
    install("dynplug-echo", modules, {"hooks": "dynplug_echo_hooks"})
    registry = Registry()
    with pytest.raises(PluginError, match=rf"neuron echo:bad@1 (?s:.*)({problem})"):
        registry.find("neuron", "bad").load()
    assert registry.find("neuron", "good").load() is dp.neurons.LIF


def test_a_name_with_a_revision_never_means_another_packages_component(install):
    """`LIF@7` is dynplug's LIF at revision 7, or an error: not the LIF of a package that has come so far."""
    hooks = (
        "from dynplug.api import NeuronSpec, hookimpl\n"
        "@hookimpl\n"
        "def dynplug_register_neurons():\n"
        "    return [NeuronSpec(name=n, target='m:n', revision=7) for n in ('LIF', 'other')]\n"
    )
    install("dynplug-seven", {"seven_hooks": hooks}, {"hooks": "seven_hooks"})
    found = Registry()
    assert [c.id for c in found.candidates("LIF@1")] == ["dynplug:LIF@1"]
    assert found.candidates("LIF@7", "neuron") == []
    with pytest.raises(UnknownNameError, match=r"dynplug .* has 'dynplug:LIF@1'"):
        found.find("neuron", "LIF@7")
    assert [c.pin for c in found.candidates("seven:LIF@7")] == ["seven:LIF@7"]
    assert [c.pin for c in found.candidates("other@7")] == ["seven:other@7"]
    assert [c.pin for c in found.candidates("LIF")] == ["LIF@1"]
