import diffrax
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import solve_ivp

import dynplug as dp
from dynplug import errors
from dynplug.neurons import Izhikevich
from dynplug.surrogates import Gaussian

CELLS = {  # figure 2 of Izhikevich (2003)
    "regular spiking": (0.02, 0.2, -65.0, 8.0),
    "intrinsically bursting": (0.02, 0.2, -55.0, 4.0),
    "chattering": (0.02, 0.2, -50.0, 2.0),
    "fast spiking": (0.1, 0.2, -65.0, 2.0),
    "low-threshold spiking": (0.02, 0.25, -65.0, 2.0),
    "resonator": (0.1, 0.26, -65.0, 2.0),
}


def run(neuron, xs, dt):
    _, (spikes, (V, u)) = dp.LoopOverTime(neuron, out_vars=("V", "u"), dt=dt)(xs)
    return np.asarray(spikes), np.asarray(V), np.asarray(u)


def spike_times(a, b, c, d, current, T):
    """Times at which scipy's solver, restarted at each event, finds the potential at its peak of 30 mV."""

    def peak(t, y):
        return y[0] - 30.0

    def field(t, y):
        return [0.04 * y[0] ** 2 + 5.0 * y[0] + 140.0 - y[1] + current, a * (b * y[0] - y[1])]

    peak.terminal = True
    t, y, times = 0.0, [-65.0, b * -65.0], []
    while True:
        sol = solve_ivp(field, (t, T), y, method="DOP853", rtol=1e-9, atol=1e-9, events=peak)
        if sol.status != 1:
            return np.array(times)
        t, y = sol.t[-1], [c, sol.y[1, -1] + d]
        times.append(t)


@pytest.fixture(scope="module")
def reference():
    return [spike_times(*cell, 10.0, 300.0) for cell in CELLS.values()]


def numpy_heun(xs, dt, *, a, b, c, d, V_th, V_init):
    def field(V, u, x):
        return 0.04 * V**2 + 5.0 * V + 140.0 - u + x, a * (b * V - u)

    V = np.broadcast_to(V_init, xs.shape[1:])
    u, record = b * V, []
    for x in xs:
        V1, u1 = field(V, u, x)
        V2, u2 = field(V + dt * V1, u + dt * u1, x)
        V, u = V + dt / 2.0 * (V1 + V2), u + dt / 2.0 * (u1 + u2)
        s = V_th <= V
        V, u = np.where(s, c, V), np.where(s, u + d, u)
        record.append((s, V, u))
    spikes, V, u = map(np.array, zip(*record, strict=True))
    return spikes.astype(float), V, u


@pytest.mark.claim(
    "izhikevich-spike-times",
    "Six published cells of Izhikevich's spike when an event-driven solver says; as a spike is seen at the "
    "end of its step, the k-th may be late by 2 k steps",
    tolerance=2.0,
    unit="steps a spike",
    reference="Izhikevich, E. M. (2003), doi:10.1109/TNN.2003.820440; SciPy's DOP853 with events",
    components=("neuron:Izhikevich",),
)
@pytest.mark.parametrize("dt", [0.005, 0.02])
def test_spike_times_of_published_cells_are_those_of_an_event_driven_solver(x64, reference, dt, measured):
    # A spike is seen, and the potential reset, at the end of a step: each spike delays those after it by up to about
    # a step. So the k-th may be late by 2 k steps, no more.
    n = round(300.0 / dt)
    neuron = Izhikevich(6, *np.array(list(CELLS.values())).T)
    spikes, _, _ = run(neuron, np.full((n, 6), 10.0), dt)
    for k, times in enumerate(reference):
        found = (np.flatnonzero(spikes[:, k]) + 1) * dt
        assert len(times) - (dt > 0.01) <= len(found) <= len(times)
        late = found - times[: len(found)]
        measured(np.max(np.abs(late) / (dt * np.arange(1, len(found) + 1))))


@pytest.mark.claim(
    "izhikevich-heun",
    "Izhikevich's cell under noise has the states of Heun's method written out",
    tolerance=1e-8,
    unit="mV",
    reference="Izhikevich, E. M. (2003), doi:10.1109/TNN.2003.820440; Heun's method in NumPy",
    components=("neuron:Izhikevich",),
)
@pytest.mark.parametrize("per_unit", [False, True])
def test_states_equal_heuns_method_in_numpy(x64, per_unit, measured):
    rng = np.random.default_rng(0)
    params = {"a": 0.05, "b": 0.23, "c": -57.0, "d": 3.0, "V_th": 25.0, "V_init": -62.0}
    if per_unit:
        params = {name: value * rng.uniform(0.95, 1.05, 8) for name, value in params.items()}
    xs = rng.normal(8.0, 4.0, (400, 8))
    spikes, V, u = run(Izhikevich(8, **params), xs, 0.25)
    expected_spikes, expected_V, expected_u = numpy_heun(xs, 0.25, **params)
    assert 20 < expected_spikes.sum() < 1000
    np.testing.assert_array_equal(spikes, expected_spikes)
    measured.difference(V, expected_V)
    measured.difference(u, expected_u)


