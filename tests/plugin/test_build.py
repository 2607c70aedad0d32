"""From configurations to objects, and what is said of those that cannot be built."""

import inspect
import pickle
from typing import Annotated, Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import dynplug as dp
from dynplug.errors import ArgumentError, ConfigError, KeyRequiredError, PluginError, PluginWarning, UnknownNameError
from dynplug.plugin import Unbuilt, registry
from dynplug.plugin.configured import kind_of_argument, parameters, takes_number, takes_text

pytestmark = pytest.mark.quick

KEY = jax.random.key(11)
DENSE = {"type": "Dense", "in_size": 3, "out_size": 4}

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


def built(config, **options):
    return dp.build(config, key=KEY, **options)


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


@pytest.mark.parametrize(
    ("config", "place", "problem"),
    [
        ({"type": "LIF", "size": 1, "taau": 3}, "m.taau", "LIF takes no 'taau'. Did you mean 'tau'?"),
        ({"type": "LIF"}, "m", "LIF needs 'size'."),
        ({"type": "LIF", "size": 0}, "m.size", "LIF: size must be a positive integer or a tuple of them; got 0"),
        (
            {"type": "LIF", "size": 1, "tau": "ten"},
            "m.tau",
            "Expected a number; got the text 'ten'.",
        ),
        ({"type": "LIF", "size": 1, "tau": -1.0}, "m.tau", "LIF(tau=...) must be greater than zero"),
        ({"type": "ALIFF", "size": 1}, "m.type", "There is no component called 'ALIFF'. Did you mean 'ALIF'?"),
        ({"type": "LIF", "size": 1, "surrogate": "sigmoyd"}, "m.surrogate.type", "Did you mean 'Sigmoid'?"),
        ({"type": "LIF", "size": 1, "surrogate": "LIF"}, "m.surrogate.type", "There is no surrogate called 'LIF'."),
        ({"type": "LIF", "size": 1, "surrogate": {"alpha": 4}}, "m.surrogate", "A component needs a 'type'"),
        ({"type": "LIF", "size": 1, "surrogate": {"type": "Sigmoid", "a": 4}}, "m.surrogate.a", "takes no 'a'"),
        ({"size": 1}, "m", "A component needs a 'type', the name of a registered one; got {'size': 1}"),
        ({"type": 5}, "m", "A component needs a 'type'"),
        ({"type": "Sequential", "a": {"type": "LIF"}}, "m.a", "LIF needs 'size'."),
        ({"type": "LIF", "size": 1, "kind": "layer"}, "m.type", "There is no layer called 'LIF'."),
        ({"type": "Sequential", "a": DENSE, "b": DENSE}, "m", "Sequential: 'a' (Dense) outputs shape (4,)"),
    ],
)
def test_an_error_names_the_place_and_the_nearest_name(config, place, problem):
    with pytest.raises(ConfigError) as error:
        built(config, path="m")
    assert error.value.path == place
    assert problem in error.value.problem
    assert str(error.value) == f"{place}: {error.value.problem}"


def test_an_unknown_type_without_a_place_is_an_unknown_name():
    with pytest.raises(UnknownNameError, match=r"no component called 'Izhikevitch'. Did you mean 'Izhikevich'\?"):
        dp.build({"type": "Izhikevitch", "size": 1})
    with pytest.raises(UnknownNameError, match=r"^There is no component called 'zzz'. See: dynplug list$"):
        dp.build("zzz")
    with pytest.raises(UnknownNameError, match="no optimizer called 'LIF'"):
        dp.build("LIF", kind="optimizer")


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


def test_components_of_other_distributions_are_built_alike(install_neuron, fresh_registry):
    install_neuron("dynplug-echo")
    model = built({"type": "Sequential", "a": {"type": "echo:Echo@1", "size": 2, "gain": 3.0}})
    _, out = dp.LoopOverTime(model, dt=1.0)(jnp.array([[1.0, 2.0]]))
    np.testing.assert_array_equal(out, [[3.0, 6.0]])
    with pytest.raises(ConfigError, match=r"model.a.gian: Echo takes no 'gian'. Did you mean 'gain'"):
        built({"type": "Sequential", "a": {"type": "Echo", "size": 2, "gian": 3.0}}, path="model")


def test_a_component_of_a_plugin_that_is_set_aside_gives_the_cause(install, fresh_registry):
    install("dynplug-bad", {"bad_hooks": "import no_such_module_here"}, {"hooks": "bad_hooks"})
    with pytest.warns(PluginWarning, match="dynplug-bad"):
        assert "LIF" in dp.list_components("neuron")
    with pytest.raises(
        PluginError, match="dynplug-bad is quarantined: ModuleNotFoundError: No module named 'no_such_module_here'"
    ):
        dp.build({"type": "bad:thing"}, kind="neuron")


