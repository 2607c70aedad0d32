import diffrax
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.optimize import brentq

import dynplug as dp
from dynplug import errors
from dynplug.neurons import ALIF
from dynplug.surrogates import Arctan

PARAMS = {"tau": 7.0, "tau_a": 30.0, "beta": 0.15, "R": 2.5, "V_rest": -0.2, "V_reset": -0.5, "V_th": 0.8}


def run(neuron, xs, dt):
    _, (spikes, (V, a)) = dp.LoopOverTime(neuron, out_vars=("V", "a"), dt=dt)(xs)
    return np.asarray(spikes), np.asarray(V), np.asarray(a)


def numpy_alif(xs, dt, *, tau, tau_a, beta, R, V_rest, V_reset, V_th, reset):
    V, a = np.full(xs.shape[1], V_rest), np.zeros(xs.shape[1])
    record = []
    for x in xs:
        V = V_rest + R * x + (V - V_rest - R * x) * np.exp(-dt / tau)
        a = a * np.exp(-dt / tau_a)
        s = V_th + beta * a <= V
        V = np.where(s, V_reset if reset == "value" else V - (V_th - V_reset), V)
        a = a + s
        record.append((s, V, a))
    spikes, V, a = map(np.array, zip(*record, strict=True))
    return spikes.astype(float), V, a


@pytest.mark.claim(
    "alif-noise",
    "Under noise, ALIF's spikes, potential and adaptation are those of the exact map, with either reset",
    tolerance=1e-13,
    unit="mV",
    reference="Bellec, G. et al. (2020), doi:10.1038/s41467-020-17236-y; exact map in NumPy",
    components=("neuron:ALIF",),
)
@pytest.mark.parametrize("reset", ["value", "subtract"])
def test_spikes_potential_and_adaptation_under_noise_equal_the_exact_map_in_numpy(x64, reset, measured):
    xs = np.random.default_rng(1).normal(1.0, 1.5, (300, 20))
    spikes, V, a = run(ALIF(20, reset=reset, **PARAMS), xs, 1.5)
    expected_spikes, expected_V, expected_a = numpy_alif(xs, 1.5, reset=reset, **PARAMS)
    assert 300 < expected_spikes.sum() < 3000
    np.testing.assert_array_equal(spikes, expected_spikes)
    measured.difference(V, expected_V)
    measured.difference(a, expected_a)


def test_every_parameter_may_have_one_value_a_unit(x64):
    rng = np.random.default_rng(2)
    params = {name: value + rng.uniform(0.0, 0.1, 4) for name, value in PARAMS.items()}
    xs = rng.normal(1.0, 1.5, (100, 4))
    spikes, V, _ = run(ALIF(4, **params), xs, 1.5)
    expected_spikes, expected_V, _ = numpy_alif(xs, 1.5, reset="value", **params)
    assert expected_spikes.sum() > 30
    np.testing.assert_array_equal(spikes, expected_spikes)
    np.testing.assert_allclose(V, expected_V, atol=1e-13, rtol=0)


@pytest.mark.claim(
    "alif-adaptation",
    "ALIF's adaptation is a sum of decaying exponentials, one a spike",
    tolerance=1e-14,
    reference="Bellec, G. et al. (2020), doi:10.1038/s41467-020-17236-y; closed form",
    components=("neuron:ALIF",),
)
def test_adaptation_is_a_sum_of_decaying_exponentials_one_a_spike(x64, measured):
    dt, tau_a, fired = 2.0, 50.0, np.array([0, 3, 4, 20])
    jump = np.zeros((60, 1))
    jump[fired] = 100.0
    spikes, _, a = run(ALIF(1, tau_a=tau_a), dp.Drive(jump=jump), dt)
    np.testing.assert_array_equal(np.flatnonzero(spikes), fired)
    since = (np.arange(60)[:, None] - fired) * dt
    measured.difference(a[:, 0], np.where(since >= 0, np.exp(-since / tau_a), 0.0).sum(1))


@pytest.mark.parametrize("k", [0, 1, 5])
def test_threshold_after_k_spikes_is_raised_by_beta_times_their_trace(x64, k):
    # k forced spikes leave the potential at 0; then, after a pause, one unit is put just above threshold, one below
    dt, tau_a, beta, pause = 1.0, 40.0, 0.3, 7
    a = sum(np.exp(-(pause + i) * dt / tau_a) for i in range(1, k + 1))
    jump = np.zeros((k + pause + 1, 2))
    jump[:k] = 100.0
    jump[-1] = 1.0 + beta * a + np.array([1e-9, -1e-9])
    spikes, _, _ = run(ALIF(2, tau_a=tau_a, beta=beta), dp.Drive(jump=jump), dt)
    np.testing.assert_array_equal(spikes.sum(0), [k + 1, k])


@pytest.mark.claim(
    "alif-steady-interval",
    "ALIF slows down to the interval at which adaptation gained and lost balance, within two steps of 0.02 ms",
    tolerance=0.04,
    unit="ms",
    reference="Bellec, G. et al. (2020), doi:10.1038/s41467-020-17236-y; closed form",
    components=("neuron:ALIF",),
)
def test_rate_slows_down_to_the_steady_state_of_the_closed_form(x64, measured):
    dt, tau, tau_a, beta, drive = 0.02, 20.0, 100.0, 0.3, 3.0
    spikes, _, _ = run(ALIF(1, tau=tau, tau_a=tau_a, beta=beta), np.full((50_000, 1), drive), dt)
    interval = np.diff(np.flatnonzero(spikes[:, 0])) * dt

    def above_threshold(T):
        trace = np.exp(-T / tau_a) / -np.expm1(-T / tau_a)
        return drive * -np.expm1(-T / tau) - 1.0 - beta * trace

    first, steady = tau * np.log(drive / (drive - 1.0)), brentq(above_threshold, 1.0, 100.0)
    assert np.all(np.diff(interval) >= -dt * 1.001)
    assert first < interval[0] < 0.7 * steady
    measured.difference(interval[-5:], steady)


def test_detached_reset_keeps_the_gradient_through_the_adaptation():
    def end(jump, detach):
        neuron = ALIF(1, detach_reset=detach, V_reset=-0.25, surrogate=Arctan(alpha=1.0))
        _, (_, (V, a)) = dp.LoopOverTime(neuron, out_vars=("V", "a"), dt=1.0, jit=False)(dp.Drive(jump=jump))
        return jnp.stack([V.sum(), a.sum()])

    slope = 0.5 / (1.0 + (np.pi / 2.0 * 0.5) ** 2)
    kept, detached = (
        jax.jit(jax.jacrev(end), static_argnums=1)(jnp.full((1, 1), 1.5), detach).ravel() for detach in (False, True)
    )
    np.testing.assert_allclose(kept, [slope * (-0.25 - 1.5), slope], rtol=1e-6)
    np.testing.assert_allclose(detached, [0.0, slope], rtol=1e-6)


def test_integrator_is_the_one_that_was_given():
    jump = np.zeros((4, 1), np.float32)
    jump[0] = 9.0
    _, _, a = run(ALIF(1, tau_a=2.0, integrator=diffrax.Euler()), dp.Drive(jump=jump), 1.0)
    np.testing.assert_array_equal(a[:, 0], 0.5 ** np.arange(4))


def test_unknown_reset_and_impossible_time_constants_are_refused():
    with pytest.raises(errors.ParameterError, match="Did you mean 'subtract'"):
        ALIF(1, reset="subtracted")
    for name in ("tau", "tau_a"):
        with pytest.raises(errors.ParameterError, match=rf"{name}="):
            ALIF(1, **{name: 0.0})
