"""The potential at which neurons start."""

import jax
import numpy as np
import pytest

import dynplug as dp
from dynplug.errors import KeyRequiredError, ParameterError
from dynplug.neurons import ALIF, HH, IF, LIF, AdExIF, Izhikevich

MODELS = (LIF, IF, ALIF, AdExIF, Izhikevich, HH)


def start(neuron, key=None, batch_size=None):
    axis = None if batch_size is None else "B"
    return dp.LoopOverTime(neuron, dt=0.1, data_first_axis=axis).reset_state(batch_size, key=key).system.V


@pytest.mark.parametrize("model", MODELS)
def test_it_is_a_number_an_array_or_drawn(model):
    np.testing.assert_array_equal(start(model(2, V_init=-61.0)), np.float32([-61.0, -61.0]))
    np.testing.assert_array_equal(start(model(2, V_init=np.array([-61.0, -62.0]))), np.float32([-61, -62]))
    V = start(model(1000, V_init=dp.initializers.Uniform(-70.0, -60.0)), jax.random.key(0))
    assert -70.0 <= V.min() < -69.9
    assert -60.1 < V.max() <= -60.0


def test_each_sample_and_each_population_draws_its_own():
    V_init = dp.initializers.Normal(1.0)
    V = start(LIF(3, V_init=V_init, V_th=9.0), jax.random.key(0), batch_size=4)
    assert len(np.unique(V)) == 12
    model = dp.Sequential(a=LIF(3, V_init=V_init, V_th=9.0), b=LIF(3, V_init=V_init, V_th=9.0))
    state = dp.LoopOverTime(model, dt=0.1).reset_state(key=jax.random.key(0)).system
    assert len(np.unique([state["a"].V, state["b"].V])) == 6


def test_a_drawn_start_needs_a_key():
    with pytest.raises(KeyRequiredError, match="V_init is drawn at random"):
        start(LIF(3, V_init=dp.initializers.Uniform(0.0, 0.5)))


def test_the_wrong_number_of_values_is_refused():
    with pytest.raises(ParameterError, match="V_init"):
        LIF(3, V_init=np.zeros(2))
    with pytest.raises(ParameterError, match=r"must be a number.*got the function"):
        LIF(3, tau=dp.initializers.Uniform(1.0, 2.0))


def test_a_configuration_gives_the_initializer_by_name():
    neuron = dp.build({"type": "LIF", "size": 3, "V_init": {"type": "Uniform", "low": 0.0, "high": 0.5}})
    assert len(np.unique(start(neuron, jax.random.key(0)))) == 3


def test_a_size_is_changed_by_one_method():
    excitatory = LIF(4, tau=20.0, tau_ref=5.0, V_init=dp.initializers.Uniform(0.0, 0.5))
    inhibitory = excitatory.with_size((2, 3))
    assert (inhibitory.size, inhibitory.tau, inhibitory.tau_ref) == ((2, 3), 20.0, 5.0)
    assert excitatory.size == (4,)
    assert start(inhibitory, jax.random.key(0)).shape == (2, 3)
    with pytest.raises(ParameterError, match=r"tau=.*shape \(4,\)"):
        LIF(4, tau=np.ones(4)).with_size(5)
