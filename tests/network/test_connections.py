"""Connections between units, and their weights."""

import jax
import numpy as np
import pytest
import scipy.sparse

import dynplug as dp
from dynplug.errors import NetworkMemoryError

DT, TAU_S = 0.5, 4.0
CURRENT = dp.synapses.Exponential(tau=TAU_S)


def test_targets_get_their_own_parts_of_one_array_of_synapses(run):
    pair = dp.Network(
        {"A": dp.neurons.LIF(2), "B": dp.neurons.LIF((1, 3)), "C": dp.neurons.LIF(2)},
        {"p": dp.Projection("A", ["B", "C"], "AllToAll", weight=np.arange(10.0), delay=DT, synapse=CURRENT)},
    )
    state, _ = run(pair, 1, state={"A.V": 2.0})
    assert state["p"].synapse.g.shape == (5,)
    state, mon = run(pair, 3, monitors=["p.g", "B.V", "C.V"], state={"A.V": 2.0})
    sums = np.arange(10.0).reshape(5, 2).sum(1)  # sorted by receiver, then by sender
    g = sums * np.exp(-DT / TAU_S)
    np.testing.assert_allclose(mon["p.g"][1], g, rtol=1e-5)
    current = sums * TAU_S / DT * -np.expm1(-DT / TAU_S)
    V = np.where(current * -np.expm1(-DT / 10.0) >= 1.0, 0.0, current * -np.expm1(-DT / 10.0))
    np.testing.assert_allclose(mon["B.V"][1], V[:3].reshape(1, 3), rtol=1e-5)
    np.testing.assert_allclose(mon["C.V"][1], V[3:], rtol=1e-5)


def test_pairs_and_matrices_count_the_units_of_several_targets_in_a_row(run):
    matrix = np.zeros((5, 2))
    matrix[[0, 1, 4], [1, 0, 1]] = 0.25, 0.5, 0.75
    pairs = (np.array([1, 0, 1]), np.array([4, 1, 0]))
    nodes = {"A": dp.neurons.LIF(2), "B": dp.neurons.LIF(3)}
    for connector, weight in ((matrix, matrix), (pairs, np.array([0.75, 0.5, 0.25]))):
        edge = dp.Projection("A", ["A", "B"], connector, weight=weight, delay=DT, synapse=CURRENT)
        state, _ = run(dp.Network(nodes, {"p": edge}), 2, state={"A.V": 2.0})
        expected = np.array([0.25, 0.5, 0.0, 0.0, 0.75]) * np.exp(-DT / TAU_S)
        np.testing.assert_allclose(state["p"].synapse.g, expected, rtol=1e-6)


FORMS = {
    "pairs": ((np.array([1, 0]), np.array([2, 0])), np.array([0.3, 0.5])),
    "matrix": (np.array([[1, 0], [0, 0], [0, 1]]), np.array([[0.5, 9.0], [9.0, 9.0], [9.0, 0.3]])),
    "sparse": tuple(
        scipy.sparse.csr_array(np.array(rows))
        for rows in ([[1, 0], [0, 0], [0, 1]], [[0.5, 0.0], [9.0, 0.0], [0.0, 0.3]])
    ),
    "one for all": ((np.array([0, 1]), np.array([0, 2])), 0.5),
}


@pytest.mark.parametrize("form", FORMS)
def test_connections_and_weights_in_all_forms(form, run):
    connector, weight = FORMS[form]
    nodes = {"A": dp.neurons.LIF(2), "B": dp.neurons.LIF(3)}
    net = dp.Network(nodes, {"p": dp.Projection("A", "B", connector, weight=weight, synapse=CURRENT)})
    state, _ = run(net, 1, {"A": 100.0})
    expected = np.array([0.5, 0.0, 0.5 if form == "one for all" else 0.3]) * np.exp(-DT / TAU_S)
    np.testing.assert_allclose(state["p"].synapse.g, expected, rtol=1e-6)


def test_pairs_that_occur_twice_are_two_connections_and_a_unit_may_reach_itself(run):
    pairs = (np.array([0, 0, 0]), np.array([0, 0, 1]))
    net = dp.Network(
        {"A": dp.neurons.LIF(2)},
        {"p": dp.Projection("A", "A", pairs, weight=np.array([1.0, 2.0, 4.0]), delay=DT, synapse=CURRENT)},
    )
    state, _ = run(net, 2, state={"A.V": 2.0})
    np.testing.assert_allclose(state["p"].synapse.g, np.array([3.0, 4.0]) * np.exp(-DT / TAU_S), rtol=1e-6)


def test_another_population_changes_no_connections_of_others(random_network):
    small, large = random_network("AB"), random_network("ACB")
    for name in small.edge_names:
        for a, b in zip(jax.tree.leaves(small[name]), jax.tree.leaves(large[name]), strict=True):
            np.testing.assert_array_equal(a, b)
    assert not np.array_equal(small["AB"].fanout.post[:8], small["BA"].fanout.post[:8])


def test_that_a_unit_does_not_reach_itself_is_said_of_its_own_population():
    connect = dp.connectors.FixedProbability(1.0, self_connections=False)
    net = dp.Network(
        {"A": dp.neurons.LIF(3), "B": dp.neurons.LIF(2)},
        {"p": dp.Projection("A", ["A", "B"], connect, weight=1.0, delay=DT, synapse=CURRENT)},
        key=jax.random.key(0),
    )
    assert len(net["p"].fanout) == 6 + 6


@pytest.mark.parametrize(
    ("connector", "count"),
    [
        (dp.connectors.FixedProbability(0.5), r"5e\+13"),
        (dp.connectors.AllToAll(), r"1e\+14"),
        (dp.connectors.FixedInDegree(10**6), r"1e\+13"),
        (dp.connectors.FixedOutDegree(10**6), r"1e\+13"),
    ],
    ids=repr,
)
def test_more_connections_than_memory_are_refused_before_they_are_drawn(connector, count):
    edge = dp.Projection("A", "A", connector, weight=1.0, delay=DT, synapse=CURRENT)
    with pytest.raises(NetworkMemoryError, match=rf"p: .*about {count} connections.*GiB are free"):
        dp.Network({"A": dp.neurons.LIF(10**7)}, {"p": edge}, key=jax.random.key(0))
