import diffrax
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import dynplug as dp
from dynplug import errors
from dynplug.neurons import IF
from dynplug.surrogates import Triangle

pytestmark = pytest.mark.quick


def run(neuron, xs, dt):
    _, (spikes, V) = dp.LoopOverTime(neuron, out_vars="V", dt=dt)(xs)
    return np.asarray(spikes), np.asarray(V)


CURRENT = np.array([-1.0, 0.0, 0.125, 0.375, 0.5, 1.0, 2.5, 3.0], np.float32)
"""Binary fractions, so that all sums are exact."""


@pytest.mark.claim(
    "if-charge",
    "IF with subtraction spikes once for each quantum of charge",
    tolerance=0.0,
    unit="spikes",
    reference="Abbott, L. F. (1999), doi:10.1016/S0361-9230(99)00161-6; closed form",
    components=("neuron:IF",),
)
def test_spikes_with_subtraction_count_the_charge_in_units_of_the_threshold(measured):
    # C = 2, threshold 1 mV above reset: one spike for each 2 pC, at most one a step
    spikes, V = run(IF(8, C=2.0, reset="subtract"), np.broadcast_to(CURRENT, (64, 8)), 0.5)
    charge = CURRENT * 0.5 * np.arange(1, 65)[:, None]
    count = np.maximum(np.floor(charge / 2.0), 0.0)
    measured.difference(np.cumsum(spikes, 0), count)
    np.testing.assert_array_equal(V, charge / 2.0 - count)


def test_spikes_with_reset_to_a_value_come_after_a_whole_number_of_steps():
    V_reset, V_th, C, dt = -0.5, 0.75, 0.5, 0.25
    spikes, V = run(IF(8, C=C, V_reset=V_reset, V_th=V_th), np.broadcast_to(CURRENT, (64, 8)), dt)
    step = np.arange(1, 65)[:, None]
    for k, current in enumerate(CURRENT):
        period = np.ceil((V_th - V_reset) / (current * dt / C)) if current > 0 else np.inf
        np.testing.assert_array_equal(spikes[:, k], step[:, 0] % period == 0)
        since = step[:, 0] % period if current > 0 else step[:, 0]
        np.testing.assert_array_equal(V[:, k], V_reset + since * (current * dt / C))


def test_subtraction_lowers_the_potential_by_threshold_minus_reset():
    jump = np.array([[1.75], [0.0]], np.float32)
    _, V = run(IF(1, V_reset=-0.25, V_th=0.5, reset="subtract"), dp.Drive(jump=jump), 1.0)
    np.testing.assert_array_equal(V[:, 0], [-0.25 + 1.75 - 0.75, 1.5 - 0.75 - 0.75])


def test_nothing_leaks_and_one_number_drives_all_units():
    V_reset = np.array([-1.0, 0.0, 0.5])
    _, V = run(IF(3, V_reset=V_reset), np.array([0.25] + [0.0] * 1000, np.float32), 1.0)
    np.testing.assert_array_equal(V, np.broadcast_to((V_reset + 0.25).astype(np.float32), (1001, 3)))


@pytest.mark.claim(
    "if-conductance",
    "A constant conductance makes IF relax exponentially to the reversal potential, however long the step",
    tolerance=1e-14,
    unit="mV",
    reference="Abbott, L. F. (1999), doi:10.1016/S0361-9230(99)00161-6; closed form",
    components=("neuron:IF",),
)
@pytest.mark.parametrize("dt", [0.1, 30.0])
def test_conductance_drive_relaxes_to_its_reversal_potential(x64, dt, measured):
    C, g, E = 2.0, np.array([0.1, 1.0]), np.array([0.9, -5.0])
    drive = dp.Drive(current=np.broadcast_to(g * E, (50, 2)), conductance=np.broadcast_to(g, (50, 2)))
    _, V = run(IF(2, C=C), drive, dt)
    t = np.arange(1, 51)[:, None] * dt
    measured.difference(V, -E * np.expm1(-g * t / C))


def test_detached_reset_hides_the_jump_back_from_the_gradient():
    surrogate = Triangle(gamma=0.5, width=2.0)

    def end(jump, detach):
        neuron = IF(1, V_reset=-0.25, detach_reset=detach, surrogate=surrogate)
        return dp.LoopOverTime(neuron, out_vars="V", dt=1.0, jit=False)(dp.Drive(jump=jump))[1][1].sum()

    # V = (1 - s) u + s V_reset with u = V_reset + jump = 1.25, s = 1: dV/du = (1 - s) + s'(u - V_th) (V_reset - u)
    kept, detached = (
        jax.jit(jax.grad(end), static_argnums=1)(jnp.full((1, 1), 1.5), detach) for detach in (False, True)
    )
    np.testing.assert_allclose(kept, 0.5 * (1.0 - 0.25 / 2.0) * (-0.25 - 1.25), rtol=1e-6)
    np.testing.assert_array_equal(detached, 0.0)


def test_integrator_is_the_one_that_was_given():
    drive = dp.Drive(conductance=np.full((4, 1), 0.5, np.float32))
    _, V = run(IF(1, V_reset=-1.0, integrator=diffrax.Euler()), drive, 1.0)
    np.testing.assert_array_equal(V[:, 0], -(0.5 ** np.arange(1, 5)))


def test_unknown_reset_and_impossible_capacitance_are_refused():
    with pytest.raises(errors.ParameterError, match="Did you mean 'value'"):
        IF(1, reset="valeu")
    with pytest.raises(errors.ParameterError, match="C="):
        IF(1, C=-1.0)
