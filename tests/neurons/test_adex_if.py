import diffrax
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import solve_ivp

import dynplug as dp
from dynplug import errors
from dynplug.neurons import AdExIF
from dynplug.surrogates import Gaussian

CURRENT = np.array([0.6, 0.8, 1.0, 2.0, 4.0])
PAPER = {  # Brette & Gerstner (2005)
    "C": 0.281,
    "gL": 0.03,
    "EL": -70.6,
    "V_T": -50.4,
    "Delta_T": 2.0,
    "tau_w": 144.0,
    "a": 0.004,
    "b": 0.0805,
    "V_reset": -70.6,
    "V_th": -30.0,
}


def run(neuron, xs, dt):
    _, (spikes, (V, w)) = dp.LoopOverTime(neuron, out_vars=("V", "w"), dt=dt)(xs)
    return np.asarray(spikes), np.asarray(V), np.asarray(w)


def field(V, w, current, p):
    upswing = p["gL"] * p["Delta_T"] * np.exp((np.minimum(V, p["V_th"]) - p["V_T"]) / p["Delta_T"])
    return (-p["gL"] * (V - p["EL"]) + upswing - w + current) / p["C"], (p["a"] * (V - p["EL"]) - w) / p["tau_w"]


def spike_times(current, T, p):
    """Times at which scipy's solver, restarted at each event, finds the potential at `V_th`."""

    def peak(t, y):
        return y[0] - p["V_th"]

    peak.terminal = True
    t, y, times = 0.0, [p["EL"], 0.0], []
    tight = {"method": "DOP853", "rtol": 1e-9, "atol": 1e-9, "first_step": 1e-3, "events": peak}
    while True:
        sol = solve_ivp(lambda t, y: field(*y, current, p), (t, T), y, **tight)
        if sol.status != 1:
            return np.array(times)
        t, y = sol.t[-1], [p["V_reset"], sol.y[1, -1] + p["b"]]
        times.append(t)


@pytest.fixture(scope="module")
def reference():
    return [spike_times(current, 250.0, PAPER) for current in CURRENT]


def numpy_heun(xs, dt, p):
    V, w, record = np.broadcast_to(p["EL"], xs.shape[1:]), np.zeros(xs.shape[1:]), []
    for x in xs:
        V1, w1 = field(V, w, x, p)
        V2, w2 = field(V + dt * V1, w + dt * w1, x, p)
        V, w = V + dt / 2.0 * (V1 + V2), w + dt / 2.0 * (w1 + w2)
        s = p["V_th"] <= V
        V, w = np.where(s, p["V_reset"], V), np.where(s, w + p["b"], w)
        record.append((s, V, w))
    spikes, V, w = map(np.array, zip(*record, strict=True))
    return spikes.astype(float), V, w


@pytest.mark.claim(
    "adex-spike-times",
    "AdEx with the paper's parameters spikes when an event-driven solver says; as a spike is seen at the end "
    "of its step, the k-th may be late by 1.5 k steps",
    tolerance=1.5,
    unit="steps a spike",
    reference="Brette, R. & Gerstner, W. (2005), doi:10.1152/jn.00686.2005; SciPy's DOP853 with events",
    components=("neuron:AdExIF",),
)
@pytest.mark.parametrize("dt", [0.01, 0.05])
def test_spike_times_with_the_papers_parameters_are_those_of_an_event_driven_solver(x64, reference, dt, measured):
    # A spike is seen, and the potential reset, at the end of a step: each spike delays those after it by up to about
    # a step. So the k-th may be late by 1.5 k steps, no more.
    spikes, _, _ = run(AdExIF(5), np.broadcast_to(CURRENT, (round(250.0 / dt), 5)), dt)
    for k, times in enumerate(reference):
        found = (np.flatnonzero(spikes[:, k]) + 1) * dt
        assert len(times) - (dt > 0.02) <= len(found) <= len(times)
        late = found - times[: len(found)]
        measured(np.max(np.abs(late) / (dt * np.arange(1, len(found) + 1)), initial=0.0))


@pytest.mark.claim(
    "adex-heun",
    "AdEx under noise has the potential of Heun's method written out",
    tolerance=1e-8,
    unit="mV",
    reference="Brette, R. & Gerstner, W. (2005), doi:10.1152/jn.00686.2005; Heun's method in NumPy",
    components=("neuron:AdExIF",),
)
@pytest.mark.parametrize("per_unit", [False, True])
def test_states_equal_heuns_method_in_numpy(x64, per_unit, measured):
    rng = np.random.default_rng(0)
    params = {
        "C": 0.2,
        "gL": 0.02,
        "EL": -68.0,
        "V_T": -52.0,
        "Delta_T": 3.0,
        "tau_w": 40.0,
        "a": 0.01,
        "b": 0.05,
        "V_reset": -60.0,
        "V_th": -22.0,
    }
    if per_unit:
        params = {name: value * rng.uniform(0.95, 1.05, 8) for name, value in params.items()}
    xs = rng.normal(0.7, 0.5, (600, 8))
    spikes, V, w = run(AdExIF(8, **params), xs, 0.25)
    expected_spikes, expected_V, expected_w = numpy_heun(xs, 0.25, params)
    assert 20 < expected_spikes.sum() < 1000
    np.testing.assert_array_equal(spikes, expected_spikes)
    measured.difference(V, expected_V)
    np.testing.assert_allclose(w, expected_w, atol=1e-10, rtol=0)


