"""The usual mistakes are answered with what is meant."""

import importlib

import jax
import numpy as np
import pytest

import dynplug as dp
from dynplug.errors import ArgumentError, ConfigError, DataError, KeyRequiredError, ParameterError
from dynplug.plugin import parameters
from dynplug.plugin.hints import _ARGUMENTS, _COMPONENTS, argument_hint, called_here

pytestmark = pytest.mark.quick

MODEL = dp.layers.Dense(2, 2, key=jax.random.key(0)) >> dp.neurons.LIF(2)


def trainer(**options):
    return dp.BPTT(MODEL, "cross_entropy", dt=1.0, logger=None, **options)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: dp.neurons.LIF(5, beta=0.9), r"LIF takes no 'beta'\. .*tau = -dt / log\(beta\)"),
        (lambda: dp.neurons.LIF(5, threshold=1.0), r"LIF takes no 'threshold'\. The threshold is V_th"),
        (lambda: dp.neurons.ALIF(5, taw=1.0), r"ALIF takes no 'taw'\. Did you mean 'tau'"),
        (lambda: dp.layers.Dense(3, 4, bias=False, key=jax.random.key(0)), "b_initializer=None"),
        (lambda: trainer(learning_rate=1e-3), "BPTT takes no 'learning_rate'.*optimizer=optax.adam"),
        (lambda: trainer(lr=1e-3), "BPTT takes no 'lr'.*optimizer=optax.adam"),
        (lambda: trainer(device="cuda"), "trainer.to"),
        (lambda: trainer(batch_size=3), r"give it to fit|Give it to fit"),
        (lambda: trainer(truncat=3), "Did you mean 'truncate'"),
        (lambda: dp.BPFF(MODEL, "mse", callbacks=[]), "BPFF takes no 'callbacks'.*observers="),
        (lambda: dp.DSRunner(MODEL, dt=1.0, monitor=["V"]), "DSRunner takes no 'monitor'.*'monitors'"),
        (lambda: trainer().fit((1, 2), epochs=3), "fit takes no 'epochs'. Give num_epoch"),
        (lambda: trainer().fit((1, 2), validation_data=3), "Give test_data="),
    ],
)
def test_a_keyword_of_another_library_is_answered_with_our_own(make, said):
    with pytest.raises(ArgumentError, match=said) as error:
        make()
    assert isinstance(error.value, TypeError)


def test_configurations_are_answered_alike():
    with pytest.raises(ConfigError, match=r"lr: adam takes no 'lr'\. Give learning_rate"):
        dp.build({"type": "adam", "lr": 1e-3}, kind="optimizer")
    with pytest.raises(ConfigError, match=r"takes no 'weight'\. The weights of classes are class_weight"):
        dp.build({"type": "cross_entropy", "weight": [1.0, 2.0]}, kind="loss")


@pytest.mark.parametrize(
    ("module", "name", "said"),
    [
        ("neurons", "Leaky", "LIF, with tau"),
        ("layers", "Linear", "dp.layers.Dense"),
        ("layers", "Conv2d", r"equinox.nn.Conv2d\("),
        ("surrogates", "ATan", "Arctan"),
        ("losses", "MSELoss", "mse"),
        ("neurons", "LIv", "Did you mean 'LIF'"),
        ("synapses", "Expo", "Exponential"),
    ],
)
def test_a_name_that_a_module_does_not_have_is_answered(module, name, said):
    found = importlib.import_module(f"dynplug.{module}")
    with pytest.raises(AttributeError, match=rf"module 'dynplug.{module}' has no attribute '{name}'\. .*{said}"):
        getattr(found, name)
    assert not hasattr(found, "__wrapped__")


def test_each_hint_is_about_an_argument_that_there_is():
    accepted = [parameters(c.load()) for c in dp.plugin.registry().components()] + [parameters(dp.BPTT.fit)]
    for others, own, said in _ARGUMENTS:
        taking = [names for names in accepted if own in names]
        assert taking, own
        for other in others.split():
            answers = [argument_hint(other, names).lower() for names in taking if other not in names]
            assert f"{said}.".lower() in answers, other


def test_each_component_is_called_something_here():
    for others, own in _COMPONENTS:
        for other in others.split():
            assert own in called_here(other)


@pytest.mark.parametrize("key", [0, 42])
def test_a_number_is_no_key(key):
    for make in (dp.layers.Dense, dp.layers.GRUCell, dp.layers.RNNCell):
        with pytest.raises(KeyRequiredError, match=rf"key={key} is not a random key: give key=jax.random.key\({key}\)"):
            make(3, 4, key=key)


def test_text_is_no_parameter():
    with pytest.raises(ParameterError, match="got the text '10'"):
        dp.neurons.LIF(5, tau="10")


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ([np.zeros((3, 4, 2)), np.zeros(3, int)], r"a list of two arrays: .* give a tuple, \(x, y\)"),
        ((np.array([np.zeros((5, 2)), np.zeros((3, 2))], dtype=object), np.zeros(2, int)), "x is an array of objects"),
        ((np.zeros((3, 4, 2)), np.array(list("aba"))), "y is text.*np.unique"),
    ],
)
def test_data_that_are_no_arrays_of_numbers_are_refused(data, said):
    with pytest.raises(DataError, match=f"train_data.*{said}"):
        trainer().fit(data, num_epoch=1)


def test_a_component_of_a_package_of_ours_is_named_with_its_package():
    assert called_here("FlaxLayer") == "It is in a package of its own: pip install dynplug-flax."
