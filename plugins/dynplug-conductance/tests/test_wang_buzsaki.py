"""The interneuron against SciPy's integration of its equations, and its published frequency-current curve."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from dynplug_conductance import WangBuzsaki
from scipy.integrate import solve_ivp

import dynplug as dp

DT = 0.05


def slow_rates(V):
    return (
        (0.07 * math.exp(-(V + 58) / 20), 1 / (math.exp(-0.1 * (V + 28)) + 1)),
        (-0.01 * (V + 34) / math.expm1(-0.1 * (V + 34)), 0.125 * math.exp(-(V + 44) / 80)),
    )


def wang_buzsaki(t, y, current):
    V, h, n = y
    a, b = -0.1 * (V + 35) / math.expm1(-0.1 * (V + 35)), 4 * math.exp(-(V + 60) / 18)
    I = 35 * (a / (a + b)) ** 3 * h * (V - 55) + 9 * n**4 * (V + 90) + 0.1 * (V + 65)  # noqa: E741
    return [current - I, *(5 * (a * (1 - x) - b * x) for x, (a, b) in zip((h, n), slow_rates(V), strict=True))]


def upward(t, y, current):
    return y[0]


upward.direction = 1


def exact_spikes(current, duration):
    y = [-65.0, *(a / (a + b) for a, b in slow_rates(-65.0))]
    done = solve_ivp(wang_buzsaki, (0, duration), y, "LSODA", events=upward, args=(current,), rtol=1e-9, atol=1e-11)
    return done.t_events[0]


def run(model, current, duration):
    """Potential at the end of each step, and how many spikes."""
    inputs = jnp.broadcast_to(jnp.asarray(current), (round(duration / DT), *model.size))
    _, (spikes, V) = dp.LoopOverTime(model, "V", dt=DT)(inputs)
    return np.asarray(V), np.asarray(spikes)


def crossings(V):
    (i,) = np.nonzero((V[:-1] < 0) & (V[1:] >= 0))
    return (i + 1 - V[i] / (V[i + 1] - V[i])) * DT


@pytest.mark.claim(
    "wang-buzsaki-spike-times",
    "Wang and Buzsáki's interneuron spikes when the equations say, from 0.1 to 5 µA/cm², for 300 ms",
    tolerance=0.1,
    unit="ms",
    reference="Wang, X.-J. & Buzsáki, G. (1996), doi:10.1523/JNEUROSCI.16-20-06402.1996; SciPy's LSODA at 1e-9",
    components=("neuron:WangBuzsaki",),
)
def test_the_frequency_current_curve(measured):
    """About 60 Hz at 1 µA/cm²; no spikes below the rheobase of about 0.16."""
    currents = np.array([0.1, 0.5, 1.0, 2.0, 5.0], np.float32)
    V, spikes = run(WangBuzsaki(5), currents, 300.0)
    for k, current in enumerate(currents):
        exact = exact_spikes(float(current), 300.0)
        assert spikes[:, k].sum() == len(exact)
        if len(exact):
            measured.difference(crossings(V[:, k]), exact)
    assert spikes[:, 0].sum() == 0
    assert 1000.0 / np.diff(crossings(V[:, 2]))[-1] == pytest.approx(59.7, abs=0.1)


@pytest.mark.claim(
    "wang-buzsaki-rest",
    "Wang and Buzsáki's interneuron stays where the equations come to rest",
    tolerance=1e-3,
    unit="mV",
    reference="Wang, X.-J. & Buzsáki, G. (1996), doi:10.1523/JNEUROSCI.16-20-06402.1996; SciPy's LSODA at 1e-9",
    components=("neuron:WangBuzsaki",),
)
def test_the_rest_is_steady(measured):
    """At -64.018 mV, where SciPy's solution comes to rest."""
    y = [-65.0, *(a / (a + b) for a, b in slow_rates(-65.0))]
    rest = solve_ivp(wang_buzsaki, (0, 2000), y, "LSODA", args=(0.0,), rtol=1e-9, atol=1e-11).y[0, -1]
    V, _ = run(WangBuzsaki(1, V_init=float(rest)), 0.0, 50.0)
    measured.difference(V, rest)


def test_removable_singularities_are_removed_in_single_precision():
    V = jnp.array([-35.0, -34.0, -35.00001, -33.99999])

    def field(V):
        model = WangBuzsaki(4)
        y = model.init_state(dp.Context(dt=DT))
        dy = model.vector_field(0.0, dp.continuous(type(y)(V, y.h, y.n)), dp.Drive())
        return dy.V, dy.n

    values, slopes = jax.jvp(field, (V,), (jnp.ones_like(V),))
    for x in (*values, *slopes):
        assert np.isfinite(x).all()
        np.testing.assert_allclose(x[:2], x[2:], rtol=1e-4, atol=1e-5)


