"""The soma and its channels against SciPy's integration of the published equations, written out again in NumPy."""

import math

import diffrax
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from dynplug_conductance import CaT, Channel, Ih, Ions, K, KCa, Leak, MgBlock, Na, Soma
from scipy.integrate import solve_ivp

import dynplug as dp
from dynplug.errors import ParameterError
from dynplug.testing import CHECKS, Result
from dynplug.testing.checks import outcome_of
from dynplug.testing.subject import subject_of

THALAMIC = {"CaT": {}, "Ih": {}, "K": {}, "KCa": {}, "Leak": {}, "Na": {}}
CURRENTS = ((150.0, -0.5), (150.0, 0.0), (60.0, 4.0))  # for how long [ms], how much [µA/cm²]
DT = 0.025
SHELL = Ions(k=0.1, tau=20.0)  # a shell of half a micron, so that calcium-activated potassium has a say


def rates(V):
    """Traub and Miles' m, h and n with V_T = -56.2 mV."""
    v = V + 56.2
    return {
        "m": (0.32 * (13 - v) / math.expm1((13 - v) / 4), 0.28 * (v - 40) / math.expm1((v - 40) / 5)),
        "h": (0.128 * math.exp((17 - v) / 18), 4 / (1 + math.exp((40 - v) / 5))),
        "n": (0.032 * (15 - v) / math.expm1((15 - v) / 5), 0.5 * math.exp((10 - v) / 40)),
    }


def h_steady(V):
    return 1 / (1 + math.exp((V + 2 + 81) / 4))


def o_steady(V):
    return 1 / (1 + math.exp((V + 75) / 5.5))


def reversal(Ca):
    """Nernst's for calcium at 36 °C: 25.2 mV / e-fold / 2."""
    return 1e3 * 8.314462618 * 309.15 / (2 * 96485.33212) * math.log(2000.0 / Ca)


def start(V):
    gates = [a / (a + b) for a, b in rates(V).values()]
    opening = 48.0 * 0.24e-3**2  # of Destexhe et al.'s 48 /ms/mM² at 0.24 µM
    return [V, 0.24, *gates, h_steady(V), o_steady(V), opening / (opening + 0.03)]


def thalamic(t, y, current, k=0.1, tau=20.0):
    V, Ca, m, h, n, hT, o, c = y
    mT = 1 / (1 + math.exp(-(V + 2 + 57) / 6.2))
    I_T = 2.0 * mT * mT * hT * (V - reversal(Ca))
    I_rest = 56 * m**3 * h * (V - 50) + 6 * n**4 * (V + 90) + 0.0205 * (V + 70.3)
    I_slow = 0.02 * o * (V + 43) + 10 * c * c * (V + 90)
    tau_h = (30.8 + (211.4 + math.exp((V + 2 + 113.2) / 5)) / (1 + math.exp((V + 2 + 84) / 3.2))) / 3**1.2
    tau_o = 1 / (math.exp(-14.59 - 0.086 * V) + math.exp(-1.87 + 0.0701 * V))
    return [
        current - I_T - I_rest - I_slow,
        -k * I_T - (Ca - 0.24) / tau,
        *(a * (1 - x) - b * x for x, (a, b) in zip((m, h, n), rates(V).values(), strict=True)),
        (h_steady(V) - hT) / tau_h,
        (o_steady(V) - o) / tau_o,
        48.0 * (1e-3 * Ca) ** 2 * (1 - c) - 0.03 * c,
    ]


def solve(f, y, currents, dt):
    """The solution at the end of every step, variables first."""
    parts = []
    for duration, current in currents:
        t = np.arange(1, round(duration / dt) + 1) * dt
        done = solve_ivp(f, (0, t[-1]), y, "LSODA", t, args=(current,), rtol=1e-9, atol=1e-11, max_step=1.0)
        parts.append(done.y)
        y = done.y[:, -1]
    return np.concatenate(parts, axis=1)


def steps(currents, dt, dtype=float):
    return jnp.concatenate([jnp.full((round(duration / dt), 1), current, dtype) for duration, current in currents])


