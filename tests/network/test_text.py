"""The text of a network."""

import re

import jax
import numpy as np
import pytest

import dynplug as dp
from dynplug.errors import ParameterError

DT = 0.1

CURRENT = dp.synapses.Exponential(tau=4.0)


def test_the_text_of_a_network_tells_its_parts_and_the_way_of_delivery():
    connect = dp.connectors.FixedProbability(0.1)
    edges = {
        "exc": dp.Projection("E", ["E", "I"], connect, weight=0.5, delay=1.5, synapse=CURRENT),
        "more": dp.Projection("I", ["E", "I"], connect, weight=0.5, delay=1.5, synapse=CURRENT),
        "any": dp.Projection(
            "I", "E", "OneToOne", weight=0.5, delay=np.arange(1, 201) / 2, synapse=dp.synapses.Delta()
        ),
        "up": dp.Projection("I", "O", connect, weight=0.5, synapse=CURRENT, delivery="sparse"),
        "gap": dp.GapJunction("I", "I", connect, g=0.1),
    }
    sizes = {"E": 200, "I": 200, "O": (2, 5)}
    net = dp.Network({n: dp.neurons.LIF(size) for n, size in sizes.items()}, edges, key=jax.random.key(0))
    text = repr(net)
    assert "O: 2 x 5 LIF" in text
    assert re.search(
        r"exc: E -> E, I, [78],\d{3} connections, delay 1.5 ms, Exponential, .* MiB, (events|compiled) \(on a CPU", text
    )
    assert "the synapses of exc" in text.splitlines()[5]
    assert "delay 0.5 to 100 ms in 200 values, Delta" in text
    assert "within the step, Exponential" in text
    assert "sparse (chosen for this projection)" in text
    assert re.search(r"gap: I = I, (1,9|2,0)\d{2} gap junctions", text)


def test_a_delivery_is_given_by_name_configuration_or_object():
    def edge(delivery):
        return dp.Projection("A", "A", "OneToOne", weight=0.5, delay=DT, synapse=CURRENT, delivery=delivery)

    assert edge("Events").delivery == "Events"
    assert edge({"type": "events"}).delivery == edge(dp.delivery.Events()).delivery == dp.delivery.Events()
    net = dp.Network({"A": dp.neurons.LIF(3)}, {"p": edge({"type": "events"})})
    assert "Events (chosen for this projection)" in repr(net)
    with pytest.raises(dp.errors.UnknownNameError, match="Did you mean 'events'"):
        edge("event")
    with pytest.raises(ParameterError, match=r"delivery=3\): give 'auto'"):
        edge(3)
