"""AMPA, GABA-A, NMDA and GABA-B against closed forms, and against SciPy where there is none."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from dynplug_conductance import AMPA, GABAA, GABAB, NMDA, MgBlock
from scipy.integrate import solve_ivp

import dynplug as dp
from dynplug.errors import ShapeError
from dynplug.synapses import COBA, CUBA

DT = 0.1


@pytest.fixture
def x64():
    """Double precision."""
    with jax.enable_x64(True):
        yield


RATES = {AMPA: (1.1, 0.19), GABAA: (5.0, 0.18), NMDA: (0.072, 0.0066)}


def events(length, *steps, weight=1.0):
    return jnp.zeros((length, 1)).at[jnp.array(steps)].set(weight)


def halfway(x):
    """The mean over each step of what is nearly straight within it, from its values at the steps' ends, 0 at first."""
    return (x + np.concatenate([[0.0], x[:-1]])) / 2.0


def run(synapse, inputs, dt=DT):
    _, (drive, r) = dp.LoopOverTime(synapse, "r", dt=dt)(inputs)
    return jax.tree.map(lambda a: np.asarray(a)[:, 0], (drive, r))


def first_order(alpha, beta, on, off, t, r=0.0):
    """The open fraction at `t`: a pulse from `on` to `off` and what is left of it, from `r` before the pulse."""
    rate = alpha + beta
    up = alpha / rate + (r - alpha / rate) * np.exp(-rate * (np.clip(t, on, off) - on))
    return np.where(t < on, r, up * np.exp(-beta * np.maximum(t - off, 0.0)))


@pytest.mark.claim(
    "kinetic-pulse",
    "An event at an AMPA, GABA-A or NMDA synapse is a pulse and its decay, in single precision (relative, "
    "and absolute below 0.005)",
    tolerance=2e-5,
    reference="Destexhe, A., Mainen, Z. F. & Sejnowski, T. J. (1994), doi:10.1162/neco.1994.6.1.14; closed form",
    components=("synapse:AMPA", "synapse:GABAA", "synapse:NMDA"),
)
@pytest.mark.parametrize("kind", [AMPA, GABAA, NMDA])
@pytest.mark.parametrize("weight", [1.0, 0.4])
def test_one_event_is_a_pulse_and_its_decay(kind, weight, measured):
    """The pulse begins with step 4, at 0.4 ms."""
    alpha, beta = RATES[kind]
    _, r = run(kind(1, output=CUBA()), events(200, 4, weight=weight))
    t = DT * np.arange(1, 201)
    measured.relative(r, first_order(weight * alpha, beta, 0.4, 1.4, t), floor=5e-3)


def test_the_options_of_the_pulse_and_of_the_receptors_are_used():
    synapse = AMPA(1, g_max=0.7, alpha=0.9, beta=0.3, T_max=0.6, duration=2.5, output=CUBA())
    drive, r = run(synapse, events(60, 0), dt=0.25)
    t = 0.25 * np.arange(1, 61)
    exact = first_order(0.9 * 0.6, 0.3, 0.0, 2.5, t)
    np.testing.assert_allclose(r, exact, rtol=2e-5, atol=1e-7)
    fine = first_order(0.9 * 0.6, 0.3, 0.0, 2.5, 0.25 * (np.arange(60)[:, None] + (np.arange(100) + 0.5) / 100))
    np.testing.assert_allclose(drive.current, 0.7 * fine.mean(1), rtol=5e-5, atol=1e-7)


def test_an_event_during_a_pulse_replaces_it_and_one_after_it_adds_to_what_is_left():
    alpha, beta = RATES[AMPA]
    t = DT * np.arange(1, 101)
    _, r = run(AMPA(1), events(100, 0, 6))  # from 0 to 1.6 ms
    np.testing.assert_allclose(r, first_order(alpha, beta, 0.0, 1.6, t), rtol=2e-5, atol=1e-7)
    _, r = run(AMPA(1), events(100, 0, 39))
    exact = first_order(alpha, beta, 0.0, 1.0, t)
    left = exact[38]
    exact = np.where(t < 3.95, exact, first_order(alpha, beta, 3.9, 4.9, t, left))
    np.testing.assert_allclose(r, exact, rtol=2e-5, atol=1e-7)