def crossings(V, dt):
    (i,) = np.nonzero((V[:-1] < 0) & (V[1:] >= 0))
    return (i + 1 - V[i] / (V[i + 1] - V[i])) * dt


def simulate(model, currents, dt, what):
    _, (spikes, seen) = dp.LoopOverTime(model, what, dt=dt)(steps(currents, dt))
    return np.asarray(spikes)[:, 0], jax.tree.map(lambda a: np.asarray(a)[:, 0], seen)


@pytest.fixture(scope="module")
def exact():
    return solve(thalamic, start(-65.0), CURRENTS, DT)


def order(y):
    """The variables of a state in the order of the equations above."""
    g = y.gates
    return [y.V, y.Ca, g["Na"]["m"], g["Na"]["h"], g["K"]["n"], g["CaT"]["h"], g["Ih"]["m"], g["KCa"]["m"]]


@pytest.mark.claim(
    "soma-field",
    "The thalamic cell's vector field is the published one at random states (relative, and absolute below 0.001)",
    tolerance=1e-6,
    reference="Destexhe, A. et al. (1996), doi:10.1152/jn.1996.76.3.2049; Traub, R. D. & Miles, R. (1991), "
    "doi:10.1017/CBO9780511895401; Python",
    components=("neuron:Soma",),
)
def test_the_vector_field_is_the_published_one_with_the_published_constants(measured):
    rng = np.random.default_rng(0)
    ys = np.stack([rng.uniform(-90.0, 40.0, 20), rng.uniform(0.1, 30.0, 20), *rng.uniform(0.1, 0.9, (6, 20))])
    with jax.enable_x64(True):
        model = Soma(20, THALAMIC)
        state = model.init_state(dp.Context(dt=DT))
        V, Ca, m, h, n, hT, o, c = (jnp.asarray(x) for x in ys)
        gates = {"CaT": {"h": hT}, "Ih": {"m": o}, "K": {"n": n}, "KCa": {"m": c}, "Leak": {}, "Na": {"m": m, "h": h}}
        assert jax.tree.structure(gates) == jax.tree.structure(state.gates)
        y = dp.continuous(type(state)(V, Ca, gates, state.spike))
        found = np.stack(order(model.vector_field(0.0, y, dp.Drive(current=1.5))))
    exact = np.stack([thalamic(0.0, y, 1.5, k=0.0518, tau=5.0) for y in ys.T], axis=1)
    measured.relative(found, exact, floor=1e-3)


@pytest.mark.claim(
    "soma-spike-times",
    "The thalamic cell's rebound burst and driven spikes come when the equations say, with a solver of third order",
    tolerance=0.03,
    unit="ms",
    reference="Destexhe, A. et al. (1996), doi:10.1152/jn.1996.76.3.2049; Traub, R. D. & Miles, R. (1991), "
    "doi:10.1017/CBO9780511895401; SciPy's LSODA at 1e-9",
    components=("neuron:Soma", "integrator:Bosh3"),
)
def test_a_rebound_burst_and_driven_spikes_follow_the_equations(exact, measured):
    """Potential, calcium and gates, in single precision, with a solver of third order."""
    model = Soma(1, THALAMIC, ions=SHELL, integrator=diffrax.Bosh3())
    spikes, y = simulate(model, CURRENTS, DT, {"V": "V", "Ca": "Ca", "c": "gates.KCa.m", "o": "gates.Ih.m"})
    times, expected = crossings(y["V"], DT), crossings(exact[0], DT)
    assert expected[0] > 150.0, "the first spike is on the rebound"
    assert exact[7].max() > 0.2, "potassium has felt the calcium"
    assert spikes.sum() == len(expected) >= 5
    measured.difference(times, expected)
    smooth = slice(0, round(150.0 / DT))
    np.testing.assert_allclose(y["V"][smooth], exact[0][smooth], atol=2e-3)
    np.testing.assert_allclose(y["Ca"], exact[1], atol=0.01 * exact[1].max())
    np.testing.assert_allclose(y["o"], exact[6], atol=1e-3)
    np.testing.assert_allclose(y["c"], exact[7], atol=5e-3)


