"""The phase oscillator alone; coupled, it is in tests/network/test_kuramoto_synchrony.py."""

import jax.numpy as jnp
import numpy as np
import pytest

import dynplug as dp
from dynplug.errors import CompositionError


@pytest.mark.claim(
    "kuramoto-phase",
    "A phase oscillator that goes round a thousand times has the phase of its closed form, in single precision [rad]",
    tolerance=1e-3,
    unit="rad",
    reference="closed form",
    components=("neuron:Kuramoto",),
)
def test_the_phase_is_the_integral_of_the_frequency(measured):
    omega, start = np.array([0.25, -0.6, 2.0], np.float32), np.array([0.0, 1.0, -3.0], np.float32)
    current = np.sin(np.arange(30_000)).astype(np.float32) * 0.1
    unit = dp.neurons.Kuramoto(3, omega=omega, theta_init=start)
    _, (out, theta) = dp.LoopOverTime(unit, "theta", dt=0.125)(jnp.tile(jnp.asarray(current)[:, None], (1, 3)))
    assert theta.dtype == jnp.float32
    assert np.abs(theta).max() <= np.float32(np.pi) * (1 + 1e-6)
    np.testing.assert_array_equal(out, theta)
    at = np.arange(1, 30_001)[:, None] * 0.125
    exact = start.astype(float) + omega.astype(float) * at + 0.125 * np.cumsum(current.astype(float))[:, None]
    assert exact[-1, 2] > 2 * np.pi * 1000
    measured.difference(np.angle(np.exp(1j * (np.asarray(theta, float) - exact))), 0.0)


def test_a_conductance_is_refused_by_name_and_a_jump_shifts_the_phase():
    unit = dp.neurons.Kuramoto(1, omega=0.0)
    with pytest.raises(CompositionError, match="is a phase and no potential: couple it by"):
        dp.LoopOverTime(unit, dt=0.1)(dp.Drive(jnp.ones((1, 1)), jnp.ones((1, 1))))
    _, theta = dp.LoopOverTime(unit, dt=0.1)(dp.Drive(jump=jnp.full((3, 1), 3.0)))
    np.testing.assert_allclose(theta[:, 0], [3.0, 6.0 - 2 * np.pi, 9.0 - 2 * np.pi], rtol=1e-6)
