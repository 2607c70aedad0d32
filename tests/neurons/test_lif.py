import diffrax
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import dynplug as dp
from dynplug import errors
from dynplug.neurons import LIF
from dynplug.surrogates import SuperSpike

pytestmark = pytest.mark.quick

PARAMS = {"tau": 7.0, "R": 2.5, "V_rest": -0.2, "V_reset": -0.5, "V_th": 0.8}


def run(neuron, xs, dt):
    _, (spikes, V) = dp.LoopOverTime(neuron, out_vars="V", dt=dt)(xs)
    return np.asarray(spikes), np.asarray(V)


def numpy_lif(xs, dt, *, tau, R, V_rest, V_reset, V_th, reset):
    """The exact solution over each step of constant current, then threshold and reset."""
    V = np.full(xs.shape[1], V_rest)
    spikes, trace = [], []
    for x in xs:
        V = V_rest + R * x + (V - V_rest - R * x) * np.exp(-dt / tau)
        s = V_th <= V
        V = np.where(s, V_reset if reset == "value" else V - (V_th - V_reset), V)
        spikes.append(s)
        trace.append(V)
    return np.array(spikes, float), np.array(trace)


def scan_lif(neuron, xs, dt, *, reset, detach):
    """The same equations as a hand-written scan, the spike a step minus a sigmoid that only its gradient keeps."""

    def step(V, x):
        decay = jnp.exp(-dt / neuron["tau"])
        V = decay * V + (1.0 - decay) * (neuron["V_rest"] + neuron["R"] * x)
        soft = jax.nn.sigmoid(4.0 * (V - neuron["V_th"]))
        s = soft + jax.lax.stop_gradient(jnp.where(neuron["V_th"] <= V, 1.0, 0.0) - soft)
        r = jax.lax.stop_gradient(s) if detach else s
        after = (1.0 - r) * V + r * neuron["V_reset"]
        V = after if reset == "value" else V - r * (neuron["V_th"] - neuron["V_reset"])
        return V, (s, V)

    return jax.lax.scan(step, jnp.full(xs.shape[1:], neuron["V_rest"]), xs)[1]


@pytest.mark.claim(
    "lif-subthreshold-single",
    "Below threshold, LIF's potential is the closed form at any step, in single precision",
    tolerance=3e-6,
    unit="mV",
    reference="Gerstner, W. et al. (2014), Neuronal Dynamics, section 1.3, doi:10.1017/CBO9781107447615; closed form",
    components=("neuron:LIF",),
)
@pytest.mark.parametrize("dt", [0.1, 5.0])
def test_subthreshold_potential_is_the_closed_form_in_single_precision(dt, measured):
    R, current = 3.0, np.array([-0.5, 0.1, 0.3], np.float32)
    neuron = LIF(3, tau=10.0, R=R, V_rest=-0.25)
    _, V = run(neuron, np.broadcast_to(current, (400, 3)), dt)
    t = np.arange(1, 401)[:, None] * dt
    assert V.dtype == np.float32
    measured.difference(V, -0.25 + R * current.astype(float) * -np.expm1(-t / 10.0))


@pytest.mark.claim(
    "lif-subthreshold",
    "Below threshold, LIF's potential is the closed form at any step, in double precision",
    tolerance=1e-14,
    unit="mV",
    reference="Gerstner, W. et al. (2014), Neuronal Dynamics, section 1.3, doi:10.1017/CBO9781107447615; closed form",
    components=("neuron:LIF",),
)
@pytest.mark.parametrize("dt", [0.1, 5.0])
def test_subthreshold_potential_is_the_closed_form_in_double_precision(x64, dt, measured):
    R, current = 3.0, np.array([-0.5, 0.1, 0.3])
    neuron = LIF(3, tau=10.0, R=R, V_rest=-0.25)
    _, V = run(neuron, np.broadcast_to(current, (400, 3)), dt)
    t = np.arange(1, 401)[:, None] * dt
    assert V.dtype == np.float64
    measured.difference(V, -0.25 + R * current * -np.expm1(-t / 10.0))


@pytest.mark.claim(
    "lif-intervals",
    "LIF's interspike intervals are the closed form, rounded up to a step, from just above rheobase to a "
    "spike each few steps",
    tolerance=0.0,
    unit="spikes",
    reference="Gerstner, W. et al. (2014), Neuronal Dynamics, section 1.3, doi:10.1017/CBO9781107447615; closed form",
    components=("neuron:LIF",),
)
def test_interspike_interval_is_the_closed_form_rounded_up_to_a_step(measured):
    dt, tau, R = 0.1, 10.0, 2.0
    current = np.array([0.503, 0.55, 0.7, 1.0, 3.0, 20.0], np.float32)
    spikes, _ = run(LIF(6, tau=tau, R=R), np.broadcast_to(current, (1500, 6)), dt)
    drive = R * current.astype(float)
    interval = np.ceil(tau * np.log(drive / (drive - 1.0)) / dt).astype(int)
    steps = np.arange(1, 1501)[:, None]
    measured.difference(spikes, steps % interval == 0)


