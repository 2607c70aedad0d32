"""Values are looked at where they enter: a step, a time, the parts of a system."""

import diffrax
import jax
import pytest

import dynplug as dp
from dynplug.errors import ConfigError, OptionError, ParameterError

DENSE = dp.layers.Dense(2, 2, W_initializer=1.0)
RUNNERS = {
    "DSRunner": lambda **o: dp.DSRunner(dp.neurons.LIF(1), **o),
    "LoopOverTime": lambda **o: dp.LoopOverTime(dp.neurons.LIF(1), **o),
    "BPTT": lambda **o: dp.BPTT(DENSE, "mse", **o),
    "BPFF": lambda **o: dp.BPFF(DENSE, "mse", **o),
    "Loop": lambda **o: dp.timeloop.Loop(**o),
}


@pytest.mark.parametrize("dt", [0.0, -1.0, float("nan"), float("inf")], ids=str)
@pytest.mark.parametrize("name", RUNNERS)
def test_a_step_is_positive_and_finite(name, dt):
    with pytest.raises(OptionError, match=r"dt=.* must be the step \[ms\], a number above zero"):
        RUNNERS[name](dt=dt)


@pytest.mark.parametrize("t0", [float("nan"), float("inf")], ids=str)
@pytest.mark.parametrize("name", RUNNERS)
def test_a_time_is_finite(name, t0):
    with pytest.raises(OptionError, match=r"t0=.* must be the time at step 0 \[ms\]"):
        RUNNERS[name](dt=1.0, t0=t0)


@pytest.mark.parametrize("dt", [0.0, -0.1])
def test_a_step_of_a_configuration_is_blamed_by_its_place(dt):
    config = {"type": "BPTT", "loss_fun": "mse", "dt": dt}
    with pytest.raises(ConfigError, match=r"runner.*dt="):
        dp.build(config, kind="runner", path="runner", given={"target": DENSE})


SPIKING = ["IF", "LIF", "ALIF", "AdExIF", "Izhikevich", "HH"]
NO_PART = {"a name": "sigmoid", "a number": 0.5, "nothing": None, "a list": [1.0]}


@pytest.mark.parametrize("given", [*NO_PART.values(), dp.surrogates.Sigmoid], ids=[*NO_PART, "a class"])
@pytest.mark.parametrize("name", SPIKING)
def test_a_surrogate_is_one(name, given):
    with pytest.raises((ParameterError, TypeError), match=f"{name}"):
        getattr(dp.neurons, name)(2, surrogate=given)


@pytest.mark.parametrize(
    ("field", "given"), [("integrator", "euler"), ("integrator", diffrax.Tsit5), ("output", "CUBA")]
)
def test_a_part_that_is_none_is_refused_with_what_it_should_be(field, given):
    with pytest.raises((ParameterError, TypeError), match="Exponential"):
        dp.synapses.Exponential(2, **{field: given})


def test_the_message_says_what_to_do():
    from dynplug.core.parameter import check_parameters

    neuron = dp.neurons.LIF(2)
    for given, says in (
        ("sigmoid", "dynplug.build"),
        (dp.surrogates.Sigmoid, r"the class Sigmoid: give an instance, Sigmoid\(...\)"),
    ):
        object.__setattr__(neuron, "surrogate", given)
        with pytest.raises(ParameterError, match=rf"LIF\(surrogate=...\) takes a Surrogate; got .*{says}"):
            check_parameters(neuron)


@pytest.mark.parametrize("given", ["FixedProbability", 0.1, None, dp.connectors.FixedProbability], ids=str)
def test_a_connector_is_one(given):
    with pytest.raises(ParameterError, match=r"Sparse\(connector=...\) takes a connector such as dp.connectors"):
        dp.layers.Sparse(3, 4, given, key=jax.random.key(0))
