"""Diagrams of networks: every part is there, and nothing else."""

import jax
import matplotlib.pyplot as plt
import pytest
from matplotlib.patches import FancyArrowPatch

import dynplug as dp


def test_a_diagram_shows_each_population_once_and_each_projection_once_a_target():
    connect, synapse = dp.connectors.FixedProbability(0.5), dp.synapses.Delta()
    edges = {
        "exc": dp.Projection("E", ["E", "I"], connect, weight=1.0, delay=1.0, synapse=synapse),
        "inh": dp.Projection("I", "E", connect, weight=1.0, delay=1.0, synapse=synapse),
        "more": dp.Projection("I", "E", connect, weight=1.0, delay=1.0, synapse=synapse),
        "gap": dp.GapJunction("I", "E", connect, g=1.0),
    }
    nodes = {"E": dp.neurons.LIF((2, 4)), "I": dp.neurons.LIF(3)}
    figure, ax = plt.subplots()
    dp.plot.diagram(ax, dp.Network(nodes, edges, key=jax.random.key(0)))
    assert sorted(text.get_text() for text in ax.texts) == ["E\n2 × 4", "I\n3", "exc", "exc", "gap", "inh", "more"]
    arrows = [patch for patch in ax.patches if isinstance(patch, FancyArrowPatch)]
    assert len(arrows) == 5
    labels = {text.get_text(): text.xyann for text in ax.texts}
    assert labels["inh"] != pytest.approx(labels["more"])
    plt.close(figure)
