"""Short-term plasticity against closed forms and a simulation from spike to spike."""

from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

import dynplug as dp
from dynplug.errors import ParameterError, ShapeError
from dynplug.plasticity import TsodyksMarkram

BRIAN2 = np.load(Path(__file__).parents[1] / "recorded" / "brian2.npz")
REFERENCE = "Tsodyks, M., Pawelzik, K. & Markram, H. (1998), doi:10.1162/089976698300017502; closed form"
STEPS = 400


@jax.jit
def _sent(U, tau_d, tau_f, train, dt):
    del dt
    return dp.LoopOverTime(TsodyksMarkram(1, U=U, tau_d=tau_d, tau_f=tau_f), dt=0.5)(train[:, None])[1][:, 0]


def sent(U, tau_d, tau_f, spikes):
    """The release by spikes in these steps of 0.5 ms."""
    silent = np.setdiff1d(np.arange(STEPS), spikes)
    train = np.ones(STEPS, jnp.result_type(float))
    train[silent] = 0.0
    out = np.asarray(_sent(*(jnp.asarray([float(v)]) for v in (U, tau_d, tau_f)), train, 0.5))
    assert np.all(out[silent] == 0)
    return out[np.sort(np.asarray(spikes))]


def from_spike_to_spike(U, tau_d, tau_f, times):
    """The releases of spikes at these times [ms], by solutions of the equations between them."""
    u, x, last, released = 0.0, 1.0, times[0], []
    for t in times:
        u = u * (np.exp(-(t - last) / tau_f) if tau_f else 0.0)
        x = 1 + (x - 1) * (np.exp(-(t - last) / tau_d) if tau_d else 0.0)
        u += U * (1 - u)
        released.append(u * x)
        x, last = x - u * x, t
    return np.array(released)


@pytest.mark.claim(
    "tsodyks-markram-paired-pulse",
    "The second of two spikes 50 ms apart releases 1 - U exp(-50 / tau_d) of what the first does (relative)",
    tolerance=1e-13,
    reference=REFERENCE,
    components=("layer:TsodyksMarkram",),
)
def test_paired_pulses(x64, measured):
    first, second = sent(0.5, 800.0, 0.0, [0, 100])
    assert first == 0.5
    measured.relative(second / first, 1 - 0.5 * np.exp(-50 / 800))
    assert second / first == pytest.approx(0.5303, abs=5e-5)


@pytest.mark.claim(
    "tsodyks-markram-steady-state",
    "Regular spikes release what the steady state of depression with facilitation says (relative)",
    tolerance=1e-11,
    reference=REFERENCE,
    components=("layer:TsodyksMarkram",),
)
@pytest.mark.parametrize(("U", "tau_d", "tau_f"), [(0.4, 6.0, 0.0), (0.15, 5.0, 7.0), (0.2, 0.0, 6.0)])
def test_steady_state_at_a_rate(x64, measured, U, tau_d, tau_f):
    interval = 2.0
    kept_d, kept_f = (np.exp(-interval / tau) if tau else 0.0 for tau in (tau_d, tau_f))
    u = U / (1 - (1 - U) * kept_f)
    x = (1 - kept_d) / (1 - (1 - u) * kept_d)
    measured.relative(sent(U, tau_d, tau_f, np.arange(0, STEPS, 4))[-1], u * x)


@settings(max_examples=25, deadline=None)
@given(
    st.floats(0.01, 1.0),
    st.floats(1.0, 1000.0),
    st.just(0.0) | st.floats(1.0, 1000.0),
    st.sets(st.integers(0, STEPS - 1), min_size=1, max_size=12),
)
def test_any_train_releases_what_the_solutions_between_its_spikes_say(U, tau_d, tau_f, steps):
    with jax.enable_x64(True):
        steps = np.array(sorted(steps))
        expected = from_spike_to_spike(U, tau_d, tau_f, 0.5 * steps)
        np.testing.assert_allclose(sent(U, tau_d, tau_f, steps), expected, rtol=1e-9, atol=1e-12)


def test_size_and_parameters_may_differ_by_unit():
    system = TsodyksMarkram(2, U=[0.2, 0.5]).with_size(2)
    assert system.in_size == system.out_size == (2,)
    _, out = dp.LoopOverTime(system, dt=1.0)(jnp.ones((1, 2)))
    np.testing.assert_allclose(out[0], [0.2, 0.5])
    assert TsodyksMarkram((2, 3), tau_d=20.0, tau_f=3.0).with_size(4).tau_f == 3.0


@pytest.mark.parametrize(
    "given", [{"U": 0.0}, {"U": 1.5}, {"tau_d": -1.0}, {"tau_f": -2.0}, {"tau_d": float("nan")}], ids=str
)
def test_shares_and_times_are_checked(given):
    with pytest.raises(ParameterError, match=next(iter(given))):
        TsodyksMarkram(3, **given)


def test_spikes_of_another_shape_are_refused():
    with pytest.raises(ShapeError, match=r"\(3,\).*\(2,\)"):
        dp.LoopOverTime(TsodyksMarkram(3), dt=1.0)(jnp.ones((1, 2)))


@pytest.mark.claim(
    "brian2-tsodyks-markram",
    "What arrives after short-term plasticity and delays of 0 to 15 steps is what arrives in Brian2",
    tolerance=1e-12,
    reference="Brian2 2.9.0, tests/recorded/brian2_values.py",
    components=("layer:TsodyksMarkram",),
)
def test_what_arrives_is_what_arrives_in_brian2(x64, measured):
    projection = dp.Projection(
        "A",
        "B",
        dp.connectors.AllToAll(),
        weight=BRIAN2["plasticity:weight"],
        delay=0.1 * BRIAN2["plasticity:delay"],
        synapse=dp.synapses.Delta(),
        short_term=TsodyksMarkram(U=0.15, tau_d=200.0, tau_f=50.0),
    )
    source, target = dp.Lift(lambda x: x, in_size=(4,)), dp.Lift(lambda drive: drive.jump, in_size=(3,))
    net = dp.Network({"A": source, "B": target}, {"p": projection})
    _, out = dp.LoopOverTime(net, dt=0.1)({"A": jnp.asarray(BRIAN2["plasticity:pre"], float)})
    expected = BRIAN2["short_term:total"]
    assert np.min(expected[-1]) > 1.0
    measured.difference(np.cumsum(out["B"], axis=0)[::100], expected)


def test_a_projection_sends_what_is_released(x64):
    """The source's spikes are depressed before the delay, and the weights multiply what is left."""
    source, target = dp.Lift(lambda x: x, in_size=(2,)), dp.Lift(lambda drive: drive.jump, in_size=(1,))
    projection = dp.Projection(
        "A",
        "B",
        dp.connectors.AllToAll(),
        weight=np.array([[2.0, 3.0]]),
        delay=1.0,
        synapse=dp.synapses.Delta(),
        short_term=TsodyksMarkram(U=0.5, tau_d=20.0),
    )
    net = dp.Network({"A": source, "B": target}, {"p": projection})
    train = jnp.zeros((8, 2)).at[jnp.array([0, 4]), 0].set(1.0).at[4, 1].set(1.0)
    _, out = dp.LoopOverTime(net, dt=1.0)({"A": train})
    again = 1 - 0.5 * np.exp(-4 / 20)
    expected = np.zeros(8)
    expected[[1, 5]] = 0.5 * 2.0, 0.5 * 2.0 * again + 0.5 * 3.0
    np.testing.assert_allclose(out["B"][:, 0], expected, rtol=1e-12)
