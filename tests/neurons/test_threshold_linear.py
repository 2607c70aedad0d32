"""The threshold-linear unit against its closed form."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import dynplug as dp

REFERENCE = "Hahnloser, R. H. R. et al. (2000), doi:10.1038/35016072; closed form"


@pytest.mark.claim(
    "threshold-linear",
    "Threshold-linear units approach the part of their input above threshold exponentially, at any step [kHz]",
    tolerance=1e-14,
    unit="kHz",
    reference=REFERENCE,
    components=("neuron:ThresholdLinear",),
)
@pytest.mark.parametrize("dt", [0.1, 5.0])
def test_the_rate_approaches_its_input_above_the_threshold(dt, x64, measured):
    tau, gain, threshold, start = np.array([2.0, 20.0, 5.0]), 0.5, np.array([0.2, -0.3, 1.0]), np.array([0.0, 0.4, 0.3])
    current = np.array([1.0, 0.5, 0.9])  # the last is below its threshold
    unit = dp.neurons.ThresholdLinear(3, tau=tau, gain=gain, threshold=threshold, r_init=start)
    _, (out, r) = dp.LoopOverTime(unit, "r", dt=dt)(jnp.tile(jnp.asarray(current), (20, 1)))
    t = dt * np.arange(1, 21)[:, None]
    end = gain * np.array([0.8, 0.8, 0.0])
    measured.difference(r, end + (start - end) * np.exp(-t / tau))
    np.testing.assert_array_equal(out, r)


def test_a_conductance_acts_on_the_rate_and_a_jump_adds_to_it(x64):
    unit = dp.neurons.ThresholdLinear(1, tau=10.0, gain=2.0, threshold=0.1)
    ones = jnp.ones((50, 1))
    _, r = dp.LoopOverTime(unit, dt=0.5)(dp.Drive(ones, 0.25 * ones))
    end, speed = 2.0 * 0.9 / 1.5, 1.5 / 10.0
    np.testing.assert_allclose(r[:, 0], end * (1 - np.exp(-speed * 0.5 * np.arange(1, 51))), rtol=1e-12)
    _, r = dp.LoopOverTime(unit, dt=0.5)(dp.Drive(jump=0.3 * ones[:1]))
    np.testing.assert_allclose(r, [[0.3]])


def test_rates_that_are_drawn_need_a_key():
    unit = dp.neurons.ThresholdLinear(4, r_init=dp.initializers.Uniform(0.5, 1.0))
    _, r = dp.LoopOverTime(unit, dt=0.1)(jnp.zeros((1, 4)), key=jax.random.key(0))
    assert len(set(np.asarray(r[0]).tolist())) == 4
    with pytest.raises(dp.errors.KeyRequiredError, match="r_init is drawn at random"):
        dp.LoopOverTime(unit, dt=0.1)(jnp.zeros((1, 4)))