def test_first_spike_starts_from_rest_and_the_next_from_reset(x64):
    dt, tau, V_rest, V_reset, V_th, RI = 0.05, 8.0, -1.0, -3.0, 0.5, 2.0
    neuron = LIF(1, tau=tau, R=4.0, V_rest=V_rest, V_reset=V_reset, V_th=V_th)
    spikes, _ = run(neuron, np.full((2000, 1), RI / 4.0), dt)

    def steps_from(V):
        return int(np.ceil(tau * np.log((V_rest + RI - V) / (V_rest + RI - V_th)) / dt))

    first, interval = steps_from(V_rest), steps_from(V_reset)
    expected = np.arange(first, 2001, interval)
    np.testing.assert_array_equal(np.flatnonzero(spikes) + 1, expected)


@pytest.mark.claim(
    "lif-noise",
    "Under noise, LIF's potential and spikes are those of the exact map, with either reset",
    tolerance=1e-13,
    unit="mV",
    reference="Gerstner, W. et al. (2014), Neuronal Dynamics, section 1.3, doi:10.1017/CBO9781107447615; exact map in "
    "NumPy",
    components=("neuron:LIF",),
)
@pytest.mark.parametrize("reset", ["value", "subtract"])
def test_potential_and_spikes_under_noise_equal_the_exact_map_in_numpy(x64, reset, measured):
    xs = np.random.default_rng(1).normal(0.5, 1.5, (300, 20))
    spikes, V = run(LIF(20, reset=reset, **PARAMS), xs, 1.5)
    expected_spikes, expected_V = numpy_lif(xs, 1.5, reset=reset, **PARAMS)
    assert 100 < expected_spikes.sum() < 3000
    np.testing.assert_array_equal(spikes, expected_spikes)
    measured.difference(V, expected_V)


def test_every_parameter_may_have_one_value_a_unit(x64):
    rng = np.random.default_rng(2)
    params = {name: value + rng.uniform(0.0, 0.1, 4) for name, value in PARAMS.items()}
    xs = rng.normal(0.5, 1.5, (100, 4))
    spikes, V = run(LIF(4, **params), xs, 1.5)
    expected_spikes, expected_V = numpy_lif(xs, 1.5, reset="value", **params)
    assert expected_spikes.sum() > 30
    np.testing.assert_array_equal(spikes, expected_spikes)
    np.testing.assert_allclose(V, expected_V, atol=1e-13, rtol=0)


def test_value_reset_puts_the_potential_exactly_at_v_reset():
    spikes, V = run(LIF(1, V_reset=-0.3), np.full((50, 1), 5.0, np.float32), 1.0)
    assert spikes.sum() > 10
    assert np.all(V[spikes == 1.0] == np.float32(-0.3))


def test_potential_exactly_at_threshold_is_a_spike():
    spikes, V = run(LIF(2), dp.Drive(jump=np.array([[1.0, 1.0 - 1e-6]], np.float32)), 1.0)
    np.testing.assert_array_equal(spikes, [[1.0, 0.0]])
    np.testing.assert_array_equal(V, np.array([[0.0, 1.0 - 1e-6]], np.float32))


def test_unknown_reset_names_the_nearest_one():
    with pytest.raises(errors.ParameterError, match="Did you mean 'subtract'"):
        LIF(1, reset="substract")


@pytest.mark.claim(
    "lif-gradients",
    "Gradients of LIF's parameters through spikes and resets are those of a hand-written scan (relative)",
    tolerance=1e-10,
    reference="a loop of jax.lax.scan and the same surrogate, differentiated by JAX",
    components=("neuron:LIF",),
)
@pytest.mark.parametrize(("reset", "detach"), [("value", False), ("value", True), ("subtract", False)])
def test_gradients_equal_those_of_a_hand_written_scan(x64, reset, detach, measured):
    rng = np.random.default_rng(3)
    xs, weights = jnp.asarray(rng.normal(1.0, 1.0, (40, 5))), jnp.asarray(rng.normal(size=(2, 40, 5)))

    def ours(params, xs):
        neuron = LIF(5, reset=reset, detach_reset=detach, **params)
        _, (spikes, V) = dp.LoopOverTime(neuron, out_vars="V", dt=1.5, jit=False)(xs)
        return jnp.sum(weights[0] * spikes + weights[1] * V)

    def theirs(params, xs):
        spikes, V = scan_lif(params, xs, 1.5, reset=reset, detach=detach)
        return jnp.sum(weights[0] * spikes + weights[1] * V)

    params = {name: jnp.asarray(value) for name, value in PARAMS.items()}
    value, found = jax.jit(jax.value_and_grad(ours, (0, 1)))(params, xs)
    expected_value, expected = jax.jit(jax.value_and_grad(theirs, (0, 1)))(params, xs)
    np.testing.assert_allclose(value, expected_value, rtol=1e-12)
    np.testing.assert_allclose(found[1], expected[1], atol=1e-12)
    for name in PARAMS:
        measured.relative(found[0][name], expected[0][name])


