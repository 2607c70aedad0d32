"""The reset after a spike: to rest by default, never to the threshold or above."""

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import dynplug as dp
from dynplug.errors import ParameterError
from dynplug.neurons import ALIF, IF, LIF, AdExIF, Izhikevich

RESTING = {LIF: "V_rest", ALIF: "V_rest", AdExIF: "EL"}
UNITS = np.array([-65.0, -70.0, -58.0])
RESETS = {IF: "V_reset", LIF: "V_reset", ALIF: "V_reset", AdExIF: "V_reset", Izhikevich: "c"}


@pytest.mark.parametrize("rest", [-65.0, -65, UNITS, list(UNITS), jnp.asarray(UNITS, jnp.float32)])
@pytest.mark.parametrize("neuron", RESTING)
def test_no_reset_means_rest(neuron, rest):
    options = {RESTING[neuron]: rest, "V_th": -50.0}
    for cell in (neuron(3, **options), neuron(3, V_reset=None, **options)):
        np.testing.assert_array_equal(cell.V_reset, np.asarray(rest, float))
        assert isinstance(cell.V_reset, float) == isinstance(rest, (int, float))
    assert neuron(3, V_reset=-60.0, **options).V_reset == -60.0
    assert dataclasses.replace(cell, V_th=-40.0).V_reset is cell.V_reset


@pytest.mark.parametrize("neuron", RESTING)
def test_reset_and_rest_are_two_arrays(neuron):
    """Both may be trained, and a buffer be given away only once."""
    rest = jnp.asarray(UNITS, jnp.float32)
    cell = neuron(3, **{RESTING[neuron]: rest}, V_th=-50.0)
    assert cell.V_reset is not rest
    assert cell.V_reset.unsafe_buffer_pointer() != rest.unsafe_buffer_pointer()


def test_it_is_no_other_path_in_a_state_or_configuration():
    assert set(dp.state_dict(LIF(3, V_rest=UNITS, V_th=-50.0))) == {"V_rest", "V_reset"}
    assert dp.build({"type": "LIF", "size": 1, "V_rest": -65.0, "V_th": -50.0}).V_reset == -65.0


def test_a_cell_in_millivolts_fires_as_its_closed_form_says(x64):
    dt, tau, current = 0.1, 20.0, np.array([14.0, 16.0, 20.0, 40.0])
    xs = np.broadcast_to(current, (5000, 4))
    spikes = np.asarray(dp.LoopOverTime(LIF(4, tau=tau, V_rest=-65.0, V_th=-50.0), dt=dt)(xs)[1])
    interval = np.ceil(tau * np.log(current[1:] / (current[1:] - 15.0)) / dt)
    np.testing.assert_array_equal(spikes.sum(0), [0, *(5000 // interval)])


@pytest.mark.parametrize("neuron", RESETS)
@pytest.mark.parametrize("above", [0.0, 3.0])
def test_a_reset_that_is_not_below_the_threshold_is_refused_with_both_values(neuron, above):
    with pytest.raises(ParameterError, match=rf"{RESETS[neuron]}={-50 + above:g} mV, V_th=-50 mV\).*Give a"):
        neuron(2, **{RESETS[neuron]: -50.0 + above, "V_th": -50.0})
    each = np.array([-70.0, -50.0 + above])
    with pytest.raises(ParameterError, match=rf"={-50 + above:g} mV, .* at 1 of 2 units, the first of them \(1,\)"):
        neuron(2, **{RESETS[neuron]: each, "V_th": -50.0})
    neuron(2, **{RESETS[neuron]: np.array([-70.0, -50.1]), "V_th": np.array([-60.0, -50.0])})


@pytest.mark.parametrize("neuron", [IF, LIF, ALIF])
def test_subtracting_needs_a_reset_below_the_threshold_too(neuron):
    with pytest.raises(ParameterError, match="V_reset=0 mV, V_th=-50 mV"):
        neuron(1, V_reset=0.0, V_th=-50.0, reset="subtract")


def test_a_cell_that_rests_above_its_threshold_needs_a_reset():
    """Cells that fire by themselves are usual in models of balanced networks."""
    with pytest.raises(ParameterError, match="V_reset=-49 mV, V_th=-50 mV"):
        LIF(1, V_rest=-49.0, V_th=-50.0)
    LIF(1, V_rest=-49.0, V_th=-50.0, V_reset=-60.0)


def test_what_is_traced_is_not_looked_at():
    cells = eqx.filter_vmap(lambda V_th: LIF(2, V_th=V_th, V_rest=-65.0))(jnp.array([-50.0, -40.0]))
    assert cells.V_th.shape == (2,)
    assert jax.jit(lambda V_rest: LIF(1, V_rest=V_rest).V_reset)(2.0) == 2.0