def test_a_conductance_clamps_and_a_jump_kicks():
    model, ctx = WangBuzsaki(2), dp.Context(dt=DT)
    state = model.init_state(ctx)
    update = jax.jit(model.update)
    kicked, _ = update(state, dp.Drive(jump=jnp.array([0.0, 7.0])), ctx)
    assert kicked.V[1] - kicked.V[0] == pytest.approx(7.0, abs=1e-4)
    for _ in range(20):
        state, _ = update(state, dp.Drive(current=20.0 * -80.0, conductance=20.0), ctx)
    np.testing.assert_allclose(state.V, -80.0, atol=0.2)


@pytest.mark.claim(
    "wang-buzsaki-gradient",
    "The potential's derivative by the current is that of the equations (relative)",
    tolerance=1e-5,
    reference="Wang, X.-J. & Buzsáki, G. (1996), doi:10.1523/JNEUROSCI.16-20-06402.1996; differences of SciPy's LSODA "
    "at 1e-11",
    components=("neuron:WangBuzsaki",),
)
def test_the_gradient_is_the_secant_of_the_equations(measured):
    with jax.enable_x64(True):
        found = jax.grad(lambda current: dp_final(current, 5.0))(jnp.asarray(0.5))
    secant = (exact_final(0.5 + 1e-4, 5.0) - exact_final(0.5 - 1e-4, 5.0)) / 2e-4
    measured.relative(found, secant)


def dp_final(current, duration):
    _, (_, V) = dp.LoopOverTime(WangBuzsaki(1), "V", dt=DT)(jnp.full((round(duration / DT), 1), current))
    return V[-1, 0]


def exact_final(current, duration):
    y = [-65.0, *(a / (a + b) for a, b in slow_rates(-65.0))]
    return solve_ivp(wang_buzsaki, (0, duration), y, "LSODA", args=(current,), rtol=1e-11, atol=1e-13).y[0, -1]


def test_parameters_differ_between_units():
    """A faster membrane and a stronger leak, against the equation written out for each."""
    model, ctx = WangBuzsaki(3, C=[1.0, 0.5, 1.0], gL=[0.1, 0.1, 0.3], V_init=-70.0), dp.Context(dt=DT)
    y = dp.continuous(model.init_state(ctx))
    dV = model.vector_field(0.0, y, dp.Drive(current=1.0)).V
    base, *_ = wang_buzsaki(0.0, [-70.0, *(a / (a + b) for a, b in slow_rates(-70.0))], 1.0)
    np.testing.assert_allclose(dV, [base, 2 * base, base - 0.2 * -5.0], rtol=1e-4)


@pytest.mark.claim(
    "wang-buzsaki-field",
    "Wang and Buzsáki's vector field with other constants is the equations (relative)",
    tolerance=1e-9,
    reference="Wang, X.-J. & Buzsáki, G. (1996), doi:10.1523/JNEUROSCI.16-20-06402.1996; NumPy",
    components=("neuron:WangBuzsaki",),
)
def test_every_constant_is_used(measured):
    values = {"C": 1.3, "gNa": 30.0, "ENa": 50.0, "gK": 11.0, "EK": -85.0, "gL": 0.2, "EL": -60.0, "phi": 3.0}
    with jax.enable_x64(True):
        model = WangBuzsaki(1, **values)
        y = dp.continuous(model.init_state(dp.Context(dt=DT)))
        V, h, n = jnp.array([[-40.0], [0.3], [0.6]])
        found = model.vector_field(0.0, type(y)(V, h, n), dp.Drive(current=0.7))
    a, b = -0.1 * (-40 + 35) / math.expm1(-0.1 * (-40 + 35)), 4 * math.exp(-(-40 + 60) / 18)
    ionic = 30 * (a / (a + b)) ** 3 * 0.3 * (-40 - 50) + 11 * 0.6**4 * (-40 + 85) + 0.2 * (-40 + 60)
    (ah, bh), (an, bn) = slow_rates(-40.0)
    exact = [(0.7 - ionic) / 1.3, 3 * (ah * 0.7 - bh * 0.3), 3 * (an * 0.4 - bn * 0.6)]
    measured.relative([found.V[0], found.h[0], found.n[0]], exact)
