"""Networks from configurations."""

import equinox as eqx

import dynplug as dp


def test_a_configuration_makes_the_same_network():
    config = {
        "type": "Network",
        "nodes": {"A": {"type": "LIF", "size": 3}},
        "edges": {
            "p": {
                "source": "A",
                "target": "A",
                "connector": "AllToAll",
                "weight": 0.5,
                "delay": 1.0,
                "synapse": {"type": "Exponential", "tau": 3.0, "output": {"type": "Constant"}},
            },
            "gap": {"source": "A", "target": "A", "connector": "AllToAll", "g": 0.1},
        },
    }
    del config["edges"]["p"]["synapse"]["output"]
    built = dp.build(config)
    edges = {
        "p": dp.Projection("A", "A", "AllToAll", weight=0.5, delay=1.0, synapse=dp.synapses.Exponential(tau=3.0)),
        "gap": dp.GapJunction("A", "A", "AllToAll", g=0.1),
    }
    assert eqx.tree_equal(built, dp.Network({"A": dp.neurons.LIF(3)}, edges))