def test_a_factory_that_makes_something_else_breaks_its_contract(install, fresh_registry):
    hooks = (
        "from dynplug.api import SurrogateSpec, hookimpl\n"
        "@hookimpl\n"
        "def dynplug_register_surrogates():\n"
        "    return [SurrogateSpec(name='wrong', target='wrong_model:wrong')]\n"
    )
    install("dynplug-wrong", {"wrong_hooks": hooks, "wrong_model": "def wrong(): return 5"}, {"hooks": "wrong_hooks"})
    with pytest.raises(ConfigError, match=r"surrogate: wrong must make a Surrogate, not int"):
        dp.build({"type": "LIF", "size": 1, "surrogate": "wrong"})


TEXT = """
from __future__ import annotations
from typing import TYPE_CHECKING, Annotated, Any, Literal, Optional
import dynplug as dp
if TYPE_CHECKING:
    from nowhere import Thing

class Row(dp.DynamicalSystem):
    given: Any
    def init_state(self, ctx): return None
    def update(self, state, x, ctx): return state, x

def row(surrogate: {annotation} = {default}): return Row(surrogate)
def bare(surrogate={default}): return Row(surrogate)
"""


@pytest.mark.parametrize(
    ("annotation", "default", "text"),
    [
        ("str", "None", True),
        ("str | None", "None", True),
        ("Optional[str]", "None", True),
        ("Literal['sigmoid', 'other']", "None", True),
        ("Annotated[str, 'which']", "None", True),
        ("Thing | str", "None", True),
        ("Any", "'sigmoid'", True),
        ("object", "'sigmoid'", True),
        ("Any", "None", False),
        ("Thing", "None", False),
        ("dp.surrogates.Surrogate | None", "None", False),
        ("Literal[1, 2]", "None", False),
    ],
)
def test_text_is_a_component_only_where_the_constructor_takes_one(install, fresh_registry, annotation, default, text):
    hooks = (
        "from dynplug.api import LayerSpec, hookimpl\n"
        "@hookimpl\n"
        "def dynplug_register_layers():\n"
        "    return [LayerSpec(name=n, target=f'text_model:{n}') for n in ('row', 'bare')]\n"
    )
    model = TEXT.format(annotation=annotation, default=default)
    install("dynplug-text", {"text_hooks": hooks, "text_model": model}, {"hooks": "text_hooks"})
    found = dp.build({"type": "text:row", "surrogate": "sigmoid"}).given
    assert found == "sigmoid" if text else isinstance(found, dp.surrogates.Sigmoid)
    found = dp.build({"type": "text:bare", "surrogate": "sigmoid"}).given
    assert found == "sigmoid" if default == "'sigmoid'" else isinstance(found, dp.surrogates.Sigmoid)
    built = dp.build({"type": "text:row", "surrogate": {"type": "sigmoid"}}).given
    assert isinstance(built, dp.surrogates.Sigmoid)  # a table with a type is a component everywhere


def test_each_parameter_of_dynplugs_own_components_is_read_as_its_default_is():
    """A parameter named like a kind takes text if, and only if, its default is text."""
    seen = set()
    for component in registry().components():
        for name, parameter in parameters(component.load()).items():
            if kind_of_argument(name) is not None:
                assert takes_text(parameter) == isinstance(parameter.default, str), (component.id, name)
                seen.add(name)
    assert {"surrogate", "integrator", "W_initializer", "optimizer", "metric", "encoder"} <= seen


def test_options_of_runners_that_bear_the_name_of_a_kind_are_text():
    loop = dp.build({"type": "LoopOverTime", "dt": 0.5, "loop": "layer"}, given={"target": dp.neurons.LIF(2)})
    assert loop.loop == "layer"
    with pytest.raises(ConfigError, match="loop='lyer'"):
        dp.build({"type": "LoopOverTime", "dt": 0.5, "loop": "lyer"}, given={"target": dp.neurons.LIF(2)})
    assert dp.build({"type": "EarlyStopping", "metric": "accuracy"}, kind="observer").metric == "accuracy"


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("adam", "There is no observer called 'adam'."),
        ("LIF", "There is no observer called 'LIF'."),
        ("EarlyStoping", "Did you mean 'EarlyStopping'?"),
    ],
)
def test_what_stands_in_a_list_named_after_a_kind_is_of_that_kind(name, problem):
    config = {"type": "BPFF", "loss_fun": "mse", "observers": [{"type": "EarlyStopping"}, {"type": name}]}
    with pytest.raises(ConfigError) as error:
        dp.build(config, kind="runner", path="runner", given={"target": dp.neurons.LIF(1)})
    assert error.value.path == "runner.observers[1].type"
    assert problem in error.value.problem
    assert len(error.value.problem) < 300  # and no list of all components


def test_what_is_given_is_not_built_from_the_configuration_too():
    made = []

    @dp.register("surrogate", "counting", summary="counts")
    class Counting(dp.surrogates.Sigmoid):
        def __post_init__(self):
            made.append(self)

    try:
        config = {"type": "LIF", "size": 1, "surrogate": "counting"}
        given = dp.surrogates.Arctan()
        assert dp.build(config, given={"surrogate": given}).surrogate is given
        assert made == []
        assert [dp.build(config).surrogate] == made
    finally:
        dp.refresh()