@pytest.mark.claim(
    "soma-default",
    "With the default integrator and steps of 0.025 ms, the rebound's first spike comes when the equations say",
    tolerance=0.05,
    unit="ms",
    reference="Destexhe, A. et al. (1996), doi:10.1152/jn.1996.76.3.2049; Traub, R. D. & Miles, R. (1991), "
    "doi:10.1017/CBO9780511895401; SciPy's LSODA at 1e-9",
    components=("neuron:Soma", "integrator:ExponentialEuler"),
)
def test_the_default_integrator_converges_to_the_equations_in_first_order(exact, measured):
    expected = crossings(exact[0], DT)
    late = []
    for dt in (0.05, 0.025, 0.0125):
        _, V = simulate(Soma(1, THALAMIC, ions=SHELL), CURRENTS, dt, "V")
        late.append(abs(crossings(V, dt)[0] - expected[0]))
    measured(late[1])
    assert 1.7 < late[0] / late[1] < 2.4
    assert 1.7 < late[1] / late[2] < 2.4


def test_without_its_low_threshold_calcium_the_cell_does_not_rebound():
    channels = {name: {} for name in THALAMIC if name not in ("CaT", "KCa")}
    spikes, _ = simulate(Soma(1, channels), CURRENTS[:2], 0.05, "V")
    assert not spikes.any()


@pytest.mark.claim(
    "soma-rest",
    "The soma stays where the equations come to rest",
    tolerance=1e-3,
    unit="mV",
    reference="Destexhe, A. et al. (1996), doi:10.1152/jn.1996.76.3.2049; Traub, R. D. & Miles, R. (1991), "
    "doi:10.1017/CBO9780511895401; SciPy's LSODA at 1e-9",
    components=("neuron:Soma",),
)
def test_the_resting_state_is_a_fixed_point_of_the_equations(measured):
    def rest(t, y, current):
        V, m, h, n = y
        I = 56 * m**3 * h * (V - 50) + 6 * n**4 * (V + 90) + 0.0205 * (V + 70.3)  # noqa: E741
        return [current - I, *(a * (1 - x) - b * x for x, (a, b) in zip((m, h, n), rates(V).values(), strict=True))]

    V = solve_ivp(rest, (0, 2000), [-65.0, *start(-65.0)[2:5]], "LSODA", args=(0.0,), rtol=1e-9, atol=1e-11).y[0, -1]
    _, seen = simulate(Soma(1, V_init=float(V)), ((50.0, 0.0),), 0.05, {"V": "V", "Ca": "Ca"})
    measured.difference(seen["V"], V)
    np.testing.assert_allclose(seen["Ca"], 0.24, rtol=1e-6)


def test_removable_singularities_are_removed():
    V = jnp.array([-43.2, -16.2, -41.2, -43.2 + 1e-4, -16.2 + 1e-4, -41.2 + 1e-4])

    def field(V):
        model = Soma(6)
        y = model.init_state(dp.Context(dt=DT))
        y = dp.continuous(type(y)(V, y.Ca, {n: c.init(V, y.Ca) for n, c in model.channels.items()}, y.spike))
        return model.vector_field(0.0, y, dp.Drive()).V

    value, slope = jax.jvp(field, (V,), (jnp.ones_like(V),))
    assert np.isfinite(value).all()
    np.testing.assert_allclose(value[:3], value[3:], rtol=1e-3)
    np.testing.assert_allclose(slope[:3], slope[3:], rtol=1e-3)


