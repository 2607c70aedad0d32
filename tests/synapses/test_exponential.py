import diffrax
import numpy as np
import pytest

import dynplug as dp
from dynplug import errors
from dynplug.neurons import LeakyIntegrator
from dynplug.synapses import COBA, CUBA, Exponential


def run(system, xs, dt):
    return dp.LoopOverTime(system, dt=dt)(xs)[1]


def mean(tau, dt):
    """The mean over a step of a conductance that is 1 at its start."""
    return tau / dt * -np.expm1(-dt / tau)


def events(n, size, seed=0):
    """Weights of random events of either sign, mostly none."""
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, size)) * (rng.random((n, size)) < 0.2)


@pytest.mark.claim(
    "exponential-sum",
    "The exponential synapse puts out the step means of a sum of decaying exponentials",
    tolerance=1e-13,
    unit="nA",
    reference="Roth, A. & van Rossum, M. C. W. (2009), doi:10.7551/mitpress/9780262013277.003.0007; closed form",
    components=("synapse:Exponential",),
)
@pytest.mark.parametrize("dt", [0.1, 2.0])
def test_conductance_is_a_sum_of_decaying_exponentials_one_an_event(x64, dt, measured):
    tau, w = np.array([5.0, 0.3, 100.0]), events(150, 3)
    drive = run(Exponential(3, tau=tau), w, dt)
    since = (np.arange(150)[:, None] - np.arange(150)) * dt
    kernel = np.where(since[..., None] >= 0, np.exp(-np.maximum(since, 0.0)[..., None] / tau), 0.0)
    measured.difference(drive.current, mean(tau, dt) * np.einsum("nkj,kj->nj", kernel, w))


@pytest.mark.claim(
    "exponential-sum-single",
    "The exponential synapse puts out the step means of a sum of decaying exponentials, in single precision",
    tolerance=2e-6,
    unit="nA",
    reference="Roth, A. & van Rossum, M. C. W. (2009), doi:10.7551/mitpress/9780262013277.003.0007; closed form",
    components=("synapse:Exponential",),
)
def test_conductance_is_the_closed_form_in_single_precision(measured):
    w = events(150, 3).astype(np.float32)
    drive = run(Exponential(3, tau=5.0), w, 0.5)
    since = (np.arange(150)[:, None] - np.arange(150)) * 0.5
    kernel = np.where(since >= 0, np.exp(-np.maximum(since, 0.0) / 5.0), 0.0)
    assert drive.current.dtype == np.float32
    measured.difference(drive.current, mean(5.0, 0.5) * (kernel @ w.astype(float)))


def test_current_based_output_is_a_current_alone_and_the_default():
    w = np.array([[2.0], [0.0]], np.float32)
    for drive in (run(Exponential(1), w, 1.0), run(Exponential(1, output=CUBA()), w, 1.0)):
        assert drive.conductance is None
        assert drive.jump is None
        np.testing.assert_allclose(drive.current[:, 0], mean(5.0, 1.0) * np.array([2.0, 2.0 * np.exp(-0.2)]), rtol=1e-6)


def test_conductance_based_output_drives_towards_its_reversal_potential():
    E = np.array([-80.0, 10.0], np.float32)
    drive = run(Exponential(2, output=COBA(E)), np.array([[2.0, 3.0]], np.float32), 1.0)
    assert drive.jump is None
    np.testing.assert_allclose(drive.conductance, mean(5.0, 1.0) * np.array([[2.0, 3.0]]), rtol=1e-6)
    np.testing.assert_allclose(drive.current, mean(5.0, 1.0) * np.array([[-160.0, 30.0]]), rtol=1e-6)
    assert COBA().E == 0.0


@pytest.mark.claim(
    "exponential-cuba",
    "Currents of random events charge a membrane exactly as their step means do",
    tolerance=1e-13,
    unit="mV",
    reference="exact map in NumPy",
    components=("synapse:Exponential", "neuron:LeakyIntegrator"),
)
def test_mean_current_is_held_in_a_membrane_over_each_step_from_that_of_the_event(x64, measured):
    tau, tau_m, R, dt, w = 3.0, 10.0, 2.0, 0.5, events(200, 4)
    V = run(Exponential(4, tau=tau) >> LeakyIntegrator(4, tau=tau_m, R=R), w, dt)
    g, expected, record = np.zeros(4), np.zeros(4), []
    for x in w:
        g = g + x
        held, g = g * mean(tau, dt), g * np.exp(-dt / tau)
        expected = R * held + (expected - R * held) * np.exp(-dt / tau_m)
        record.append(expected)
    measured.difference(V, record)


