"""The neuron against the closed form of a damped oscillation, and what makes it resonate."""

import diffrax
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from dynplug_resonate import ResonateAndFire

import dynplug as dp

STEPS_A_PERIOD = 200


def pulses(length, *steps, size=1.0):
    return jnp.zeros((length, 1)).at[jnp.array(steps)].set(size)


def run(neuron, inputs, dt):
    """Potential, current-like variable and spikes at the end of every step, for pulses of current."""
    _, (spikes, state) = dp.LoopOverTime(dp.synapses.Delta(1) >> neuron, {"V": "1.V", "u": "1.u"}, dt=dt)(inputs)
    return np.asarray(state["V"])[:, 0], np.asarray(state["u"])[:, 0], np.asarray(spikes)[:, 0]


@pytest.mark.claim(
    "resonate-oscillation",
    "A pulse sets off the damped oscillation of the closed form, in single precision",
    tolerance=2e-6,
    unit="mV",
    reference="Izhikevich, E. M. (2001), doi:10.1016/S0893-6080(01)00078-8; closed form",
    components=("neuron:ResonateAndFire",),
)
def test_a_pulse_sets_off_the_damped_oscillation_of_the_closed_form(measured):
    b, omega, dt, size = -0.05, 0.4, 0.25, 0.7
    V, u, spikes = run(ResonateAndFire(1, b=b, omega=omega), pulses(200, 0, size=size), dt)
    z = size * np.exp((b + 1j * omega) * dt * np.arange(200))  # the pulse comes at the end of step 0
    measured.difference(V, z.imag)
    measured.difference(u, z.real)
    assert not spikes.any()


@pytest.mark.claim(
    "resonate-fixed-point",
    "A constant current leads the resonate-and-fire neuron to its fixed point (relative)",
    tolerance=1e-5,
    reference="Izhikevich, E. M. (2001), doi:10.1016/S0893-6080(01)00078-8; closed form",
    components=("neuron:ResonateAndFire",),
)
def test_a_constant_current_leads_to_the_fixed_point(measured):
    b, omega, current = -0.2, 0.3, 0.25
    neuron = ResonateAndFire(1, b=b, omega=omega)
    _, (_, state) = dp.LoopOverTime(neuron, {"V": "V", "u": "u"}, dt=0.5)(jnp.full((400, 1), current))
    fixed = -current / complex(b, omega)
    measured.relative(state["V"][-1], fixed.imag)
    measured.relative(state["u"][-1], fixed.real)


@pytest.mark.claim(
    "resonate-conductance",
    "Under a conductance the resonate-and-fire neuron is the matrix exponential (relative)",
    tolerance=1e-4,
    reference="NumPy's eigenvectors",
    components=("neuron:ResonateAndFire",),
)
def test_a_conductance_adds_to_the_damping_of_the_voltage_it_sees(measured):
    """With I(V) = -g V the matrix of the linear system is known; its exponential is the solution."""
    b, omega, g, dt = -0.05, 0.4, 0.3, 0.25
    neuron = ResonateAndFire(1, b=b, omega=omega)
    state = neuron.init_state(dp.Context(dt=dt))
    state, _ = neuron.update(state, dp.Drive(jump=0.5), dp.Context(dt=dt))
    for _ in range(20):
        state, _ = neuron.update(state, dp.Drive(conductance=g), dp.Context(dt=dt))
    values, vectors = np.linalg.eig(np.array([[b, -omega - g], [omega, b]]))  # of (u, V)
    exact = vectors @ (np.exp(20 * dt * values) * np.linalg.solve(vectors, np.array([0.5, 0.0])))
    measured.relative([state.u[0], state.V[0]], exact.real)


@pytest.mark.claim(
    "resonate-reset",
    "After a spike the resonate-and-fire neuron rings from the threshold, in single precision",
    tolerance=1e-5,
    unit="mV",
    reference="Izhikevich, E. M. (2001), doi:10.1016/S0893-6080(01)00078-8; closed form",
    components=("neuron:ResonateAndFire",),
)
def test_a_spike_resets_to_the_threshold_on_the_imaginary_axis(measured):
    b, omega, dt, V_th = -0.1, 0.5, 0.1, 2.0
    V, u, spikes = run(ResonateAndFire(1, b=b, omega=omega, V_th=V_th), pulses(200, 0, size=4.0), dt)
    (fired,) = np.nonzero(spikes)
    free = 4.0 * np.exp((b + 1j * omega) * dt * np.arange(200))
    assert fired.tolist() == [np.argmax(free.imag >= V_th)]
    assert V[fired[0]] == V_th
    assert u[fired[0]] == 0.0
    after = 1j * V_th * np.exp((b + 1j * omega) * dt * np.arange(200 - fired[0]))
    measured.difference(V[fired[0] :], after.imag)
    measured.difference(u[fired[0] :], after.real)


