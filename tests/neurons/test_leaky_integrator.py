import diffrax
import numpy as np
import pytest

import dynplug as dp
from dynplug import errors
from dynplug.neurons import LeakyIntegrator


def run(neuron, xs, dt):
    _, (out, V) = dp.LoopOverTime(neuron, out_vars="V", dt=dt)(xs)
    return np.asarray(out), np.asarray(V)


@pytest.mark.claim(
    "leaky-integrator-single",
    "The leaky integrator charges exponentially, in single precision",
    tolerance=5e-6,
    unit="mV",
    reference="Gerstner, W. et al. (2014), Neuronal Dynamics, section 1.3, doi:10.1017/CBO9781107447615; closed form",
    components=("neuron:LeakyIntegrator",),
)
def test_potential_follows_the_closed_form_with_one_tau_a_unit(measured):
    tau, R, V_rest, current = np.array([2.0, 20.0, 500.0]), 3.0, -0.5, np.array([0.25, -1.0, 2.0], np.float32)
    neuron = LeakyIntegrator(3, tau=tau, R=R, V_rest=V_rest)
    out, _ = run(neuron, np.broadcast_to(current, (200, 3)), 0.5)
    t = np.arange(1, 201)[:, None] * 0.5
    assert out.dtype == np.float32
    measured.difference(out, V_rest - R * current.astype(float) * np.expm1(-t / tau))


@pytest.mark.claim(
    "leaky-integrator",
    "The leaky integrator charges exponentially, in double precision",
    tolerance=2e-14,
    unit="mV",
    reference="Gerstner, W. et al. (2014), Neuronal Dynamics, section 1.3, doi:10.1017/CBO9781107447615; closed form",
    components=("neuron:LeakyIntegrator",),
)
def test_potential_follows_the_closed_form_in_double_precision(x64, measured):
    tau, R, V_rest = np.array([2.0, 20.0, 500.0]), np.array([3.0, 1.0, 0.5]), np.array([-0.5, 0.0, 1.0])
    current = np.array([0.25, -1.0, 2.0])
    out, _ = run(LeakyIntegrator(3, tau=tau, R=R, V_rest=V_rest), np.broadcast_to(current, (200, 3)), 0.5)
    t = np.arange(1, 201)[:, None] * 0.5
    measured.difference(out, V_rest - R * current * np.expm1(-t / tau))


@pytest.mark.claim(
    "leaky-integrator-convolution",
    "The leaky integrator's response to any input is its convolution with the impulse response",
    tolerance=1e-13,
    unit="mV",
    reference="numpy.convolve",
    components=("neuron:LeakyIntegrator",),
)
def test_response_to_any_input_is_its_convolution_with_the_impulse_response(x64, measured):
    xs = np.random.default_rng(0).normal(size=(100, 2))
    out, _ = run(LeakyIntegrator(2, tau=6.0, R=2.0), xs, 1.0)
    kernel = 2.0 * (1.0 - np.exp(-1.0 / 6.0)) * np.exp(-np.arange(100) / 6.0)
    expected = np.stack([np.convolve(xs[:, k], kernel)[:100] for k in range(2)], 1)
    measured.difference(out, expected)


def test_output_is_the_potential_and_no_input_makes_it_spike():
    out, V = run(LeakyIntegrator(1), np.full((100, 1), 1e4, np.float32), 1.0)
    np.testing.assert_array_equal(out, V)
    assert np.all(np.diff(V[:, 0]) >= 0)
    assert V[-1, 0] > 9000.0


@pytest.mark.claim(
    "leaky-integrator-conductance",
    "A constant conductance makes the leaky integrator settle between rest and reversal (relative)",
    tolerance=1e-14,
    reference="Gerstner, W. et al. (2014), Neuronal Dynamics, section 1.3, doi:10.1017/CBO9781107447615; closed form",
    components=("neuron:LeakyIntegrator",),
)
def test_conductance_drive_settles_between_rest_and_reversal(x64, measured):
    g, E, R, V_rest = 0.3, -20.0, 2.0, -70.0
    drive = dp.Drive(current=np.full((1, 1), g * E), conductance=np.full((1, 1), g))
    out, _ = run(LeakyIntegrator(1, R=R, V_rest=V_rest), drive, 1e4)
    measured.relative(out[0, 0], (V_rest + R * g * E) / (1.0 + R * g))


def test_without_input_the_potential_stays_at_rest_and_a_jump_decays_to_it(x64):
    jump = np.zeros((40, 1))
    jump[4] = 3.0
    out, _ = run(LeakyIntegrator(1, tau=5.0, V_rest=-65.0), dp.Drive(jump=jump), 1.0)
    np.testing.assert_array_equal(out[:4, 0], -65.0)
    np.testing.assert_allclose(out[4:, 0] + 65.0, 3.0 * np.exp(-np.arange(36) / 5.0), atol=1e-12)


def test_integrator_is_the_one_that_was_given():
    out, _ = run(LeakyIntegrator(1, tau=4.0, integrator=diffrax.Heun()), np.full((5, 1), 1.0, np.float32), 1.0)
    growth = 1.0 - 0.25 + 0.25**2 / 2.0
    np.testing.assert_allclose(out[:, 0], 1.0 - growth ** np.arange(1, 6), rtol=1e-6)


def test_input_of_another_size_is_refused():
    with pytest.raises(errors.ShapeError, match=r"\(3,\) units.*shape \(2,\)"):
        run(LeakyIntegrator(3), np.zeros((5, 2), np.float32), 1.0)


@pytest.mark.parametrize("tau", [0.0, -2.0, [1.0, 1.0]])
def test_impossible_time_constants_are_refused(tau):
    with pytest.raises(errors.ParameterError, match="tau"):
        LeakyIntegrator(3, tau=tau)