def test_published_firing_patterns():
    spikes, _, _ = run(Izhikevich(6, *np.array(list(CELLS.values())).T), np.full((10_000, 6), 10.0, np.float32), 0.05)
    regular, _, chattering, fast, *_ = (np.diff(np.flatnonzero(s)) * 0.05 for s in spikes.T)
    assert regular[0] < 0.6 * regular[-1], "regular-spiking cells adapt"
    assert len(fast) > 4 * len(regular), "fast-spiking cells fire trains of high frequency"
    assert np.ptp(fast[5:]) < 0.1 * fast[-1], "with practically no adaptation"
    assert chattering.min() < 5.0 < 20.0 < chattering.max(), "chattering cells fire bursts"
    assert np.ptp(regular[2:]) < 0.01 * regular[-1], "regular-spiking cells do not"


@pytest.mark.claim(
    "izhikevich-rest",
    "Izhikevich's default cell rests at -70 mV, a root of its nullclines",
    tolerance=1e-12,
    unit="mV",
    reference="Izhikevich, E. M. (2003), doi:10.1109/TNN.2003.820440; closed form",
    components=("neuron:Izhikevich",),
)
def test_without_input_the_default_cell_rests_at_minus_70_and_is_unstable_at_minus_50(x64, measured):
    # 0.04 V² + 5 V + 140 - 0.2 V = 0
    _, V, u = run(Izhikevich(4, V_init=np.array([-75.0, -70.0, -50.01, -49.99])), np.zeros((6000, 4)), 0.1)
    np.testing.assert_allclose(V[-1], -70.0, atol=1e-3)
    np.testing.assert_allclose(u[-1], -14.0, atol=1e-3)
    measured.difference(V[:, 1], -70.0)
    assert V[:, 3].max() > 20.0
    assert V[:, 2].max() < -50.0


def test_default_cell_fires_on_and_on_only_above_the_saddle_node_at_4(x64):
    # the resting potential is gone where 4.8² < 4 * 0.04 * (140 + I); below, there is one spike at the onset at most
    spikes, _, _ = run(Izhikevich(2, V_init=-70.0), np.broadcast_to(np.array([3.5, 4.2]), (10_000, 2)), 0.1)
    assert spikes[2000:, 0].sum() == 0
    assert spikes[2000:, 1].sum() >= 5


def test_gradients_stay_finite_where_coarse_steps_overshoot_the_peak():
    def end(xs):
        _, (s, V) = dp.LoopOverTime(Izhikevich(1), out_vars="V", dt=0.5, jit=False)(xs)
        return V.sum() + s.sum(), V

    (_, V), gradient = jax.jit(jax.value_and_grad(end, has_aux=True))(jnp.full((100, 1), 40.0))
    assert V.max() < 30.0
    assert np.sum(V == -65.0) >= 5
    assert np.all(np.isfinite(gradient))
    assert np.any(gradient != 0)


@pytest.mark.claim(
    "izhikevich-gradient",
    "The derivative of a spike and its reset by a kick is that of the chain rule (relative)",
    tolerance=1e-12,
    reference="closed form of one Euler step",
    components=("neuron:Izhikevich",),
)
def test_integrator_and_surrogate_are_those_given_and_the_reset_falls_from_the_peak(x64, measured):
    # One Euler step from rest, V = -65 + h (0.04 V² + 5 V + 140 - u) + jump; one unit ends below the peak, one above.
    jump, sigma, V_th, c, d = np.array([[80.0, 100.0]]), 20.0, 22.0, -50.0, 3.0
    neuron = Izhikevich(2, V_th=V_th, c=c, d=d, surrogate=Gaussian(sigma), integrator=diffrax.Euler())

    def end(jump):
        _, (s, (V, u)) = dp.LoopOverTime(neuron, out_vars=("V", "u"), dt=0.5, jit=False)(dp.Drive(jump=jump))
        return jnp.concatenate([s, V, u]).sum(1), jnp.concatenate([s, V, u])

    slope, (s, V, u) = jax.jit(jax.jacrev(end, has_aux=True))(jnp.asarray(jump))
    before = -65.0 + 0.5 * (0.04 * 65.0**2 - 325.0 + 140.0 + 13.0) + jump[0]
    np.testing.assert_array_equal(s, [0.0, 1.0])
    np.testing.assert_allclose(V, [before[0], c], rtol=1e-14)
    np.testing.assert_allclose(u, [-13.0, -13.0 + d], rtol=1e-14)
    density = np.exp(-(((before - V_th) / sigma) ** 2) / 2.0) / (sigma * np.sqrt(2.0 * np.pi))
    expected = [density, [1.0 + density[0] * (c - before[0]), density[1] * (c - V_th)], density * d]
    measured.relative(slope[:, 0], np.array(expected))


def test_impossible_recovery_rate_is_refused():
    with pytest.raises(errors.ParameterError, match="a="):
        Izhikevich(1, a=0.0)