@pytest.mark.parametrize(("periods", "fires"), [(0.5, False), (1.0, True), (1.5, False)])
def test_two_pulses_fire_only_when_a_whole_period_apart(periods, fires):
    """One pulse of 1.2 peaks at 0.89; a second, a period later, at 1.2 * 0.745 * (1 + exp(-0.2 pi)) = 1.15."""
    neuron = ResonateAndFire(1)
    dt = 2 * np.pi / neuron.omega / STEPS_A_PERIOD
    one, _, spikes = run(neuron, pulses(3 * STEPS_A_PERIOD, 0, size=1.2), dt)
    assert not spikes.any()
    assert one.max() == pytest.approx(0.894, abs=1e-3)
    _, _, spikes = run(neuron, pulses(3 * STEPS_A_PERIOD, 0, int(periods * STEPS_A_PERIOD), size=1.2), dt)
    assert spikes.any() == fires


def test_a_third_pulse_fires_what_two_a_period_and_a_half_apart_did_not():
    neuron = ResonateAndFire(1, b=-0.01, omega=1.0)
    dt, size = 2 * np.pi / STEPS_A_PERIOD, 0.4
    in_phase = [0, STEPS_A_PERIOD, 2 * STEPS_A_PERIOD]
    out_of_phase = [0, STEPS_A_PERIOD // 2, STEPS_A_PERIOD]
    assert run(neuron, pulses(800, *in_phase, size=size), dt)[2].sum() > 0
    assert run(neuron, pulses(800, *out_of_phase, size=size), dt)[2].sum() == 0


def damping(integrator):
    """The factor by which a step of 1 ms damps an oscillation with 1 rad/ms; exactly, exp(-0.1) = 0.905."""
    V, u, _ = run(ResonateAndFire(1, omega=1.0, V_th=1e9, integrator=integrator), pulses(21, 0), 1.0)
    return float(abs(complex(u[-1], V[-1])) ** (1 / 20))


@pytest.mark.claim(
    "resonate-damping",
    "The default integrator keeps the damping at steps of a radian (relative)",
    tolerance=1e-3,
    reference="Izhikevich, E. M. (2001), doi:10.1016/S0893-6080(01)00078-8; closed form",
    components=("neuron:ResonateAndFire",),
)
def test_the_default_integrator_keeps_the_damping_of_coarse_steps(measured):
    default = ResonateAndFire(1).integrator
    measured.relative(damping(default), np.exp(-0.1))
    assert damping(diffrax.Heun()) > 0.98
    assert damping(dp.integrators.ExponentialEuler()) > 1.2


def test_heun_is_as_good_up_to_a_tenth_of_a_radian_a_step():
    V, u, _ = run(ResonateAndFire(1, b=0.0, omega=0.1, integrator=diffrax.Heun()), pulses(2, 0, size=0.5), 1.0)
    assert complex(u[1], V[1]) == pytest.approx(0.5 * np.exp(0.1j), rel=1e-3)


@pytest.mark.claim(
    "resonate-gradient",
    "The potential's derivative by the frequency is that of the closed form (relative)",
    tolerance=1e-3,
    reference="Izhikevich, E. M. (2001), doi:10.1016/S0893-6080(01)00078-8; closed form",
    components=("neuron:ResonateAndFire",),
)
def test_parameters_may_differ_between_units_and_be_trained(measured):
    """The threshold is out of reach, also of the surrogate, so that the gradient is that of the closed form."""

    def potential(omega):
        neuron = ResonateAndFire(2, omega=omega, V_th=100.0)
        _, (_, V) = dp.LoopOverTime(neuron, "V", dt=0.5)(jnp.full((40, 2), 0.1))
        return V[-1].sum()

    def exact(b, omega):
        z = complex(b, omega)
        return (0.1 / z * (np.exp(z * 20.0) - 1.0)).imag

    omega = jnp.array([0.2, 0.6])
    np.testing.assert_allclose(potential(omega), exact(-0.1, 0.2) + exact(-0.1, 0.6), rtol=1e-4)
    slopes = jax.grad(potential)(omega)
    secants = [(exact(-0.1, w + 1e-4) - exact(-0.1, w - 1e-4)) / 2e-4 for w in (0.2, 0.6)]
    measured.relative(slopes, secants)


def test_a_frequency_must_be_positive():
    with pytest.raises(ValueError, match=r"ResonateAndFire\(omega=...\) must be greater than zero"):
        ResonateAndFire(1, omega=0.0)
