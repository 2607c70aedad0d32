import diffrax
import numpy as np
import pytest

import dynplug as dp
from dynplug import errors
from dynplug.synapses import COBA, Alpha


def run(synapse, w, dt):
    return dp.LoopOverTime(synapse, dt=dt)(w)[1]


def alpha_function(t, tau):
    return np.where(t > 0, t / tau * np.exp(1.0 - t / tau), 0.0)


# the error of the default integrator, of third order, as a share of the peak: 1/5 and 1/50 of tau a step
@pytest.mark.parametrize(("dt", "tolerance"), [(1.0, 2e-3), (0.1, 2e-6)])
def test_one_event_gives_the_alpha_function_with_its_weight_at_the_peak(x64, dt, tolerance):
    n, w = round(50.0 / dt), 0.7
    g = run(Alpha(1, tau=5.0), np.eye(n, 1) * w, dt).current[:, 0]
    t = np.arange(n) * dt
    np.testing.assert_allclose(g, w * alpha_function(t, 5.0), atol=tolerance * w)
    assert np.argmax(g) == round(5.0 / dt)
    np.testing.assert_allclose(g[round(5.0 / dt)], w, rtol=tolerance)


def test_events_superpose_with_one_tau_a_unit(x64):
    rng = np.random.default_rng(0)
    tau, w = np.array([5.0, 10.0, 30.0]), rng.normal(size=(200, 3)) * (rng.random((200, 3)) < 0.1)
    g = run(Alpha(3, tau=tau), w, 0.1).current
    since = (np.arange(200)[:, None] - np.arange(200)) * 0.1
    expected = np.einsum("nkj,kj->nj", alpha_function(since[..., None], tau), w)
    np.testing.assert_allclose(g, expected, atol=2e-5)


def test_default_integrator_converges_with_third_order(x64):
    error = []
    for dt in (1.0, 0.5):
        g = run(Alpha(1, tau=5.0), np.eye(round(20.0 / dt), 1), dt).current[:, 0]
        error.append(np.max(np.abs(g - alpha_function(np.arange(len(g)) * dt, 5.0))))
    assert 7.0 < error[0] / error[1] < 10.0


def test_integrator_is_the_one_that_was_given():
    g = run(Alpha(1, tau=2.0, integrator=diffrax.Euler()), np.eye(4, 1, dtype=np.float32), 1.0).current[:, 0]
    # h = e, e/2, e/4 ...; g grows by h/2 and halves
    np.testing.assert_allclose(g, np.e * np.array([0.0, 0.5, 0.5, 0.375]), rtol=1e-6)


def test_output_is_the_one_that_was_given():
    drive = run(Alpha(1, output=COBA(-80.0)), np.eye(6, 1, dtype=np.float32), 1.0)
    np.testing.assert_allclose(drive.conductance[-1], 1.0, rtol=2e-3)
    np.testing.assert_allclose(drive.current, -80.0 * drive.conductance, rtol=1e-6)


def test_a_drive_is_no_event_and_tau_must_be_positive():
    with pytest.raises(errors.ShapeError, match="weighted events"):
        run(Alpha(1), dp.Drive(current=np.zeros((3, 1))), 1.0)
    with pytest.raises(errors.ParameterError, match="tau"):
        Alpha(1, tau=0.0)