@pytest.mark.claim(
    "exponential-coba",
    "Conductances of random events charge a membrane exactly as their step means do",
    tolerance=1e-11,
    unit="mV",
    reference="exact map in NumPy",
    components=("synapse:Exponential", "neuron:LeakyIntegrator"),
)
def test_mean_conductance_is_held_in_a_membrane_over_each_step_from_that_of_the_event(x64, measured):
    tau, tau_m, R, E, rest, dt = 3.0, 10.0, 2.0, -20.0, -70.0, 0.5
    w = np.abs(events(200, 4))
    V = run(Exponential(4, tau=tau, output=COBA(E)) >> LeakyIntegrator(4, tau=tau_m, R=R, V_rest=rest), w, dt)
    g, expected, record = np.zeros(4), np.full(4, rest), []
    for x in w:
        g = g + x
        held, g = g * mean(tau, dt), g * np.exp(-dt / tau)
        steady = (rest + R * held * E) / (1.0 + R * held)
        expected = steady + (expected - steady) * np.exp(-dt * (1.0 + R * held) / tau_m)
        record.append(expected)
    measured.difference(V, record)


@pytest.mark.claim(
    "exponential-coba-response",
    "A postsynaptic potential through a conductance, at steps of a fiftieth of the time constant, is that of "
    "an adaptive solver (share of its size)",
    tolerance=1e-4,
    reference="SciPy's solve_ivp at 1e-10",
    components=("synapse:Exponential", "neuron:LeakyIntegrator"),
)
def test_postsynaptic_conductance_response_converges_to_an_adaptive_solution(x64, measured):
    from scipy.integrate import solve_ivp

    tau, tau_m, R, w, E, rest = 5.0, 20.0, 2.0, 0.3, 0.0, -70.0
    sol = solve_ivp(
        lambda t, V: (rest - V + R * w * np.exp(-t / tau) * (E - V)) / tau_m,
        *((0.0, 60.0), [rest]),
        rtol=1e-10,
        atol=1e-10,
        t_eval=np.arange(1, 301) * 0.2,
    )
    error = []
    for dt in (0.2, 0.1):
        system = Exponential(1, tau=tau, output=COBA(E)) >> LeakyIntegrator(1, tau=tau_m, R=R, V_rest=rest)
        V = run(system, np.eye(round(60.0 / dt), 1) * w, dt)
        each = round(0.2 / dt)
        error.append(np.max(np.abs(V[each - 1 :: each, 0] - sol.y[0])))
    measured(error[1] / np.ptp(sol.y[0]))
    assert 3.8 < error[0] / error[1] < 4.2


def test_integrator_is_the_one_that_was_given():
    drive = run(Exponential(1, tau=4.0, integrator=diffrax.Euler()), np.eye(5, 1, dtype=np.float32), 1.0)
    np.testing.assert_array_equal(drive.current[:, 0], 0.75 ** np.arange(5))


def test_events_may_be_booleans_on_a_grid():
    drive = run(Exponential((2, 2)), np.array([[[True, False], [False, True]]] * 2), 5.0)
    np.testing.assert_allclose(drive.current[1], np.eye(2) * (1.0 + np.exp(-1.0)) * mean(5.0, 5.0), rtol=1e-6)


def test_a_drive_is_no_event():
    with pytest.raises(errors.ShapeError, match="weighted events"):
        run(Exponential(1), dp.Drive(current=np.zeros((3, 1))), 1.0)


@pytest.mark.parametrize("tau", [0.0, -5.0, [1.0, 2.0]])
def test_impossible_time_constants_are_refused(tau):
    with pytest.raises(errors.ParameterError, match="tau"):
        Exponential(3, tau=tau)