def test_surrogate_is_the_one_that_was_given():
    loop = dp.LoopOverTime(LIF(1, surrogate=SuperSpike(beta=2.0)), dt=1.0, jit=False)
    slope = jax.jit(jax.grad(lambda x: loop(dp.Drive(jump=x))[1].sum()))(jnp.full((1, 1), 1.25))
    np.testing.assert_allclose(slope, 1.0 / (1.0 + 2.0 * 0.25) ** 2, rtol=1e-6)


def test_integrator_is_the_one_that_was_given():
    _, V = run(LIF(1, tau=4.0, integrator=diffrax.Euler()), np.full((3, 1), 0.5, np.float32), 1.0)
    np.testing.assert_allclose(V[:, 0], 0.5 * (1.0 - 0.75 ** np.arange(1, 4)), rtol=1e-6)


@pytest.mark.claim(
    "lif-conductance",
    "A constant conductance makes LIF relax as its closed form does, however long the step (relative)",
    tolerance=1e-13,
    reference="Gerstner, W. et al. (2014), Neuronal Dynamics, section 1.3, doi:10.1017/CBO9781107447615; closed form",
    components=("neuron:LIF",),
)
@pytest.mark.parametrize("dt", [0.1, 50.0])
def test_conductance_drive_relaxes_to_its_closed_form(x64, dt, measured):
    V_rest, R, tau, E = -70.0, 10.0, 20.0, np.array([-80.0, -60.0, 0.0])
    g = np.array([0.05, 0.4, 0.01])
    neuron = LIF(3, tau=tau, R=R, V_rest=V_rest, V_th=-10.0)
    drive = dp.Drive(current=np.broadcast_to(g * E, (100, 3)), conductance=np.broadcast_to(g, (100, 3)))
    _, V = run(neuron, drive, dt)
    steady = (V_rest + R * g * E) / (1.0 + R * g)
    t = np.arange(1, 101)[:, None] * dt
    expected = steady + (V_rest - steady) * np.exp(-t * (1.0 + R * g) / tau)
    measured.relative(V, expected)


@pytest.mark.parametrize("dt", [0.01, 1.0, 100.0])
def test_jump_moves_the_potential_by_exactly_its_size(dt):
    jump = np.array([[0.5, -2.0, 0.125]], np.float32)
    _, V = run(LIF(3), dp.Drive(jump=jump), dt)
    np.testing.assert_array_equal(V, jump)


def test_jump_comes_after_integration(x64):
    xs = dp.Drive(current=np.full((2, 1), 0.5), jump=np.array([[0.25], [0.125]]))
    _, V = run(LIF(1, tau=10.0), xs, 3.0)
    decay = np.exp(-0.3)
    first = 0.5 * (1 - decay) + 0.25
    np.testing.assert_allclose(V[:, 0], [first, first * decay + 0.5 * (1 - decay) + 0.125], rtol=1e-14)


def test_spikes_kept_as_booleans_are_unit_currents():
    xs = np.random.default_rng(4).random((20, 3)) < 0.5
    params = PARAMS | {"R": 4.0}
    spikes, V = run(LIF(3, **params), xs, 1.0)
    expected_spikes, expected_V = numpy_lif(xs, 1.0, reset="value", **params)
    assert 0 < expected_spikes.sum() < 60
    np.testing.assert_array_equal(spikes, expected_spikes)
    np.testing.assert_allclose(V, expected_V, atol=1e-6)


def test_units_on_a_grid_are_the_same_as_units_in_a_row():
    xs = np.random.default_rng(5).normal(2.0, 1.0, (50, 2, 3)).astype(np.float32)
    grid, row = run(LIF((2, 3)), xs, 1.0), run(LIF(6), xs.reshape(50, 6), 1.0)
    assert row[0].sum() > 10
    np.testing.assert_array_equal(grid[1].reshape(50, 6), row[1])


@pytest.mark.parametrize("bad", [{"tau": 0.0}, {"tau": -1.0}, {"tau": [1.0, 2.0]}, {"V_th": np.nan}])
def test_impossible_parameters_are_refused(bad):
    with pytest.raises(errors.ParameterError, match=next(iter(bad))):
        LIF(3, **bad)
