"""Connectors: degrees, densities, and what they refuse."""

import sys

import jax
import numpy as np
import pytest
import scipy.sparse
from hypothesis import HealthCheck, assume, given, settings, strategies as st

import dynplug as dp
from dynplug.connectors import (
    AllToAll,
    Connections,
    FixedInDegree,
    FixedOutDegree,
    FixedProbability,
    OneToOne,
    ScaleFree,
    SmallWorld,
    as_connector,
)
from dynplug.errors import KeyRequiredError, MissingPackageError, ParameterError, ShapeError

sizes, seeds = st.integers(1, 12), st.integers(0, 2**32 - 1)
RANDOM = [
    *(FixedProbability(0.3), FixedProbability(0.3, self_connections=False), FixedInDegree(3), FixedOutDegree(3)),
    *(SmallWorld(4, 0.5), ScaleFree(2)),
]


def pairs(connections):
    return list(zip(connections.pre.tolist(), connections.post.tolist(), strict=True))


def degrees(connections):
    """The in-degree and the out-degree of each unit."""
    return (
        np.bincount(connections.post, minlength=connections.post_size),
        np.bincount(connections.pre, minlength=connections.pre_size),
    )


@pytest.mark.claim(
    "all-to-all-pairs",
    "AllToAll connects every pair, once",
    tolerance=0.0,
    reference="definition",
    components=("connector:AllToAll",),
)
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(sizes, sizes)
def test_all_to_all_is_every_pair_and_without_itself_all_but_the_diagonal(measured, pre, post):
    measured.difference(sorted(pairs(AllToAll()(pre, post))), [(i, j) for i in range(pre) for j in range(post)])
    alone = AllToAll(self_connections=False)(post, post)
    assert sorted(pairs(alone)) == [(i, j) for i in range(post) for j in range(post) if i != j]


@pytest.mark.claim(
    "one-to-one-pairs",
    "OneToOne connects each unit with its own, once",
    tolerance=0.0,
    reference="definition",
    components=("connector:OneToOne",),
)
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(sizes)
def test_one_to_one_is_the_diagonal(measured, size):
    measured.difference(pairs(OneToOne()(size, size)), [(i, i) for i in range(size)])


@pytest.mark.claim(
    "fixed-degrees",
    "Every unit receives or sends as many connections as were asked for, over random sizes",
    tolerance=0.0,
    unit="connections",
    reference="definition",
    components=("connector:FixedInDegree", "connector:FixedOutDegree"),
)
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(sizes, sizes, st.data(), seeds)
def test_every_unit_receives_or_sends_as_many(measured, pre, post, data, seed):
    n = data.draw(st.integers(0, min(pre, post)))
    received, _ = degrees(FixedInDegree(n)(pre, post, key=jax.random.key(seed)))
    _, sent = degrees(FixedOutDegree(n)(pre, post, key=jax.random.key(seed)))
    measured.difference(received, [n] * post)
    measured.difference(sent, [n] * pre)


@settings(deadline=None)
@given(st.integers(2, 12), st.data(), seeds)
def test_without_self_connections_the_degrees_stay(size, data, seed):
    n = data.draw(st.integers(0, size - 1))
    for connector, which in ((FixedInDegree, 0), (FixedOutDegree, 1)):
        made = connector(n, self_connections=False)(size, size, key=jax.random.key(seed))
        assert degrees(made)[which].tolist() == [n] * size
        assert all(i != j for i, j in pairs(made))


@pytest.mark.claim(
    "fixed-in-degree-even",
    "Partners are drawn evenly: counts over 500 networks stay within 4.5 standard deviations",
    tolerance=4.5,
    unit="standard deviations",
    reference="binomial law",
    components=("connector:FixedInDegree",),
)
def test_partners_are_drawn_evenly(measured):
    """Over 3000 draws each of the 5 other units is a partner 2/5 of the time, within 4.5 standard deviations."""
    counts = np.zeros((6, 6))
    for seed in range(500):
        made = FixedInDegree(2, self_connections=False)(6, 6, key=jax.random.key(seed))
        counts[made.post, made.pre] += 1
    deviation = (500 * 0.4 * 0.6) ** 0.5
    measured(np.max(np.abs(counts - 200)[~np.eye(6, dtype=bool)]) / deviation)
    assert np.diag(counts).tolist() == [0] * 6


