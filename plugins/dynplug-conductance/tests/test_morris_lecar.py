"""The two-variable model against SciPy, and the onsets of firing of its two standard parameter sets."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from dynplug_conductance import MorrisLecar
from scipy.integrate import solve_ivp
from scipy.optimize import brentq

import dynplug as dp

HOPF = {"gCa": 4.4, "V3": 2.0, "V4": 30.0, "phi": 0.04}
CIRCLE = {"gCa": 4.0, "V3": 12.0, "V4": 17.4, "phi": 0.0667}
DT = 0.25


def w_steady(V, V3, V4):
    return 0.5 * (1 + np.tanh((V - V3) / V4))


def morris_lecar(t, y, current, gCa, V3, V4, phi):
    V, w = y
    m = 0.5 * (1 + np.tanh((V + 1.2) / 18))
    return [
        (current - gCa * m * (V - 120) - 8 * w * (V + 84) - 2 * (V + 60)) / 20,
        phi * np.cosh((V - V3) / (2 * V4)) * (w_steady(V, V3, V4) - w),
    ]


def upward(t, y, *args):
    return y[0]


upward.direction = 1


def exact_spikes(current, duration, values):
    y = [-60.0, w_steady(-60.0, values["V3"], values["V4"])]
    given = (current, *values.values())
    return solve_ivp(morris_lecar, (0, duration), y, "LSODA", events=upward, args=given, rtol=1e-9, atol=1e-11)


def steady_current(V, values):
    """The current that holds the potential."""
    w = w_steady(V, values["V3"], values["V4"])
    return -20 * morris_lecar(0.0, [V, w], 0.0, **values)[0]


def spikes_and_potential(values, currents, duration):
    model = MorrisLecar(len(currents), **values)
    inputs = jnp.broadcast_to(jnp.asarray(currents, float), (round(duration / DT), len(currents)))
    _, (spikes, V) = dp.LoopOverTime(model, "V", dt=DT)(inputs)
    return np.asarray(spikes), np.asarray(V)


def crossings(V):
    (i,) = np.nonzero((V[:-1] < 0) & (V[1:] >= 0))
    return (i + 1 - V[i] / (V[i + 1] - V[i])) * DT


@pytest.mark.claim(
    "morris-lecar-spike-times",
    "Morris and Lecar's cell spikes when the equations say, for a second, with either standard set of parameters",
    tolerance=0.2,
    unit="ms",
    reference="Morris, C. & Lecar, H. (1981), doi:10.1016/S0006-3495(81)84782-0; SciPy's LSODA at 1e-9",
    components=("neuron:MorrisLecar",),
)
@pytest.mark.parametrize(
    ("values", "currents"), [(HOPF, (80.0, 90.0, 100.0, 150.0)), (CIRCLE, (39.0, 41.0, 45.0, 60.0))]
)
def test_spikes_come_when_the_equations_say(values, currents, measured):
    spikes, V = spikes_and_potential(values, currents, 1000.0)
    for k, current in enumerate(currents):
        exact = exact_spikes(current, 1000.0, values).t_events[0]
        assert spikes[:, k].sum() == len(exact)
        if len(exact):
            measured.difference(crossings(V[:, k]), exact)


@pytest.mark.claim(
    "morris-lecar-circle",
    "The published onset of firing on an invariant circle is that of the equations",
    tolerance=0.01,
    unit="µA/cm²",
    reference="the published 39.96 µA/cm²",
    components=("neuron:MorrisLecar",),
)
def test_the_onset_of_the_circle_is_the_maximum_of_the_steady_current(measured):
    """Published as 39.96 µA/cm²; below, a rest; just above, firing whose rate falls to zero with the square root."""
    V = np.linspace(-50.0, -10.0, 4001)
    onset = steady_current(V, CIRCLE).max()
    measured.difference(onset, 39.96)
    spikes, V = spikes_and_potential(CIRCLE, (onset - 0.5, onset + 0.5, onset + 2.0), 1500.0)
    assert spikes[2000:, 0].sum() == 0
    near, far = (np.diff(crossings(V[:, k])).mean() for k in (1, 2))
    assert near / far == pytest.approx(2.0, rel=0.1)


@pytest.mark.claim(
    "morris-lecar-hopf",
    "The defaults lose their stable rest where the published Hopf bifurcation is",
    tolerance=0.01,
    unit="µA/cm²",
    reference="the published 93.86 µA/cm²",
    components=("neuron:MorrisLecar",),
)
def test_the_onset_of_the_defaults_is_a_hopf_bifurcation(measured):
    """Published as 93.86 µA/cm²; just above, the rate is 10 Hz at once. Linearised in NumPy, and by JAX's Jacobian."""

    def trace(V):
        f = [np.array(morris_lecar(0.0, [V + e, w_steady(V, 2.0, 30.0)], 0.0, **HOPF)) for e in (1e-5, -1e-5)]
        return (f[0][0] - f[1][0]) / 2e-5 - 0.04 * np.cosh((V - 2.0) / 60.0)

    V = brentq(trace, -40.0, -20.0)
    current = steady_current(V, HOPF)
    measured.difference(current, 93.86)
    with jax.enable_x64(True):
        model = MorrisLecar(1)

        def field(y):
            state = dp.continuous(type(model.init_state(dp.Context(dt=DT)))(y[:1], y[1:]))
            dy = model.vector_field(0.0, state, dp.Drive(current=current))
            return jnp.concatenate([dy.V, dy.w])

        y = jnp.array([V, w_steady(V, 2.0, 30.0)])
        assert np.abs(field(y)).max() < 1e-9
        values = np.linalg.eigvals(jax.jacobian(field)(y))
    assert np.abs(values.real).max() < 1e-8
    assert np.abs(values.imag).min() > 0.01