@pytest.mark.claim(
    "soma-gradient",
    "The potential's derivatives by two conductances are those of the equations (relative)",
    tolerance=1e-3,
    reference="differences of SciPy's LSODA at 1e-9",
    components=("neuron:Soma",),
)
def test_the_gradient_is_that_of_the_equations(measured):
    """Derivatives of the potential after 5 ms by the conductances of leak and calcium, against central differences."""
    with jax.enable_x64(True):

        def final(g):
            model = Soma(1, [Leak(g=g[0]), Na(), K(), CaT(g=g[1])], integrator=diffrax.Tsit5())
            _, (_, V) = dp.LoopOverTime(model, "V", dt=DT)(steps([(5.0, 0.5)], DT))
            return V[-1, 0]

        found = jax.grad(final)(jnp.array([0.02, 0.5]))

    def exact(gL, gT):
        def f(t, y, current):
            d = thalamic(t, [*y, 0.0, 0.0], current, k=0.0518, tau=5.0)
            mT = 1 / (1 + math.exp(-(y[0] + 59) / 6.2))
            extra = -(gL - 0.0205) * (y[0] + 70.3) - (gT - 2.0) * mT**2 * y[5] * (y[0] - reversal(y[1]))
            influx = (gT - 2.0) * mT**2 * y[5] * (y[0] - reversal(y[1]))
            return [d[0] + extra, d[1] - 0.0518 * influx, *d[2:6]]

        return solve(f, start(-65.0)[:6], [(5.0, 0.5)], 1.0)[0, -1]

    secants = [
        (exact(0.02 + 1e-4, 0.5) - exact(0.02 - 1e-4, 0.5)) / 2e-4,
        (exact(0.02, 0.5 + 1e-3) - exact(0.02, 0.5 - 1e-3)) / 2e-3,
    ]
    measured.relative(found, secants)


def test_states_take_the_dtype_of_the_context():
    with jax.enable_x64(True):
        for dtype in (jnp.float32, jnp.float64):
            ctx = dp.Context(dt=DT, dtype=dtype)
            model = Soma((2, 2), THALAMIC)
            state, _ = jax.eval_shape(model.update, model.init_state(ctx), jnp.ones((2, 2), dtype), ctx)
            assert {leaf.dtype for leaf in jax.tree.leaves(state)} == {np.dtype(dtype)}
            assert {leaf.shape for leaf in jax.tree.leaves(state)} == {(2, 2)}


def test_channels_go_by_name():
    channels = [Leak(), Na(), K(), Ih(), KCa(), CaT()]
    assert list(Soma(1, channels).channels) == sorted(THALAMIC)
    built = dp.build({"type": "soma", "size": 2, "channels": {"Leak": {"E": -70.0}, "K": {}, "fast": Na(g=50.0)}})
    assert built.channels["Leak"].E == -70.0
    assert built.channels["fast"].g == 50.0
    assert isinstance(built.channels["K"], K)


@pytest.mark.parametrize(
    ("channels", "message"),
    [
        ([Leak(), Leak(E=-70.0)], "same name"),
        ({"Kv7": {}}, r"channels\['Kv7'\]"),
        ({"Na": 3.0}, "no channel"),
        ([Leak(), "Na"], "no channel"),
        (Leak(), "give a list of channels"),
        ({"Leak": {"gg": 1.0}}, r"channels\['Leak'\] .*gg"),
        ([Leak(g=np.ones(2))], r"Leak.g has shape \(2,\); give one number, or one per unit: \(1,\)"),
    ],
)
def test_what_is_no_channel_is_refused(channels, message):
    with pytest.raises(ParameterError, match=message):
        Soma(1, channels)


@pytest.mark.parametrize("channel", [Leak, Na, K, Ih, KCa, CaT])
def test_a_conductance_is_a_number_that_is_not_negative(channel):
    for bad in (-1.0, math.nan, True, 1j, [0.1, -0.1]):
        with pytest.raises(ParameterError, match=rf"{channel.__name__}[:(] ?g="):
            channel(g=bad)


def test_constants_of_ions_and_of_outputs_are_finite_numbers():
    for make in (lambda: Ions(ENa=math.nan), lambda: Ions(tau=-1.0), lambda: MgBlock(Mg=math.inf)):
        with pytest.raises(ParameterError, match="must be"):
            make()