@pytest.mark.claim(
    "fixed-probability-density",
    "The number of connections lies within 6 standard deviations, and one connection, over random probabilities",
    tolerance=6.0,
    unit="standard deviations",
    reference="binomial law",
    components=("connector:FixedProbability",),
)
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.floats(0.0, 1.0), seeds)
def test_the_density_lies_within_binomial_bounds(measured, p, seed):
    made = FixedProbability(p)(60, 50, key=jax.random.key(seed))
    measured(max(abs(len(made) - 3000 * p) - 1.0, 0.0) / max((3000 * p * (1 - p)) ** 0.5, 1e-9))
    alone = FixedProbability(p, self_connections=False)(50, 50, key=jax.random.key(seed))
    assert abs(len(alone) - 2450 * p) <= 6.0 * (2450 * p * (1 - p)) ** 0.5 + 1.0
    assert all(i != j for i, j in pairs(alone))


@pytest.mark.claim(
    "small-world-count",
    "A small world keeps the number of its ring's connections, however many are moved",
    tolerance=0.0,
    unit="connections",
    reference="Watts, D. J. & Strogatz, S. H. (1998), doi:10.1038/30918",
    components=("connector:SmallWorld",),
)
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(5, 30), st.floats(0.0, 1.0), seeds)
def test_a_small_world_keeps_its_number_of_connections_both_ways(measured, size, p, seed):
    made = SmallWorld(4, p)(size, size, key=jax.random.key(seed))
    measured(abs(len(made) - 4 * size))
    assert sorted(pairs(made)) == sorted((j, i) for i, j in pairs(made))
    assert all(i != j for i, j in pairs(made))


def test_a_small_world_that_moves_nothing_is_the_ring_and_one_that_moves_is_not():
    def offsets(p):
        made = SmallWorld(4, p)(20, 20, key=jax.random.key(0))
        return {(j - i) % 20 for i, j in pairs(made)}

    assert offsets(0.0) == {1, 2, 18, 19}
    assert len(offsets(0.5)) > 4


@pytest.mark.claim(
    "scale-free-count",
    "A scale-free network has m connections for each unit after the first",
    tolerance=0.0,
    unit="connections",
    reference="Barabási, A.-L. & Albert, R. (1999), doi:10.1126/science.286.5439.509",
    components=("connector:ScaleFree",),
)
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(4, 40), st.integers(1, 3), seeds)
def test_a_scale_free_network_grows_by_m_connections_a_unit(measured, size, m, seed):
    assume(m < size)
    made = ScaleFree(m)(size, size, key=jax.random.key(seed))
    measured(
        abs(len(made) - 2 * m * (size - m))
    )  # the seed graph is a star of m edges, hence size - m units bring m each
    assert sorted(pairs(made)) == sorted((j, i) for i, j in pairs(made))


def test_a_scale_free_network_has_hubs():
    received, _ = degrees(ScaleFree(2)(400, 400, key=jax.random.key(0)))
    even, _ = degrees(FixedProbability(4 / 400)(400, 400, key=jax.random.key(0)))
    assert received.max() > 2 * even.max()


@pytest.mark.parametrize("connector", RANDOM, ids=str)
def test_connections_are_fixed_by_the_key_and_change_with_it(connector):
    first, again, other = (pairs(connector(30, 30, key=jax.random.key(seed))) for seed in (1, 1, 2))
    assert first == again
    assert first != other
    assert pairs(connector(30, 30, key=jax.random.PRNGKey(1))) == first  # a raw key is the same key