def test_the_rest_is_steady_and_the_gradient_finite():
    V = brentq(lambda V: steady_current(V, HOPF), -70.0, -50.0)

    def final(current):
        model = MorrisLecar(1, V_init=float(V))
        _, (_, seen) = dp.LoopOverTime(model, "V", dt=DT)(jnp.full((400, 1), current))
        return seen[-1, 0]

    value, slope = jax.value_and_grad(final)(0.0)
    assert value == pytest.approx(V, abs=1e-3)
    secant = brentq(lambda V: steady_current(V, HOPF) - 0.1, -70.0, -50.0) - V
    assert slope == pytest.approx(secant / 0.1, rel=0.02)


@pytest.mark.claim(
    "morris-lecar-field",
    "Morris and Lecar's vector field with other constants is the equations (relative)",
    tolerance=1e-9,
    reference="Morris, C. & Lecar, H. (1981), doi:10.1016/S0006-3495(81)84782-0; NumPy",
    components=("neuron:MorrisLecar",),
)
def test_every_constant_is_used(measured):
    values = {"C": 15.0, "ECa": 100.0, "gK": 7.0, "EK": -70.0, "gL": 1.5, "EL": -50.0, "V1": 1.0, "V2": 15.0}
    with jax.enable_x64(True):
        model = MorrisLecar(1, **values, **CIRCLE)
        y = dp.continuous(model.init_state(dp.Context(dt=DT)))
        found = model.vector_field(0.0, type(y)(jnp.array([-20.0]), jnp.array([0.3])), dp.Drive(current=5.0))
    m = 0.5 * (1 + np.tanh((-20 - 1) / 15))
    ionic = 4.0 * m * (-20 - 100) + 7 * 0.3 * (-20 + 70) + 1.5 * (-20 + 50)
    w = 0.0667 * np.cosh((-20 - 12) / (2 * 17.4)) * (w_steady(-20.0, 12.0, 17.4) - 0.3)
    measured.relative([found.V[0], found.w[0]], [(5 - ionic) / 15, w])