def test_every_constant_of_the_channels_is_used():
    """At -51 mV, 2 µM and gates of one half, against the currents and rates in which they stand."""
    V, Ca, half = -51.0, 2.0, 0.5
    ions = {"ENa": 40.0, "EK": -80.0, "Ca_rest": 0.1, "Ca_out": 1500.0, "k": 0.03, "tau": 7.0, "T": 20.0}
    E = 1e3 * 8.314462618 * 293.15 / (2 * 96485.33212) * math.log(1500.0 / 2.0)
    mT = 1 / (1 + math.exp(-(-51 + 4 + 57) / 6.2))
    tau_h = 30.8 + (211.4 + math.exp((-51 + 4 + 113.2) / 5)) / (1 + math.exp((-51 + 4 + 84) / 3.2))
    hT = 2.0 * (1 / (1 + math.exp((-51 + 4 + 81) / 4)) - half) / tau_h
    shifted = rates(-51.0 + 63.0 - 56.2)  # V_T = -63 mV
    open_, close = np.array(list(shifted.values())).T
    m, h, n = half * (open_ - close)
    cases = (
        (Leak(g=0.2, E=-55.0), {}, 0.2 * 4.0, {}),
        (Na(g=20.0, V_T=-63.0), {"m": half, "h": half}, 20 * half**4 * (-51 - 40), {"m": m, "h": h}),
        (K(g=7.0, V_T=-63.0), {"n": half}, 7 * half**4 * (-51 + 80), {"n": n}),
        (CaT(g=3.0, shift=4.0, phi=2.0), {"h": half}, 3 * mT**2 * half * (-51 - E), {"h": hT}),
        (Ih(g=0.1, E=-33.0), {"m": half}, 0.1 * half * (-51 + 33), None),
        (KCa(g=2.0, alpha=1e-3, beta=0.1), {"m": half}, 2 * half**2 * 29, {"m": half * (4e-3 - 0.1)}),
    )
    with jax.enable_x64(True):
        model, at = Ions(**ions), (jnp.asarray(V), jnp.asarray(Ca))
        for channel, gates, current, derivative in cases:
            gates = {name: jnp.asarray(value) for name, value in gates.items()}
            np.testing.assert_allclose(channel.current(gates, *at, model), current, rtol=1e-9)
            found = channel.derivative(gates, *at)
            assert found.keys() == gates.keys() == channel.init(*at).keys()
            for name in derivative or ():
                np.testing.assert_allclose(found[name], derivative[name], rtol=1e-9)
            for change in channel.derivative(channel.init(*at), *at).values():
                assert abs(change) < 1e-12, "steady at the start"
        found = model.derivative(at[1], jnp.asarray(-4.0))
        np.testing.assert_allclose(found, 0.03 * 4 - (2.0 - 0.1) / 7, rtol=1e-12)
        soma = Soma(1, [Leak()], C=2.0, ions=model)
        y = soma.init_state(dp.Context(dt=DT))
        assert y.Ca[0] == 0.1
        dV = soma.vector_field(0.0, dp.continuous(y), dp.Drive(current=1.0)).V[0]
        np.testing.assert_allclose(dV, (1.0 - 0.0205 * 5.3) / 2, rtol=1e-9)


@pytest.mark.parametrize("channels", [THALAMIC, [Leak(), CaT()], [Leak()]], ids=len)
def test_its_equations_are_those_of_its_channels(channels):
    """The text beside each class, put together, is what the field computes, and its units fit."""
    subject = subject_of("neuron", Soma, {"size": 3, "channels": channels})
    for check in ("follows_its_equations", "equations_agree_in_units"):
        assert outcome_of(CHECKS[check], subject) == Result(check, "passed")


def test_a_channel_without_a_text_leaves_the_soma_without_one():
    class Silent(Channel):
        def init(self, V, Ca):
            return {}

        def derivative(self, gates, V, Ca):
            return {}

        def current(self, gates, V, Ca, ions):
            return 0.0 * V

    assert Soma(1, [Leak()]).equations["V"] == "(-(Leak.I) + I[µA/cm²]) / C"
    assert Soma(1, [Leak(), Silent()]).equations == {}
