"""What is said of configurations that cannot be built."""

import pytest
from built import DENSE, KEY, built

import dynplug as dp
from dynplug.errors import ArgumentError, ConfigError, PluginError, PluginWarning, UnknownNameError

pytestmark = pytest.mark.quick


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


def test_a_text_for_a_flag_is_refused_by_whom_it_is_given_to():
    model = dp.layers.Dense(2, 2, key=KEY)
    with pytest.raises(ArgumentError, match="BPTT: shuffle_data='False' must be True or False"):
        dp.BPTT(model, "mse", dt=1.0, shuffle_data="False")