def test_a_constructor_may_ask_for_what_is_configured_before_it_is_built():
    @dp.register("runner", "asking", summary="asks")
    class Asking:
        def __init__(
            self, target, *, loss_fun: Annotated[Any, Unbuilt("loss")], more: Annotated[Any, Unbuilt("neuron")]
        ):
            self.loss_fun, self.more = loss_fun, more

    def asked(loss, more=None):
        return dp.build({"type": "asking", "loss_fun": loss, "more": more}, path="r", given={"target": None})

    try:
        for loss, options in (("huber", {}), ({"type": "huber", "delta": 2.0}, {"delta": 2.0})):
            found = asked(loss).loss_fun
            assert (found.called, found.config, found.path) == ("huber", loss, "r.loss_fun")
            assert pickle.loads(pickle.dumps(found)) == found
            assert getattr(dp.build(found), "keywords", {}) == options
        assert asked(max).loss_fun is max  # a function is no name
        assert [dp.build(one) for one in asked(max, [{"type": "LIF", "size": 2}]).more] == [dp.neurons.LIF(2)]
        with pytest.raises(ConfigError, match=r"r.more\[1\].type: There is no neuron called 'huber'"):
            asked(max, [{"type": "LIF", "size": 2}, "huber"])
        with pytest.raises(ConfigError, match=r"r\.loss_fun\.delt: huber takes no 'delt'"):
            asked({"type": "huber", "delt": 2.0})
    finally:
        dp.refresh()


def test_nothing_is_built_before_all_names_are_known():
    made = []

    def counting(x):
        made.append(x)
        return dp.layers.Dense(2, 2, W_initializer=x)

    try:
        dp.register("layer", "counting", summary="counts")(counting)
        parts = {"type": "Sequential", "a": {"type": "counting", "x": 1.0}, "b": {"type": "LIF", "size": 2}}
        dp.build(parts)
        assert made == [1.0]
        for wrong in ({"type": "LIFF"}, {"type": "LIF", "size": 2, "taau": 1.0}, {"type": "LIF"}):
            with pytest.raises(ConfigError):
                dp.build({**parts, "b": wrong})
        assert made == [1.0]
    finally:
        dp.refresh()


FLAGS = [  # each with another of its arguments
    ("GRUCell", "reset_after", {"in_size": 2, "out_size": 2}),
    ("LSTMCell", "use_bias", {"in_size": 2, "out_size": 2}),
    ("RNNCell", "train_state", {"in_size": 2, "out_size": 2}),
    ("LIF", "detach_reset", {"size": 2}),
]


@pytest.mark.parametrize(("name", "flag", "options"), FLAGS)
@pytest.mark.parametrize("value", ["False", "no", 0])
def test_a_flag_is_true_or_false(name, flag, options, value):
    with pytest.raises(ConfigError, match=f"^{flag}: Expected true or false, without quotes; got {value!r}"):
        built({"type": name, **options, flag: value})
    built({"type": name, **options, flag: False})


@pytest.mark.parametrize(("flag", "value"), [("shuffle_data", "False"), ("progress_bar", "no"), ("loss_has_aux", 1)])
def test_a_flag_of_a_runner_is_true_or_false(flag, value):
    with pytest.raises(ConfigError, match=f"^{flag}: Expected true or false"):
        dp.build({"type": "BPTT", "dt": 1.0, "loss_fun": "mse", flag: value}, kind="runner", given={"target": None})


NUMBERS = [
    ("adam", "learning_rate", {}),
    ("cross_entropy", "label_smoothing", {}),
    ("huber", "delta", {}),
    ("digits", "test_share", {}),
    ("LIF", "tau", {"size": 2}),
    ("Normal", "std", {}),
]


@pytest.mark.parametrize(("name", "number", "options"), NUMBERS)
def test_a_number_is_no_text(name, number, options):
    with pytest.raises(ConfigError, match=f"^{number}: Expected a number; got the text 'ten'"):
        built({"type": name, **options, number: "ten"})


@pytest.mark.parametrize("annotation", [inspect.Parameter.empty, Any, object])
def test_a_parameter_of_any_value_is_read_as_its_default_is(annotation):
    for default, number, text in ((1.5, True, False), ("text", False, True), (None, False, False)):
        parameter = inspect.Parameter("given", inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)
        assert (takes_number(parameter), takes_text(parameter)) == (number, text)


def test_a_text_for_a_flag_is_refused_by_whom_it_is_given_to():
    model = dp.layers.Dense(2, 2, key=KEY)
    with pytest.raises(ArgumentError, match="BPTT: shuffle_data='False' must be True or False"):
        dp.BPTT(model, "mse", dt=1.0, shuffle_data="False")


def test_a_loss_is_a_metric_too():
    found = registry().find("metric", "mse")
    assert (found.kind.name, found.load()) == ("loss", dp.losses.mse)
    assert registry().find("metric", "accuracy").kind.name == "metric"
    with pytest.raises(UnknownNameError, match=r"no metric called 'msee'\. Did you mean 'mse'"):
        registry().find("metric", "msee")
    with pytest.raises(UnknownNameError, match="no loss called 'accuracy'"):
        registry().find("loss", "accuracy")
