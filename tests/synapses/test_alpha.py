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


def charge(t, tau):
    """The integral of the alpha function from 0."""
    return np.where(t > 0, tau * np.e * (1.0 - (1.0 + t / tau) * np.exp(-t / tau)), 0.0)


def mean(t, tau, dt):
    """The mean of the alpha function over the step that starts at `t`."""
    return (charge(t + dt, tau) - charge(t, tau)) / dt


# the error of the default integrator, of third order, as a share of the peak: 1/5 and 1/50 of tau a step
@pytest.mark.parametrize(
    ("dt", "tolerance"),
    [
        pytest.param(
            1.0,
            2e-3,
            marks=pytest.mark.claim(
                "alpha-function-coarse",
                "One event gives the alpha function with its weight at the peak, with five steps to the peak "
                "(share of it)",
                tolerance=2e-3,
                reference="Roth, A. & van Rossum, M. C. W. (2009), doi:10.7551/mitpress/9780262013277.003.0007; closed "
                "form",
                components=("synapse:Alpha",),
            ),
        ),
        pytest.param(
            0.1,
            2e-6,
            marks=pytest.mark.claim(
                "alpha-function",
                "One event gives the alpha function with its weight at the peak, with fifty steps to the "
                "peak (share of it)",
                tolerance=2e-6,
                reference="Roth, A. & van Rossum, M. C. W. (2009), doi:10.7551/mitpress/9780262013277.003.0007; closed "
                "form",
                components=("synapse:Alpha",),
            ),
        ),
    ],
)
def test_one_event_gives_the_alpha_function_with_its_weight_at_the_peak(x64, dt, tolerance, measured):
    n, w = round(50.0 / dt), 0.7
    _, (drive, g) = dp.LoopOverTime(Alpha(1, tau=5.0), "g", dt=dt)(np.eye(n, 1) * w)
    t = np.arange(1, n + 1) * dt
    measured.difference(g[:, 0] / w, alpha_function(t, 5.0))
    assert np.argmax(g) == round(5.0 / dt) - 1
    np.testing.assert_allclose(g[round(5.0 / dt) - 1, 0], w, rtol=tolerance)
    np.testing.assert_allclose(drive.current[:, 0], w * mean(t - dt, 5.0, dt), atol=2.0 * tolerance * w)


@pytest.mark.claim(
    "alpha-sum",
    "Random events through alpha synapses give the step means of a sum of alpha functions",
    tolerance=2e-5,
    unit="nA",
    reference="Roth, A. & van Rossum, M. C. W. (2009), doi:10.7551/mitpress/9780262013277.003.0007; closed form",
    components=("synapse:Alpha",),
)
def test_events_superpose_with_one_tau_a_unit(x64, measured):
    rng = np.random.default_rng(0)
    tau, w = np.array([5.0, 10.0, 30.0]), rng.normal(size=(200, 3)) * (rng.random((200, 3)) < 0.1)
    g = run(Alpha(3, tau=tau), w, 0.1).current
    since = (np.arange(200)[:, None] - np.arange(200)) * 0.1
    expected = np.einsum("nkj,kj->nj", np.where(since[..., None] >= 0, mean(since[..., None], tau, 0.1), 0.0), w)
    measured.difference(g, expected)


def test_default_integrator_converges_with_third_order(x64):
    error = []
    for dt in (1.0, 0.5):
        g = run(Alpha(1, tau=5.0), np.eye(round(20.0 / dt), 1), dt).current[:, 0]
        error.append(np.max(np.abs(g - mean(np.arange(len(g)) * dt, 5.0, dt))))
    assert 7.0 < error[0] / error[1] < 10.0


def test_integrator_is_the_one_that_was_given():
    g = run(Alpha(1, tau=2.0, integrator=diffrax.Euler()), np.eye(4, 1, dtype=np.float32), 1.0).current[:, 0]
    # at the starts of steps h = 1, 1/2, 1/4 ...; g grows by e h / 2 and halves; Euler's mean is the value at the start
    np.testing.assert_allclose(g, np.e * np.array([0.0, 0.5, 0.5, 0.375]), rtol=1e-6)


def test_output_is_the_one_that_was_given():
    drive = run(Alpha(1, output=COBA(-80.0)), np.eye(6, 1, dtype=np.float32), 1.0)
    np.testing.assert_allclose(drive.conductance[-1], mean(5.0, 5.0, 1.0), rtol=2e-3)
    np.testing.assert_allclose(drive.current, -80.0 * drive.conductance, rtol=1e-6)


def test_a_drive_is_no_event_and_tau_must_be_positive():
    with pytest.raises(errors.ShapeError, match="weighted events"):
        run(Alpha(1), dp.Drive(current=np.zeros((3, 1))), 1.0)
    with pytest.raises(errors.ParameterError, match="tau"):
        Alpha(1, tau=0.0)