@pytest.mark.parametrize("connector", RANDOM, ids=str)
def test_what_is_drawn_needs_a_key(connector):
    with pytest.raises(KeyRequiredError, match=rf"{type(connector).__name__} draws connections: .*key=jax.random.key"):
        connector(30, 30)


@pytest.mark.parametrize(
    "connector",
    [
        *(AllToAll(self_connections=False), FixedProbability(0.5, self_connections=False)),
        *(FixedInDegree(1, self_connections=False), FixedOutDegree(1, self_connections=False)),
        *(SmallWorld(2, 0.1), ScaleFree(1)),
    ],
    ids=str,
)
def test_one_population_has_one_size(connector):
    with pytest.raises(ShapeError, match="it was given two, of 4 and 5 units"):
        connector(4, 5, key=jax.random.key(0))


def test_impossible_numbers_are_named():
    key = jax.random.key(0)
    with pytest.raises(ShapeError, match="OneToOne needs two populations of the same size; it was given 2 and 3"):
        OneToOne()(2, 3)
    with pytest.raises(
        ParameterError,
        match=r"FixedProbability: the probability p=1.5 must be a finite number of at least 0 and",
    ):
        FixedProbability(1.5)
    with pytest.raises(ParameterError, match=r"n=4.*: there are 3 units to choose from"):
        FixedInDegree(4)(3, 9, key=key)
    with pytest.raises(ParameterError, match=r"n=3.*: there are 2 units to choose from"):
        FixedOutDegree(3, self_connections=False)(3, 3, key=key)
    with pytest.raises(ParameterError, match=r"ScaleFree\(m=9\) cannot connect 4 units: "):
        ScaleFree(9)(4, 4, key=key)


@pytest.mark.parametrize("connector", [SmallWorld(2, 0.1), ScaleFree(1)], ids=str)
def test_without_networkx_the_message_says_what_to_install(connector, monkeypatch):
    monkeypatch.setitem(sys.modules, "networkx", None)
    with pytest.raises(MissingPackageError, match=r"needs networkx: pip install 'dynplug\[graph\]'"):
        connector(4, 4, key=jax.random.key(0))


def test_connections_are_sorted_by_the_receiver_and_have_a_mask():
    made = Connections([2, 0, 1], [1, 1, 0], 3, 2)
    assert pairs(made) == [(1, 0), (0, 1), (2, 1)]
    assert len(made) == 3
    np.testing.assert_array_equal(made.mask, [[False, True, False], [True, False, True]])
    assert len(Connections([], [], 3, 2)) == 0


@pytest.mark.parametrize(
    ("pre", "post", "error", "said"),
    [
        ([0, 1], [0], ShapeError, "pre has 2 indices, but post has 1"),
        ([0, 3], [0, 1], ShapeError, "pre has indices from 0 to 3, for 3 units"),
        ([0, 1], [-1, 1], ShapeError, "post has indices from -1 to 1, for 2 units"),
    ],
)
def test_connections_that_are_none_are_refused(pre, post, error, said):
    with pytest.raises(error, match=said):
        Connections(pre, post, 3, 2)


def test_connectors_are_built_by_name():
    made = dp.build({"type": "FixedInDegree", "n": 2, "self_connections": False})
    assert made == FixedInDegree(2, self_connections=False)


@pytest.mark.parametrize("p", [5e-324, 1e-17, 1e-3, 0.5, 1.0 - 1e-16, 1.0])
def test_any_probability_ends_with_pairs_in_range(p):
    made = dp.connectors.FixedProbability(p)(1000, 700, key=jax.random.key(0))
    assert abs(len(made) - 700_000 * p) <= 6 * np.sqrt(700_000 * p * (1 - p)) + 1e-9 or len(made) == round(700_000 * p)
    codes = np.asarray(made.post, np.int64) * 1000 + np.asarray(made.pre)
    assert np.all(np.diff(codes) > 0)


