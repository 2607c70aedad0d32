"""A neuron whose NMDA receptors see its potential, against SciPy."""

import math

import diffrax
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from dynplug_conductance import NMDA, Leak, NMDATarget, Soma
from scipy.integrate import solve_ivp

import dynplug as dp
from dynplug.errors import ShapeError
from dynplug.synapses import COBA

G = 0.3


def passive():
    """A membrane of 20 ms with receptors that can lift it through their block."""
    return Soma(1, [Leak(g=0.05, E=-65.0)]), NMDA(1, g_max=G)


def exact(current, duration, block=True):
    """An event at 0, 1 ms of transmitter, then decay."""

    def f(t, y, T):
        V, r = y
        B = 1 / (1 + math.exp(-0.062 * V) / 3.57) if block else 1.0
        return [current - 0.05 * (V + 65) - G * r * B * V, 0.072 * T * (1 - r) - 0.0066 * r]

    pulse = solve_ivp(f, (0, 1), [-65.0, 0.0], "LSODA", args=(1.0,), rtol=1e-10, atol=1e-12).y[:, -1]
    t = np.arange(2.0, duration + 1)
    return solve_ivp(f, (1, duration), pulse, "LSODA", t, args=(0.0,), rtol=1e-10, atol=1e-12).y[0]


def run(model, current, duration, dt):
    """The potential once a millisecond, from 2 ms after an event that comes just before time 0."""
    ctx = dp.Context(dt=dt)
    state = model.init_state(ctx)
    kicked, _ = model.synapse.update(state["synapse"], jnp.ones(1), ctx)
    n = round(duration / dt)
    inputs = (jnp.zeros((n, 1)), jnp.full((n, 1), current))

    def step(state, x):
        state, _ = model.update(state, x, ctx)
        return state, state["neuron"].V[0]

    _, V = jax.lax.scan(step, {"neuron": state["neuron"], "synapse": kicked}, inputs)
    every = round(1 / dt)
    return np.asarray(V)[2 * every - 1 :: every]


@pytest.mark.claim(
    "nmda-target",
    "A membrane whose NMDA receptors see its potential follows the equations for 100 ms, at steps of 0.05 ms",
    tolerance=0.02,
    unit="mV",
    reference="Jahr, C. E. & Stevens, C. F. (1990), doi:10.1523/JNEUROSCI.10-09-03178.1990; SciPy's LSODA at 1e-10",
    components=("layer:NMDATarget", "synapse:NMDA"),
)
def test_the_potential_follows_the_equations_and_lifts_the_block(measured):
    """With a current that depolarises, the receptors give more than without one; the error is of first order."""
    errors = []
    for dt in (0.2, 0.1, 0.05):
        model = NMDATarget(*passive())
        errors.append(np.abs(run(model, 1.0, 100.0, dt) - exact(1.0, 100.0)).max())
    measured(errors[2])
    assert 1.8 < errors[0] / errors[1] < 2.3
    assert 1.8 < errors[1] / errors[2] < 2.3
    assert np.abs(exact(1.0, 100.0) - exact(1.0, 100.0, block=False)).max() > 3.0, "the block is felt"
    neuron, synapse = passive()
    held = dp.LoopOverTime(synapse >> neuron, "1.V", dt=0.1)(jnp.zeros((1000, 1)).at[0].set(1.0))[1][1]
    free = dp.LoopOverTime(NMDATarget(*passive()), "neuron.V", dt=0.1)(jnp.zeros((1000, 1)).at[0].set(1.0))[1][1]
    assert held.shape == free.shape
    assert free.max() > held.max() > -65.0


def test_other_input_may_be_a_current_or_a_drive():
    model, ctx = NMDATarget(*passive()), dp.Context(dt=0.1)
    state = model.init_state(ctx)
    nothing = jnp.zeros(1)
    for other in (2.0, jnp.full(1, 2.0), dp.Drive(current=2.0)):
        new, _ = model.update(state, (nothing, other), ctx)
        assert new["neuron"].V[0] == pytest.approx(-65.0 + 2.0 / 0.05 * -math.expm1(-0.1 / 20), abs=1e-4)
    quiet, _ = model.update(state, nothing, ctx)
    assert quiet["neuron"].V[0] == pytest.approx(-65.0, abs=1e-4)


def test_a_wang_buzsaki_cell_fires_through_its_receptors():
    config = {
        "type": "nmda-target",
        "neuron": {"type": "wang-buzsaki", "size": 2},
        "synapse": {"type": "nmda", "size": 2, "g_max": [0.3, 0.0]},
    }
    inputs = jnp.zeros((4000, 2)).at[::200].set(1.0)
    spikes, _ = dp.LoopOverTime(dp.build(config), dt=0.05)(inputs)[::-1]
    fired = np.asarray(spikes).sum(axis=0)
    assert fired[0] > 3
    assert fired[1] == 0


@pytest.mark.claim(
    "nmda-target-gradient",
    "The potential's derivative by NMDA's conductance is that of finite differences (relative)",
    tolerance=1e-6,
    reference="central differences",
    components=("layer:NMDATarget", "synapse:NMDA"),
)
def test_the_gradient_of_the_potential_is_the_secant(measured):
    with jax.enable_x64(True):

        def final(g):
            neuron, _ = passive()
            model = NMDATarget(neuron, NMDA(1, g_max=g, integrator=diffrax.Heun()))
            _, (_, V) = dp.LoopOverTime(model, "neuron.V", dt=0.1)(jnp.zeros((200, 1)).at[0].set(1.0))
            return V[-1, 0]

        slope = jax.grad(final)(jnp.asarray(G))
        secant = (final(jnp.asarray(G + 1e-5)) - final(jnp.asarray(G - 1e-5))) / 2e-5
    measured.relative(slope, secant)


@pytest.mark.parametrize("synapse", [NMDA(2), NMDA(1, output=COBA())])
def test_a_synapse_must_fit_its_target(synapse):
    with pytest.raises(ShapeError, match="NMDATarget needs"):
        NMDATarget(Soma(1), synapse)
