"""Synapses that several projections share."""

import jax.numpy as jnp
import numpy as np

import dynplug as dp

DT, TAU_S = 0.5, 4.0
CURRENT = dp.synapses.Exponential(tau=TAU_S)


def test_equal_linear_synapses_are_shared_and_others_are_not(run):
    def edges(tau):
        return {
            "a": dp.Projection("A", "B", "OneToOne", weight=4.0, synapse=CURRENT),
            "b": dp.Projection("B", "B", "OneToOne", weight=0.5, delay=DT, synapse=dp.synapses.Exponential(tau=tau)),
        }

    nodes = {"A": dp.neurons.LIF(1), "B": dp.neurons.LIF(1, tau=5.0)}
    shared, apart = dp.Network(nodes, edges(TAU_S)), dp.Network(nodes, edges(TAU_S * (1 + 1e-6)))
    assert shared.groups == (("a", "b"),)
    assert apart.groups == (("a",), ("b",))
    state, outs = run(shared, 80, {"A": 3.0})
    assert state["b"].synapse is None
    other, expected = run(apart, 80, {"A": 3.0})
    assert outs["B"].sum() > 3
    np.testing.assert_array_equal(outs["B"], expected["B"])
    np.testing.assert_allclose(state["a"].synapse.g, other["a"].synapse.g + other["b"].synapse.g, rtol=1e-4)


def test_trained_synapses_are_not_shared():
    nodes = {"A": dp.neurons.LIF(1), "B": dp.neurons.LIF(1)}
    own = dp.synapses.Exponential(tau=jnp.asarray(5.0))
    edges = {name: dp.Projection("A", "B", "OneToOne", weight=1.0, synapse=own) for name in "xy"}
    assert dp.Network(nodes, edges).groups == (("x",), ("y",))