def test_rheobase_without_adaptation_is_the_closed_form(x64):
    # The two equilibria meet at V_T, where the current is gL (V_T - EL - Delta_T).
    rheobase = PAPER["gL"] * (PAPER["V_T"] - PAPER["EL"] - PAPER["Delta_T"])
    current = rheobase * np.array([0.99, 0.999, 1.001, 1.01])
    spikes, V, _ = run(AdExIF(4, a=0.0), np.broadcast_to(current, (20_000, 4)), 0.1)
    np.testing.assert_array_equal(spikes.sum(0) > 0, [False, False, True, True])
    assert np.all(V[:, :2] < PAPER["V_T"])


@pytest.mark.claim(
    "adex-adaptation",
    "Below threshold, AdEx's adaptation acts as a conductance",
    tolerance=1e-9,
    unit="mV",
    reference="Brette, R. & Gerstner, W. (2005), doi:10.1152/jn.00686.2005; closed form",
    components=("neuron:AdExIF",),
)
def test_below_threshold_adaptation_pulls_the_potential_back_by_its_conductance(x64, measured):
    # far below V_T the equilibrium is EL + I / (gL + a), with w = a (V - EL)
    _, V, w = run(AdExIF(1, a=0.03, V_T=0.0, tau_w=20.0), np.full((20_000, 1), 0.3), 0.1)
    measured.difference(V[-1], -70.6 + 0.3 / 0.06)
    np.testing.assert_allclose(w[-1], 0.03 * 5.0, atol=1e-9)


@pytest.mark.claim(
    "adex-conductance",
    "A conductance drives AdEx towards its reversal potential",
    tolerance=1e-9,
    unit="mV",
    reference="Brette, R. & Gerstner, W. (2005), doi:10.1152/jn.00686.2005; closed form",
    components=("neuron:AdExIF",),
)
def test_conductance_drive_enters_as_a_current_towards_its_reversal(x64, measured):
    g, E = 0.05, -80.0
    drive = dp.Drive(current=np.full((20_000, 1), g * E), conductance=np.full((20_000, 1), g))
    _, V, _ = run(AdExIF(1, a=0.0, V_T=0.0), drive, 0.1)
    measured.difference(V[-1], (0.03 * -70.6 + g * E) / (0.03 + g))


def test_overshoot_of_a_coarse_step_ends_in_the_reset_and_gradients_stay_finite():
    def end(xs):
        _, (s, (V, w)) = dp.LoopOverTime(AdExIF(1, V_reset=-65.0), out_vars=("V", "w"), dt=1.0, jit=False)(xs)
        return V.sum() + s.sum(), (s, V, w)

    (_, (s, V, w)), gradient = jax.jit(jax.value_and_grad(end, has_aux=True))(jnp.full((200, 1), 5.0))
    assert s.sum() > 20
    np.testing.assert_array_equal(V[s == 1.0], -65.0)
    assert V.max() < -30.0
    assert np.all(np.isfinite(w))
    assert np.all(np.isfinite(gradient))
    assert np.any(gradient != 0)


def test_integrator_and_surrogate_are_those_given_and_the_reset_falls_from_the_peak(x64):
    # One Euler step from EL, where only the foot of the exponential moves it; one unit ends below V_th, one above.
    jump, sigma, V_th, V_reset, b = np.array([[32.0, 39.0]]), 5.0, -36.0, -58.0, 0.07
    neuron = AdExIF(2, V_th=V_th, V_reset=V_reset, b=b, surrogate=Gaussian(sigma), integrator=diffrax.Euler())

    def end(jump):
        drive = dp.Drive(current=jnp.full((1, 2), 0.2), jump=jump)
        _, (s, (V, w)) = dp.LoopOverTime(neuron, out_vars=("V", "w"), dt=0.5, jit=False)(drive)
        return jnp.concatenate([s, V, w]).sum(1), jnp.concatenate([s, V, w])

    slope, (s, V, w) = jax.jit(jax.jacrev(end, has_aux=True))(jnp.asarray(jump))
    before = -70.6 + 0.5 * (0.06 * np.exp(-10.1) + 0.2) / 0.281 + jump[0]
    np.testing.assert_array_equal(s, [0.0, 1.0])
    np.testing.assert_allclose(V, [before[0], V_reset], rtol=1e-14)
    np.testing.assert_allclose(w, [0.0, b], atol=1e-15)
    density = np.exp(-(((before - V_th) / sigma) ** 2) / 2.0) / (sigma * np.sqrt(2.0 * np.pi))
    expected = [density, [1.0 + density[0] * (V_reset - before[0]), density[1] * (V_reset - V_th)], density * b]
    np.testing.assert_allclose(slope[:, 0], expected, rtol=1e-12)


@pytest.mark.parametrize("name", ["C", "gL", "Delta_T", "tau_w"])
def test_parameters_that_must_be_positive_are_refused_at_zero(name):
    with pytest.raises(errors.ParameterError, match=rf"{name}="):
        AdExIF(1, **{name: 0.0})
