"""Neurons whose NMDA receptors see their potential, against SciPy."""

import math

import diffrax
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from dynplug_conductance import NMDA, Leak, MgBlock, Soma
from scipy.integrate import solve_ivp

import dynplug as dp
from dynplug.errors import CompositionError
from dynplug.synapses import Output

G = 0.3


class Clamped(Output):
    """The block at rest, whatever the potential is."""

    def __call__(self, g):
        return MgBlock(V_B=-65.0)(g)


def network(neuron, synapse):
    """A neuron whose receptors get given events."""
    edge = dp.Projection("events", "cell", "OneToOne", weight=1.0, synapse=synapse)
    return dp.Network({"events": dp.layers.InputGroup(neuron.size), "cell": neuron}, {"nmda": edge})


def passive(**given):
    """A membrane of 20 ms with receptors that can lift it through their block."""
    return network(Soma(1, [Leak(g=0.05, E=-65.0)]), NMDA(**{"g_max": G} | given))


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
    """The potential once a millisecond, from 2 ms after an event at time 0."""
    n = round(duration / dt)
    inputs = {"events": jnp.zeros((n, 1)).at[0].set(1.0), "cell": jnp.full((n, 1), current)}
    _, (_, V) = dp.LoopOverTime(model, "cell.V", dt=dt)(inputs)
    every = round(1 / dt)
    return np.asarray(V)[2 * every - 1 :: every, 0]


@pytest.mark.claim(
    "nmda-in-networks",
    "A membrane whose NMDA receptors see its potential follows the equations for 100 ms, at steps of 0.05 ms",
    tolerance=0.02,
    unit="mV",
    reference="Jahr, C. E. & Stevens, C. F. (1990), doi:10.1523/JNEUROSCI.10-09-03178.1990; SciPy's LSODA at 1e-10",
    components=("synapse:NMDA",),
)
def test_the_potential_follows_the_equations_and_lifts_the_block(measured):
    """With a current that depolarises, the receptors give more than without one; the error is of first order."""
    errors = []
    for dt in (0.2, 0.1, 0.05):
        errors.append(np.abs(run(passive(), 1.0, 100.0, dt) - exact(1.0, 100.0)).max())
    measured(errors[2])
    assert 1.8 < errors[0] / errors[1] < 2.3
    assert 1.8 < errors[1] / errors[2] < 2.3
    assert np.abs(exact(1.0, 100.0) - exact(1.0, 100.0, block=False)).max() > 3.0, "the block is felt"
    seen, clamped = (run(passive(output=block), 0.0, 100.0, 0.1) for block in (MgBlock(), Clamped()))
    assert seen.max() > clamped.max() > -65.0


def test_a_wang_buzsaki_cell_fires_through_its_receptors():
    config = {
        "type": "Network",
        "nodes": {"events": {"type": "InputGroup", "size": 2}, "cell": {"type": "wang-buzsaki", "size": 2}},
        "edges": {
            "p": {
                "source": "events",
                "target": "cell",
                "connector": "OneToOne",
                "weight": 1.0,
                "synapse": {"type": "nmda", "size": 2, "g_max": [0.3, 0.0]},
            }
        },
        "input_to": "events",
        "output_from": "cell",
    }
    inputs = jnp.zeros((4000, 2)).at[::200].set(1.0)
    _, spikes = dp.LoopOverTime(dp.build(config), dt=0.05)(inputs)
    fired = np.asarray(spikes).sum(axis=0)
    assert fired[0] > 3
    assert fired[1] == 0


@pytest.mark.claim(
    "nmda-in-networks-gradient",
    "The potential's derivative by NMDA's conductance is that of finite differences (relative)",
    tolerance=1e-6,
    reference="central differences",
    components=("synapse:NMDA",),
)
def test_the_gradient_of_the_potential_is_the_secant(measured):
    with jax.enable_x64(True):

        def final(g):
            model = passive(g_max=g, integrator=diffrax.Heun())
            inputs = {"events": jnp.zeros((200, 1)).at[0].set(1.0)}
            _, (_, V) = dp.LoopOverTime(model, "cell.V", dt=0.1)(inputs)
            return V[-1, 0]

        slope = jax.grad(final)(jnp.asarray(G))
        secant = (final(jnp.asarray(G + 1e-5)) - final(jnp.asarray(G - 1e-5))) / 2e-5
    measured.relative(slope, secant)


def test_a_target_needs_a_potential():
    edge = dp.Projection("events", "cell", "OneToOne", weight=1.0, synapse=NMDA())
    net = dp.Network({"events": dp.layers.InputGroup(1), "cell": dp.layers.InputGroup(1)}, {"p": edge})
    with pytest.raises(CompositionError, match="'cell' has no potential V"):
        dp.LoopOverTime(net, dt=0.1)({"events": jnp.zeros((2, 1))})
