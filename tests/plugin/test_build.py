"""From configurations to objects: arguments, kinds, nesting, keys."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from built import DENSE, KEY, built

import dynplug as dp
from dynplug.errors import ConfigError, KeyRequiredError, UnknownNameError
from dynplug.plugin import registry

pytestmark = pytest.mark.quick

KINDS = """
from dynplug.api import EncoderSpec, LayerSpec, LossSpec, NeuronSpec, hookimpl

@hookimpl
def dynplug_register_neurons():
    return [NeuronSpec(name="twin", target="{module}:Echo"), NeuronSpec(name="loner", target="{module}:Echo")]

@hookimpl
def dynplug_register_layers():
    return [LayerSpec(name="twin", target="dynplug.layers:Dropout")]

@hookimpl
def dynplug_register_losses():
    return [LossSpec(name="loner", target="dynplug.losses:mse")]
"""


def test_arguments_go_to_the_constructor():
    neuron = dp.build({"type": "lif", "size": [2, 3], "tau": 7, "reset": "subtract"})
    assert isinstance(neuron, dp.neurons.LIF)
    assert (neuron.size, neuron.tau, neuron.reset, neuron.R) == ((2, 3), 7.0, "subtract", 1.0)


def test_a_name_alone_is_a_configuration():
    assert isinstance(dp.build("Sigmoid"), dp.surrogates.Sigmoid)
    assert isinstance(dp.build("sigmoid", kind="surrogate"), dp.surrogates.Sigmoid)


def test_the_kind_of_an_argument_follows_from_its_name():
    neuron = dp.build({"type": "LIF", "size": 1, "surrogate": "super_spike", "integrator": {"type": "Heun"}})
    assert isinstance(neuron.surrogate, dp.surrogates.SuperSpike)
    assert type(neuron.integrator).__name__ == "Heun"
    weight = built({**DENSE, "W_initializer": {"type": "Constant", "value": 0.25}, "b_initializer": 0.5}).weight
    np.testing.assert_array_equal(weight, np.full((4, 3), 0.25))


def test_of_two_packages_of_one_kind_a_kind_is_not_asked_for(install_neuron, fresh_registry):
    install_neuron("dynplug-one")
    install_neuron("dynplug-two")
    with pytest.raises(UnknownNameError, match="'Echo' is ambiguous: write one of one:Echo@1, two:Echo@1"):
        dp.build({"type": "Echo", "size": 2})


def test_the_kind_is_asked_for_only_where_it_is_in_doubt(install_neuron, fresh_registry):
    install_neuron("dynplug-kin", hooks=KINDS)
    with pytest.raises(
        UnknownNameError, match="'twin' is ambiguous: add a 'kind', one of neuron kin:twin@1, layer kin"
    ):
        dp.build({"type": "twin", "size": 2})
    assert type(dp.build({"type": "twin", "kind": "neuron", "size": 2})).__name__ == "Echo"
    assert isinstance(dp.build({"type": "twin", "p": 0.5}, kind="layer"), dp.layers.Dropout)
    assert type(dp.build({"type": "loner", "size": 2})).__name__ == "Echo"  # what models are made of comes first
    assert dp.build("loner", kind="loss") is dp.losses.mse


def test_configurations_nest_and_keep_their_order():
    model = built(
        {
            "type": "Sequential",
            "input": {**DENSE, "W_initializer": "orthogonal"},
            "hidden": {"type": "ALIF", "size": 4, "surrogate": {"type": "Arctan", "alpha": 3.0}},
            "readout": {"type": "Sequential", "a": {"type": "Dropout", "p": 0.25}, "b": {"type": "LI", "size": 4}},
        }
    )
    assert model.names == ("input", "hidden", "readout")
    assert [type(s).__name__ for s in model] == ["Dense", "ALIF", "Sequential"]
    assert model["hidden"].surrogate.alpha == 3.0
    assert model["readout"]["a"].p == 0.25
    gram = model["input"].weight.T @ model["input"].weight
    np.testing.assert_allclose(gram, np.eye(3), atol=1e-5)


def test_lists_hold_configurations_too(install, fresh_registry):
    hooks = (
        "from dynplug.api import LayerSpec, hookimpl\n"
        "@hookimpl\n"
        "def dynplug_register_layers():\n"
        "    return [LayerSpec(name='row', target='rows_model:row')]\n"
    )
    model = "import dynplug as dp\ndef row(*more, parts, names=()):\n    return dp.Sequential(*parts)\n"
    install("dynplug-rows", {"rows_hooks": hooks, "rows_model": model}, {"hooks": "rows_hooks"})
    row = built({"type": "row", "parts": [DENSE, DENSE | {"in_size": 4}], "names": ["LIF"]})
    assert [s.weight.shape for s in row] == [(4, 3), (4, 4)]
    with pytest.raises(ConfigError, match=r"parts\[1\].sise: .*Did you mean"):
        built({"type": "row", "parts": [DENSE, {"type": "LIF", "sise": 3}]})


def test_parts_of_a_model_may_bear_the_name_of_a_kind():
    """A part called `encoder` or `output_layer` is what its type says, not an encoder or a layer."""
    model = built(
        {
            "type": "Sequential",
            "encoder": DENSE,
            "hidden_layer": {"type": "LIF", "size": 4},
            "synapse": {"type": "Alpha", "size": 4},
        }
    )
    assert [type(s).__name__ for s in model] == ["Dense", "LIF", "Alpha"]


def test_each_component_has_a_key_of_its_own_by_its_place():
    def weights(*names, key=KEY):
        model = dp.build({"type": "Sequential", **{n: DENSE | {"in_size": 4} for n in names}}, key=key)
        return {n: np.asarray(model[n].weight) for n in names}

    three = weights("a", "b", "c")
    assert not np.array_equal(three["a"], three["b"])
    assert not np.array_equal(three["b"], three["c"])
    for name, weight in weights("c", "a").items():  # what stands beside it does not matter
        np.testing.assert_array_equal(weight, three[name])
    assert not np.array_equal(weights("a", key=jax.random.key(12))["a"], three["a"])
    assert not np.array_equal(dp.build(DENSE, key=KEY, path="x").weight, dp.build(DENSE, key=KEY, path="y").weight)


def test_a_key_that_is_needed_and_missing_is_asked_for(install, fresh_registry):
    hooks = (
        "from dynplug.api import LayerSpec, hookimpl\n"
        "@hookimpl\n"
        "def dynplug_register_layers():\n"
        "    return [LayerSpec(name='noise', target='noise_model:noise')]\n"
    )
    model = "import dynplug as dp\ndef noise(*, key):\n    return dp.layers.Dense(1, 1, key=key)\n"
    install("dynplug-noise", {"noise_hooks": hooks, "noise_model": model}, {"hooks": "noise_hooks"})
    with pytest.raises(KeyRequiredError, match=r"noise draws random numbers: pass build\(..., key=jax"):
        dp.build("noise")
    assert isinstance(built("noise"), dp.layers.Dense)
    with pytest.raises(KeyRequiredError, match=r"Dense weight .* pass key=jax.random.key"):
        dp.build({"type": "Sequential", "a": DENSE})
    assert dp.build(DENSE | {"W_initializer": 2.0}).weight[0, 0] == 2.0


def test_functions_are_returned_and_their_options_bound():
    assert dp.build("mse") is dp.losses.mse
    predicts, targets = jnp.array([[[0.0]], [[3.0]]]), jnp.zeros((2, 1, 1))
    bound = dp.build({"type": "huber", "delta": 2.0})
    assert float(bound(predicts, targets)) == pytest.approx((0.0 + 2.0 * (3.0 - 1.0)) / 2)  # delta (|e| - delta / 2)


def test_optimizers_are_factories():
    optimizer = dp.build({"type": "sgd", "learning_rate": 0.5})
    assert isinstance(optimizer, optax.GradientTransformation)
    updates, _ = optimizer.update(jnp.array(3.0), optimizer.init(jnp.array(0.0)))
    assert float(updates) == -1.5
    with pytest.raises(ConfigError, match=r"sgd needs 'learning_rate'"):
        dp.build("sgd")


def test_objects_are_given_beside_the_configuration():
    loop = dp.build({"type": "LoopOverTime", "dt": 0.5}, given={"target": dp.neurons.LIF(2)})
    assert loop.target == dp.neurons.LIF(2)
    assert loop.dt == 0.5


def test_components_of_other_distributions_are_built_alike(install_neuron, fresh_registry):
    install_neuron("dynplug-echo")
    model = built({"type": "Sequential", "a": {"type": "echo:Echo@1", "size": 2, "gain": 3.0}})
    _, out = dp.LoopOverTime(model, dt=1.0)(jnp.array([[1.0, 2.0]]))
    np.testing.assert_array_equal(out, [[3.0, 6.0]])
    with pytest.raises(ConfigError, match=r"model.a.gian: Echo takes no 'gian'. Did you mean 'gain'"):
        built({"type": "Sequential", "a": {"type": "Echo", "size": 2, "gian": 3.0}}, path="model")


def test_a_loss_is_a_metric_too():
    found = registry().find("metric", "mse")
    assert (found.kind.name, found.load()) == ("loss", dp.losses.mse)
    assert registry().find("metric", "accuracy").kind.name == "metric"
    with pytest.raises(UnknownNameError, match=r"no metric called 'msee'\. Did you mean 'mse'"):
        registry().find("metric", "msee")
    with pytest.raises(UnknownNameError, match="no loss called 'accuracy'"):
        registry().find("loss", "accuracy")