@pytest.mark.parametrize("method", ["dense", "sparse"])
def test_a_pair_that_occurs_twice_is_two_connections(method):
    twice = lambda pre, post, key=None: dp.connectors.Connections([1, 0, 1], [0, 1, 0], pre, post)  # noqa: E731
    assert twice(2, 2).pre.tolist() == [1, 1, 0]
    layer = dp.layers.Sparse(2, 2, twice, W_initializer=np.array([0.25, 0.5, 4.0]), b_initializer=None, method=method)
    _, y = layer.update(None, np.array([1.0, 2.0], np.float32), dp.Context(dt=1.0))
    np.testing.assert_allclose(y, [1.5, 4.0])


@pytest.mark.parametrize(
    "connector",
    [
        AllToAll(),
        AllToAll(self_connections=False),
        OneToOne(),
        FixedInDegree(7),
        FixedOutDegree(7),
        FixedProbability(0.2),
        FixedProbability(0.2, self_connections=False),
        SmallWorld(5, 0.3),
        ScaleFree(3),
    ],
    ids=repr,
)
def test_the_number_of_connections_is_told_beforehand(connector):
    found, told = len(connector(80, 80, key=jax.random.key(0))), connector.expected(80, 80)
    drawn = getattr(connector, "p", 0.0) if isinstance(connector, FixedProbability) else 0.0
    assert abs(found - told) <= 5 * np.sqrt(6400 * drawn * (1 - drawn))


@pytest.mark.parametrize(
    ("what", "error", "said"),
    [
        (([0.7, 1.2], [0, 1]), ParameterError, r"pre must be whole numbers.*got \[0.7, 1.2\]"),
        (([0, 1], [True, False]), ParameterError, "post must be whole numbers"),
        ((["a"], ["b"]), ParameterError, "pre must be whole numbers"),
        (([0, 1, 2], [0, 1]), ShapeError, "pre has 3 indices, but post has 2"),
        (np.array([[np.nan, 0.0], [0.0, 1.0]]), ParameterError, "holds finite numbers"),
        (scipy.sparse.csr_matrix([[np.nan, 0.0], [0.0, 1.0]]), ParameterError, "holds finite numbers"),
        (np.array([["a", "b"]]), ParameterError, "holds finite numbers"),
    ],
)
def test_what_is_no_connection_is_refused_before_a_network_is_built(what, error, said):
    with pytest.raises(error, match=said):
        as_connector(what)


def test_indices_that_are_none_are_no_connections_either():
    with pytest.raises(ParameterError, match="Connections: pre must be whole numbers"):
        Connections([0.7, 1.2], [0, 1], 2, 2)


def test_a_matrix_may_hold_truth_values_and_indices_be_unsigned():
    truth = as_connector(np.array([[True, False], [False, True]]))(2, 2)
    assert pairs(truth) == pairs(as_connector(np.array([[0, 1], [0, 1]], np.uint8).tolist())(2, 2)) == [(0, 0), (1, 1)]
    assert pairs(as_connector(tuple(np.array([[0, 1], [0, 1]], np.uint8)))(2, 2)) == [(0, 0), (1, 1)]


@pytest.mark.parametrize("form", ["coo", "csr"])
def test_entries_of_a_matrix_at_one_place_are_one_connection_of_their_sum(form):
    twice = scipy.sparse.coo_matrix(([1.0, 2.0, 4.0], ([0, 0, 1], [1, 1, 0])), shape=(2, 2))
    if form == "csr":  # SciPy leaves them apart there, too
        twice = scipy.sparse.csr_matrix((twice.data, [1, 1, 0], [0, 2, 3]), shape=(2, 2))
    edge = dp.Projection("A", "B", twice, weight=twice, synapse=dp.synapses.Delta())
    cells = {"A": dp.sources.SpikeTimes(2, [], []), "B": dp.neurons.LeakyIntegrator(2)}
    drawn = dp.Network(cells, {"p": edge})["p"]
    assert len(drawn.fanout) == 2
    assert sorted(np.asarray(drawn.weight).tolist()) == [3.0, 4.0]
