"""The two-compartment cell against SciPy's integration of the paper's equations in the paper's own potentials."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from dynplug_conductance import PinskyRinzel
from scipy.integrate import solve_ivp

import dynplug as dp

DT = 0.05
REST = -60.0


def rates(Vs, Vd, Ca):
    fall = 2 * math.exp((6.5 - Vd) / 27)
    c = math.exp((Vd - 10) / 11 - (Vd - 6.5) / 27) / 18.975 if Vd <= 50 else fall
    return (
        (0.128 * math.exp((17 - Vs) / 18), 4 / (1 + math.exp((40 - Vs) / 5))),
        (0.016 * (35.1 - Vs) / math.expm1((35.1 - Vs) / 5), 0.25 * math.exp(0.5 - 0.025 * Vs)),
        (1.6 / (1 + math.exp(-0.072 * (Vd - 65))), 0.02 * (Vd - 51.1) / math.expm1((Vd - 51.1) / 5)),
        (c, fall - c),
        (min(0.00002 * Ca, 0.01), 0.001),
    )


def pinsky_rinzel(t, y, current, dendritic=0.0, gc=2.1, p=0.5):
    Vs, Vd, h, n, s, c, q, Ca = y
    a = 0.32 * (13.1 - Vs) / math.expm1((13.1 - Vs) / 4)
    m = a / (a + 0.28 * (Vs - 40.1) / math.expm1((Vs - 40.1) / 5))
    I_Ca = 10 * s * s * (Vd - 140)
    I_s = 0.1 * Vs + 30 * m * m * h * (Vs - 120) + 15 * n * (Vs + 15)
    I_d = 0.1 * Vd + I_Ca + (0.8 * q + 15 * c * min(Ca / 250, 1)) * (Vd + 15)
    return [
        (-I_s + gc / p * (Vd - Vs) + current / p) / 3,
        (-I_d + gc / (1 - p) * (Vs - Vd) + dendritic / (1 - p)) / 3,
        *(a * (1 - x) - b * x for x, (a, b) in zip((h, n, s, c, q), rates(Vs, Vd, Ca), strict=True)),
        -0.13 * I_Ca - 0.075 * Ca,
    ]


def solve(current, duration):
    gates = [a / (a + b) for a, b in rates(0.0, 0.0, 0.0)]
    t = np.arange(1, round(duration / DT) + 1) * DT
    y = [0.0, 0.0, *gates, 0.0]
    done = solve_ivp(pinsky_rinzel, (0, t[-1]), y, "LSODA", t, args=(current,), rtol=1e-9, atol=1e-11, max_step=1.0)
    return done.y


def run(model, current, duration, dt=DT):
    inputs = jnp.full((round(duration / dt), 1), current)
    _, (spikes, seen) = dp.LoopOverTime(model, {"V": "V", "Vd": "Vd", "Ca": "Ca", "q": "q"}, dt=dt)(inputs)
    return np.asarray(spikes)[:, 0], jax.tree.map(lambda a: np.asarray(a)[:, 0], seen)


def crossings(V, dt=DT):
    (i,) = np.nonzero((V[:-1] < -20) & (V[1:] >= -20))
    return (i + 1 + (-20 - V[i]) / (V[i + 1] - V[i])) * dt


@pytest.fixture(scope="module")
def bursts():
    """The equations and the model, 1.2 s at 0.75 µA/cm²."""
    return solve(0.75, 1200.0), run(PinskyRinzel(1), 0.75, 1200.0)


@pytest.mark.claim(
    "pinsky-rinzel-bursts",
    "Pinsky and Rinzel's cell bursts when the equations say, for 1.2 s",
    tolerance=0.5,
    unit="ms",
    reference="Pinsky, P. F. & Rinzel, J. (1994), doi:10.1007/BF00962717; SciPy's LSODA at 1e-9",
    components=("neuron:PinskyRinzel",),
)
def test_low_currents_make_slow_bursts_as_the_equations_do(bursts, measured):
    """Two large spikes and two small ones, 2.02 times a second, all of them within 0.5 ms."""
    exact, (spikes, seen) = bursts
    times, expected = crossings(seen["V"]), crossings(exact[0] + REST)
    assert spikes.sum() == len(expected)
    measured.difference(times, expected)
    starts = times[np.diff(times, prepend=-100.0) > 50.0]
    assert np.diff(starts)[-1] == pytest.approx(495.0, abs=0.5)
    assert len(times) == 2 * len(starts)


def test_the_dendrite_and_its_calcium_follow_the_equations(bursts):
    exact, (_, seen) = bursts
    np.testing.assert_allclose(seen["q"], exact[6], atol=5e-3)
    quiet = slice(round(700 / DT), round(900 / DT))
    np.testing.assert_allclose(seen["Vd"][quiet], exact[1][quiet] + REST, atol=0.02)
    np.testing.assert_allclose(seen["V"][quiet], exact[0][quiet] + REST, atol=0.02)
    assert exact[7].max() > 200
    assert seen["Ca"].max() == pytest.approx(exact[7].max(), rel=1e-2)


@pytest.mark.claim(
    "pinsky-rinzel-trains",
    "Under a strong current Pinsky and Rinzel's cell spikes when the equations say, for 50 ms",
    tolerance=0.1,
    unit="ms",
    reference="Pinsky, P. F. & Rinzel, J. (1994), doi:10.1007/BF00962717; SciPy's LSODA at 1e-9",
    components=("neuron:PinskyRinzel",),
)
def test_strong_currents_make_trains(measured):
    """At 2.5 µA/cm² there are many more; their times are too sensitive to be compared for longer."""
    V = solve(2.5, 50.0)[0] + REST
    _, seen = run(PinskyRinzel(1), 2.5, 2000.0)
    expected = crossings(V)
    measured.difference(crossings(seen["V"])[: len(expected)], expected)
    assert len(crossings(seen["V"])) > 50


@pytest.mark.claim(
    "pinsky-rinzel-field",
    "Pinsky and Rinzel's vector field is the paper's at random states (relative, and absolute below 0.001)",
    tolerance=1e-6,
    reference="Pinsky, P. F. & Rinzel, J. (1994), doi:10.1007/BF00962717; the paper's equations in Python",
    components=("neuron:PinskyRinzel",),
)
def test_the_vector_field_is_the_papers_for_other_couplings_and_a_dendritic_current(measured):
    rng = np.random.default_rng(1)
    ys = np.concatenate([rng.uniform(-20.0, 100.0, (2, 30)), rng.uniform(0.1, 0.9, (5, 30)), [np.linspace(0, 600, 30)]])
    with jax.enable_x64(True):
        model = PinskyRinzel(30, gc=1.3, p=0.3, Id=0.7)
        y = model.init_state(dp.Context(dt=DT))
        Vs, Vd, *rest = (jnp.asarray(x) for x in ys)
        dy = model.vector_field(0.0, dp.continuous(type(y)(Vs + REST, Vd + REST, *rest)), dp.Drive(current=0.4))
        found = np.stack([dy.V, dy.Vd, dy.h, dy.n, dy.s, dy.c, dy.q, dy.Ca])
    exact = np.stack([pinsky_rinzel(0.0, y, 0.4, 0.7, 1.3, 0.3) for y in ys.T], axis=1)
    measured.relative(found, exact, floor=1e-3)  # the ramp's series is good to 1e-9


def test_every_constant_is_used():
    """Each change moves the derivatives of both potentials by what the equations say."""
    at = {"V": -30.0, "Vd": -20.0, "h": 0.5, "n": 0.3, "s": 0.4, "c": 0.6, "q": 0.2, "Ca": 125.0}
    a, b = 0.32 * (13.1 - 30) / math.expm1((13.1 - 30) / 4), 0.28 * (30 - 40.1) / math.expm1((30 - 40.1) / 5)
    m = a / (a + b)
    leak, sodium, potassium = 0.1, 30 * m * m * 0.5, 15 * 0.3
    slow, calcium = 0.8 * 0.2 + 15 * 0.6 * 0.5, 10 * 0.4**2
    expected = {  # of C dV/dt and C dVd/dt
        "gL": (1.1, (-30.0, -40.0)),
        "gNa": (31.0, (-sodium / 30 * -90, 0.0)),
        "gKDR": (16.0, (-potassium / 15 * 45, 0.0)),
        "gCa": (11.0, (0.0, -(0.4**2) * -100)),
        "gKAHP": (1.8, (0.0, -0.2 * 55)),
        "gKC": (16.0, (0.0, -0.6 * 0.5 * 55)),
        "EL": (-61.0, (-leak, -leak)),
        "ENa": (61.0, (sodium, 0.0)),
        "EK": (-74.0, (potassium, slow)),
        "ECa": (81.0, (0.0, calcium)),
    }
    with jax.enable_x64(True):

        def field(**values):
            model = PinskyRinzel(1, **values)
            y = dp.continuous(model.init_state(dp.Context(dt=DT)))
            dy = model.vector_field(0.0, type(y)(**{k: jnp.array([v]) for k, v in at.items()}), dp.Drive())
            return np.array([dy.V[0], dy.Vd[0]])

        base = field()
        np.testing.assert_allclose(field(C=1.5), 2 * base, rtol=1e-12)
        for name, (value, change) in expected.items():
            np.testing.assert_allclose(3 * (field(**{name: value}) - base), change, rtol=1e-7, atol=1e-9)


def test_a_hyperpolarised_cell_is_steady_and_its_gradient_finite():
    V = solve(-0.5, 3000.0)

    def final(current):
        _, (_, seen) = dp.LoopOverTime(PinskyRinzel(1), "V", dt=DT)(jnp.full((2000, 1), current))
        return seen[-1, 0], seen[:, 0]

    (_, seen), slope = jax.value_and_grad(final, has_aux=True)(-0.5)
    np.testing.assert_allclose(seen, V[0, :2000] + REST, atol=2e-3)
    assert abs(V[0, -1] - V[0, -2000]) < 0.05, "at rest"
    assert np.isfinite(slope)
    assert slope > 0


def test_removable_singularities_are_removed_in_single_precision():
    V = jnp.array([-46.9, -19.9, -24.9, -8.9])

    def field(V):
        model = PinskyRinzel(4)
        y = dp.continuous(model.init_state(dp.Context(dt=DT)))
        dy = model.vector_field(0.0, type(y)(V, V, y.h, y.n, y.s, y.c, y.q, y.Ca), dp.Drive())
        return jnp.stack([dy.V, dy.Vd, dy.n, dy.s])

    values, slopes = jax.jvp(field, (V,), (jnp.ones_like(V),))
    assert np.isfinite(values).all()
    assert np.isfinite(slopes).all()
    np.testing.assert_allclose(field(V + 1e-3), values + 1e-3 * slopes, rtol=1e-3, atol=1e-3)