def test_a_pulse_lasts_a_step_at_least():
    alpha, beta = RATES[AMPA]
    _, r = run(AMPA(1, duration=0.3), events(5, 0), dt=1.0)
    np.testing.assert_allclose(r, first_order(alpha, beta, 0.0, 1.0, np.arange(1.0, 6.0)), rtol=2e-5, atol=1e-7)


@pytest.mark.parametrize(("kind", "E"), [(AMPA, 0.0), (GABAA, -80.0), (GABAB, -95.0)])
def test_the_drive_reverses_where_it_should(kind, E):
    drive, _ = run(kind(1), events(50, 0))
    np.testing.assert_allclose(drive.current, E * drive.conductance, rtol=1e-6)
    assert drive.conductance[-1] > 0


def held(g, **options):
    return jax.tree.map(lambda x: float(x[0]), MgBlock(**options)(jnp.array([g])))


@pytest.mark.claim(
    "nmda-block",
    "The magnesium block has its published values at -65, 0 and 40 mV",
    tolerance=5e-5,
    reference="Jahr, C. E. & Stevens, C. F. (1990), doi:10.1523/JNEUROSCI.10-09-03178.1990; values worked out by hand",
    components=("synapse:NMDA",),
)
@pytest.mark.parametrize(("V", "published"), [(-65.0, 0.0597), (0.0, 0.7812), (40.0, 0.9771)])
def test_the_magnesium_block(V, published, measured):
    """The values of 1 / (1 + exp(-0.062 V) / 3.57), worked out by hand; a hundredth of magnesium lifts the block."""
    drive = held(2.0, V_B=V)
    measured.difference(drive.conductance / 2.0, published)
    assert drive.conductance / 2.0 == pytest.approx(1 / (1 + math.exp(-0.062 * V) / 3.57), rel=1e-5)
    free = held(2.0, V_B=V, Mg=0.01, E=5.0)
    assert free.conductance / 2.0 == pytest.approx(1 / (1 + 0.01 * math.exp(-0.062 * V) / 3.57), rel=1e-5)
    assert free.current == pytest.approx(5.0 * free.conductance, rel=1e-6)


def test_an_nmda_synapse_of_its_own_holds_its_block():
    drive, r = run(NMDA(1, g_max=0.5, output=MgBlock(V_B=-20.0)), events(50, 0))
    block = 1 / (1 + math.exp(0.062 * 20) / 3.57)
    np.testing.assert_allclose(drive.conductance, 0.5 * block * halfway(r), rtol=2e-3)


def gaba_b(pulses, t, K1=0.09, K2=0.0012, K3=0.18, K4=0.034):
    """Bound receptors and G-protein: SciPy, in one piece for each pulse and each pause."""
    y, now, seen = [0.0, 0.0], 0.0, []
    for until, T in [*(edge for on, off in pulses for edge in ((on, 0.0), (off, 1.0))), (t[-1], 0.0)]:
        if until > now:
            done = solve_ivp(
                lambda _, y, T: [K1 * T * (1 - y[0]) - K2 * y[0], K3 * y[0] - K4 * y[1]],
                (now, until),
                y,
                "LSODA",
                args=(T,),
                dense_output=True,
                rtol=1e-10,
                atol=1e-12,
            )
            seen.append(done.sol(t[(t > now + DT / 2) & (t < until + DT / 2)]))
            y, now = done.y[:, -1], until
    return np.concatenate(seen, axis=1)


@pytest.mark.claim(
    "gaba-b-binding",
    "GABA-B's bound receptors follow the equations through single events and bursts (relative, and absolute "
    "below 0.001)",
    tolerance=1e-4,
    reference="Destexhe, A. & Sejnowski, T. J. (1995), doi:10.1073/pnas.92.21.9515; SciPy's LSODA at 1e-10",
    components=("synapse:GABAB",),
)
def test_gaba_b_is_late_slow_and_wants_bursts(measured):
    t = DT * np.arange(1, 10001)
    peaks = {}
    for count in (1, 10):
        starts = 50 * np.arange(count)  # every 5 ms
        drive, r = run(GABAB(1, g_max=2.0), events(10000, *starts))
        bound, s = gaba_b([(DT * n, DT * n + 1.0) for n in starts], t)
        exact = 2.0 * halfway(s) ** 4 / (halfway(s) ** 4 + 100.0)
        measured.relative(r, bound, floor=1e-3)
        np.testing.assert_allclose(drive.conductance, exact, rtol=1e-3, atol=1e-5 * exact.max())
        peaks[count] = drive.conductance.max()
        assert t[drive.conductance.argmax()] - DT * starts[-1] > 50.0
    assert peaks[10] > 100 * peaks[1], "the fourth power"


@pytest.mark.claim(
    "kinetic-gradients",
    "The derivative of a kinetic synapse's charge by the weight is that of finite differences (relative)",
    tolerance=1e-6,
    reference="central differences",
    components=("synapse:AMPA", "synapse:GABAA", "synapse:NMDA", "synapse:GABAB"),
)
@pytest.mark.parametrize("kind", [AMPA, GABAA, NMDA, GABAB])
def test_gradients_reach_weights_and_rates(kind, measured):
    def charge(weight):
        drive, _ = run_raw(kind(1), weight)
        return drive.conductance.sum()

    with jax.enable_x64(True):
        slope = jax.grad(charge)(jnp.asarray(0.7))
        secant = (charge(jnp.asarray(0.7 + 1e-5)) - charge(jnp.asarray(0.7 - 1e-5))) / 2e-5
    assert slope > 0
    measured.relative(slope, secant)


def run_raw(synapse, weight):
    _, (drive, r) = dp.LoopOverTime(synapse, "r", dt=DT)(jnp.zeros((60, 1)).at[0].set(weight))
    return drive, r


def test_a_silent_spike_still_passes_its_gradient():
    """A surrogate gives the step that did not fire a slope, which must not end here."""
    slope = jax.grad(lambda x: run_raw(AMPA(1), x)[0].conductance.sum())(0.0)
    assert slope > 0


@pytest.mark.parametrize("kind", [AMPA, GABAA, NMDA, GABAB])
def test_states_take_the_dtype_of_the_context(kind):
    with jax.enable_x64(True):
        for dtype in (jnp.float32, jnp.float64):
            ctx = dp.Context(dt=DT, dtype=dtype)
            synapse = kind((2, 3))
            state, drive = jax.eval_shape(synapse.update, synapse.init_state(ctx), jnp.ones((2, 3), dtype), ctx)
            assert {leaf.dtype for leaf in jax.tree.leaves((state, drive))} == {np.dtype(dtype)}
            assert drive.conductance.shape == (2, 3)


def test_an_output_may_be_chosen_and_a_drive_is_no_event():
    drive, r = run(AMPA(1, g_max=1.0, output=COBA(-10.0)), events(5, 0))
    np.testing.assert_allclose(drive.current, -10.0 * halfway(r), rtol=0.03)
    with pytest.raises(ShapeError, match="weighted events"):
        AMPA(1).update(AMPA(1).init_state(dp.Context(dt=DT)), dp.Drive(current=1.0), dp.Context(dt=DT))


@pytest.mark.claim(
    "kinetic-charge",
    "The charge of a pulse does not depend on the step, from 0.1 to 1 ms (relative)",
    tolerance=1e-10,
    reference="Destexhe, A., Mainen, Z. F. & Sejnowski, T. J. (1994), doi:10.1162/neco.1994.6.1.14; closed form",
    components=("synapse:AMPA", "synapse:GABAA", "synapse:NMDA"),
)
@pytest.mark.parametrize("dt", [0.1, 0.5, 1.0])
@pytest.mark.parametrize("kind", [AMPA, GABAA, NMDA])
def test_the_charge_of_a_pulse_is_the_integral_of_its_closed_form_at_any_step(x64, kind, dt, measured):
    """From 0, a pulse of 1 ms and what is left of it have an integral that no step changes."""
    alpha, beta = RATES[kind]
    drive, _ = run(kind(1, g_max=0.3, output=CUBA()), events(round(200.0 / dt), 0), dt)
    rate = alpha + beta
    end = alpha / rate * -math.expm1(-rate)
    charge = alpha / rate * (1.0 + math.expm1(-rate) / rate) + end / beta * -math.expm1(-beta * 199.0)
    measured.relative(drive.current.sum() * dt, 0.3 * charge)


def test_the_charge_of_gaba_b_hardly_depends_on_the_step(x64):
    """Its conductance is no straight line in its state: what is put out is that of the mean state."""
    charge = [run(GABAB(1), events(round(600.0 / dt), 0), dt)[0].conductance.sum() * dt for dt in (1.0, 0.5, 0.25)]
    assert (charge[0] - charge[1]) / (charge[1] - charge[2]) > 3.5
    np.testing.assert_allclose(charge[0], charge[2], rtol=2e-4)
