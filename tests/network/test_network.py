"""Networks against a simulation in NumPy that shares no code with ours."""

import itertools
import re

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
import scipy.sparse
from hypothesis import given, settings, strategies as st

import dynplug as dp
from dynplug.errors import (
    AlgebraicLoopError,
    CompositionError,
    DurationError,
    KeyRequiredError,
    NetworkMemoryError,
    ParameterError,
    ShapeError,
    UnknownPathError,
)

DT, TAU, TAU_S = 0.5, 10.0, 4.0
CURRENT = dp.synapses.Exponential(tau=TAU_S)


def by_hand(sizes, edges, inputs, steps):
    """Leaky neurons and exponential currents, step by step, connection by connection.

    `edges`: (source, target, pre, post, weight, delay in steps), of which those without a delay go from a population to
    a later one.
    """
    V = {p: np.zeros(n) for p, n in sizes.items()}
    g = {k: np.zeros(sizes[edge[1]]) for k, edge in enumerate(edges)}
    spikes = {p: np.zeros((steps, n)) for p, n in sizes.items()}
    decay, leak = np.exp(-DT / TAU_S), np.exp(-DT / TAU)
    for i in range(steps):
        for p in sizes:
            current = np.full(sizes[p], inputs.get(p, 0.0))
            for k, (source, target, pre, post, weight, delay) in enumerate(edges):
                if target != p:
                    continue
                for a, b, w, d in zip(pre, post, weight, delay, strict=True):
                    if i - d >= 0 and spikes[source][i - d, a]:
                        g[k][b] += w
                current += g[k] * (1 - decay) * TAU_S / DT
                g[k] *= decay
            V[p] = current + (V[p] - current) * leak
            spikes[p][i] = V[p] >= 1.0
            V[p][V[p] >= 1.0] = 0.0
    return spikes, V


@st.composite
def networks(draw):
    """Populations A, B and C, with random projections among them, some within the step, and delays of all kinds."""
    sizes = {p: draw(st.integers(1, 4)) for p in "ABC"}
    edges = []
    for _k in range(draw(st.integers(1, 4))):
        source, target = draw(st.sampled_from("ABC")), draw(st.sampled_from("ABC"))
        count = draw(st.integers(0, 6))
        pre = [draw(st.integers(0, sizes[source] - 1)) for _ in range(count)]
        post = [draw(st.integers(0, sizes[target] - 1)) for _ in range(count)]
        weight = [draw(st.integers(-8, 24)) / 8 for _ in range(count)]
        least = 0 if source < target else 1
        delay = [draw(st.integers(least, 4)) for _ in range(count)]
        if draw(st.booleans()):
            delay = [draw(st.integers(least, 4))] * count
        edges.append((source, target, pre, post, weight, delay))
    return sizes, edges


def built(sizes, edges, synapse=CURRENT):
    projections = {}
    for k, (source, target, pre, post, weight, delay) in enumerate(edges):
        same = len(set(delay)) == 1
        projections[f"p{k}"] = dp.Projection(
            source,
            target,
            (np.array(pre, int), np.array(post, int)),
            weight=np.array(weight, float),
            delay=(delay[0] * DT if same else np.array(delay, float) * DT) if delay else DT,
            synapse=synapse,
        )
    return dp.Network({p: dp.neurons.LIF(n, tau=TAU) for p, n in sizes.items()}, projections)


@settings(max_examples=25, deadline=None)
@given(networks())
def test_any_network_equals_the_sum_over_its_connections(drawn):
    sizes, edges = drawn
    inputs = {"A": 1.5, "C": 1.2}
    with jax.enable_x64(True):
        net = built(sizes, edges)
        _, outs = dp.LoopOverTime(net, dt=DT, loop="plain")(
            {p: jnp.full((40, sizes[p]), float(value)) for p, value in inputs.items()}
        )
        expected, _ = by_hand(sizes, edges, inputs, 40)
        for p in sizes:
            np.testing.assert_array_equal(outs[p], expected[p], err_msg=p)


def run(net, steps, inputs=None, monitors=None, dt=DT, key=None, state=None):
    """The state at the end, and the records of monitors or else the outputs."""
    runner = dp.DSRunner(net, dt=dt, monitors=monitors, progress_bar=False, key=key)
    if state is not None:
        runner.reset_state(state)
    out = runner.run(steps * dt, inputs=inputs)
    return runner.state.system, runner.mon if monitors else out


def test_what_has_no_delay_acts_within_the_step_whatever_the_order_of_the_names():
    kick = dp.synapses.Delta()
    nodes = {name: dp.neurons.LIF(1, V_reset=0.0) for name in ("last", "middle", "first")}
    edges = {
        "b": dp.Projection("middle", "last", "OneToOne", weight=2.0, synapse=kick),
        "a": dp.Projection("first", "middle", "OneToOne", weight=2.0, synapse=kick),
    }
    _, outs = run(dp.Network(nodes, edges), 40, {"first": 3.0})
    assert outs["first"].sum() > 2
    np.testing.assert_array_equal(outs["last"], outs["first"])
    np.testing.assert_array_equal(outs["middle"], outs["first"])


@pytest.mark.parametrize("delay", [0.5, 1.0, 3.5])
@pytest.mark.parametrize("back", [False, True])
def test_a_delay_counts_from_the_step_of_the_spike_to_that_of_its_arrival(delay, back):
    """In a cycle or out of it."""
    kick = dp.synapses.Delta()
    edges = {"there": dp.Projection("A", "B", "OneToOne", weight=5.0, delay=delay, synapse=kick)}
    if back:
        edges["back"] = dp.Projection("B", "A", "OneToOne", weight=0.0, delay=0.5, synapse=kick)
    net = dp.Network({"A": dp.neurons.LIF(1), "B": dp.neurons.LIF(1)}, edges)
    _, outs = run(net, 60, {"A": 1.5})
    sent, arrived = (np.flatnonzero(outs[name][:, 0]) for name in "AB")
    assert len(sent) > 1
    np.testing.assert_array_equal(arrived, sent + round(delay / DT))


def test_targets_get_their_own_parts_of_one_array_of_synapses():
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


def test_pairs_and_matrices_count_the_units_of_several_targets_in_a_row():
    matrix = np.zeros((5, 2))
    matrix[[0, 1, 4], [1, 0, 1]] = 0.25, 0.5, 0.75
    pairs = (np.array([1, 0, 1]), np.array([4, 1, 0]))
    nodes = {"A": dp.neurons.LIF(2), "B": dp.neurons.LIF(3)}
    for connector, weight in ((matrix, matrix), (pairs, np.array([0.75, 0.5, 0.25]))):
        edge = dp.Projection("A", ["A", "B"], connector, weight=weight, delay=DT, synapse=CURRENT)
        state, _ = run(dp.Network(nodes, {"p": edge}), 2, state={"A.V": 2.0})
        expected = np.array([0.25, 0.5, 0.0, 0.0, 0.75]) * np.exp(-DT / TAU_S)
        np.testing.assert_allclose(state["p"].synapse.g, expected, rtol=1e-6)


def test_equal_linear_synapses_are_shared_and_others_are_not():
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
def test_connections_and_weights_in_all_forms(form):
    connector, weight = FORMS[form]
    nodes = {"A": dp.neurons.LIF(2), "B": dp.neurons.LIF(3)}
    net = dp.Network(nodes, {"p": dp.Projection("A", "B", connector, weight=weight, synapse=CURRENT)})
    state, _ = run(net, 1, {"A": 100.0})
    expected = np.array([0.5, 0.0, 0.5 if form == "one for all" else 0.3]) * np.exp(-DT / TAU_S)
    np.testing.assert_allclose(state["p"].synapse.g, expected, rtol=1e-6)


def test_pairs_that_occur_twice_are_two_connections_and_a_unit_may_reach_itself():
    pairs = (np.array([0, 0, 0]), np.array([0, 0, 1]))
    net = dp.Network(
        {"A": dp.neurons.LIF(2)},
        {"p": dp.Projection("A", "A", pairs, weight=np.array([1.0, 2.0, 4.0]), delay=DT, synapse=CURRENT)},
    )
    state, _ = run(net, 2, state={"A.V": 2.0})
    np.testing.assert_allclose(state["p"].synapse.g, np.array([3.0, 4.0]) * np.exp(-DT / TAU_S), rtol=1e-6)


def random_network(names, **sizes):
    connect = dp.connectors.FixedProbability(0.5)
    uniform = dp.initializers.Uniform(0.0, 1.0)
    edges = {
        f"{a}{b}": dp.Projection(a, b, connect, weight=uniform, delay=DT, synapse=CURRENT)
        for a, b in itertools.product(names, names)
    }
    return dp.Network({name: dp.neurons.LIF(6) for name in names}, edges, key=jax.random.key(3))


def test_another_population_changes_no_connections_of_others():
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


def test_signs_of_dale_hold_through_training():
    nodes = {"A": dp.neurons.LIF(4), "B": dp.neurons.LeakyIntegrator(3)}
    magnitude = dp.initializers.Uniform(0.1, 1.0)
    edges = {
        "up": dp.Projection("A", "B", "AllToAll", weight=magnitude, synapse=CURRENT, sign="excitatory"),
        "down": dp.Projection("A", "B", "AllToAll", weight=magnitude, synapse=CURRENT, sign="inhibitory"),
    }
    net = dp.Network(nodes, edges, input_to="A", output_from="B", key=jax.random.key(0))
    assert np.all(net["down"].weights < 0)
    assert dp.train_vars(net).keys() == {"up.weight.magnitude", "down.weight.magnitude"}
    x = jnp.full((2, 30, 4), 2.0)
    trainer = dp.BPTT(net, loss_fun="mse", optimizer=optax.sgd(100.0), dt=DT, progress_bar=False)
    trainer.fit((x, jnp.full((2, 30, 3), 5.0)), num_epoch=3)
    assert np.all(trainer.target["down"].weights < 0)
    assert np.all(trainer.target["up"].weights > 0)
    assert not np.allclose(trainer.target["up"].weights, net["up"].weights)


def test_gap_junctions_follow_the_coupled_equation():
    """Two passive cells relax to their mean, with the time constant of both leaks and twice the junction."""
    cells = dp.neurons.LIF(2, tau=10.0, R=2.0, V_th=1e9)
    g, dt, steps = 0.05, 0.01, 500
    gap = dp.GapJunction("A", "A", (np.array([0]), np.array([1])), g=g)
    with jax.enable_x64(True):
        net = dp.Network({"A": cells}, {"gap": gap})
        _, mon = run(net, steps, monitors=["A.V"], dt=dt, state={"A.V": [1.0, 0.0]})
    t = dt * np.arange(1, steps + 1)
    mean, difference = 0.5 * np.exp(-t / 10.0), np.exp(-t * (1 + 2 * 2.0 * g) / 10.0)
    np.testing.assert_allclose(mon["A.V"].mean(1), mean, rtol=5e-5)
    np.testing.assert_allclose(mon["A.V"][:, 0] - mon["A.V"][:, 1], difference, rtol=1e-3)


def test_gap_junctions_between_two_populations_conduct_both_ways():
    nodes = {"A": dp.neurons.LIF(2, V_th=1e9), "B": dp.neurons.LIF(1, V_th=1e9)}
    gap = dp.GapJunction("A", "B", (np.array([0, 1]), np.array([0, 0])), g=np.array([0.1, 0.3]))
    state, _ = run(dp.Network(nodes, {"gap": gap}), 1, dt=0.001, state={"B.V": 1.0})
    rates = np.concatenate([state["A"].V, state["B"].V - np.exp(-0.001 / 10)]) / 0.001 * 10.0
    np.testing.assert_allclose(rates, [0.1, 0.3, -0.4], rtol=1e-2)


@pytest.mark.claim(
    "network-gradients",
    "The gradient of an event-driven recurrent network equals that of a dense one, by every delivery (relative)",
    tolerance=1e-9,
    reference="a layer with a dense weight matrix",
    components=("layer:Network",),
)
def test_gradients_are_those_of_a_dense_layer(measured):
    """Through several steps of a recurrent network, by every method of delivery, and by weights given as one number."""
    rng = np.random.default_rng(0)
    matrix = np.where(rng.random((6, 6)) < 0.5, rng.normal(size=(6, 6)), 0.0)
    x = jnp.asarray(rng.uniform(0.0, 3.0, (20, 6)))
    with jax.enable_x64(True):
        lif = dp.neurons.LIF(6)
        dense = dp.Recurrent(
            lif, dp.layers.Dense(6, 6, W_initializer=matrix, b_initializer=None) >> dp.synapses.Delta(6)
        )

        def loss(model):
            _, out = dp.LoopOverTime(model, dt=DT)(x.astype(float))
            return jnp.sum(jnp.cumsum(out, 0) ** 2)

        expected = np.asarray(eqx.filter_grad(loss)(dense).connection.systems[0].weight)
        assert np.abs(expected).max() > 0.1
        for delivery in ("auto", "events", "sparse", "dense"):
            edge = dp.Projection(
                "A", "A", matrix, weight=matrix, delay=DT, synapse=dp.synapses.Delta(), delivery=delivery
            )
            net = dp.Network({"A": lif}, {"p": edge}, input_to="A", output_from="A")
            found = eqx.filter_grad(loss)(net)["p"].weight
            post, pre = np.asarray(net["p"].fanout.post), np.repeat(np.arange(6), np.diff(net["p"].fanout.start))
            measured.relative(found, expected[post, pre], floor=1e-3)


def test_a_batch_is_its_samples():
    net = random_network("AB")
    x = jax.random.uniform(jax.random.key(1), (3, 30, 6), maxval=6.0)
    _, outs = dp.LoopOverTime(net, dt=DT, data_first_axis="B")({"A": x})
    for b in range(3):
        _, alone = dp.LoopOverTime(net, dt=DT)({"A": x[b]})
        np.testing.assert_array_equal(outs["B"][b], alone["B"])
    assert outs["B"].sum() > 0


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


def projection(**changes):
    given = {"weight": 1.0, "delay": DT, "synapse": CURRENT} | changes
    return dp.Projection(
        given.pop("source", "A"), given.pop("target", "B"), given.pop("connector", "AllToAll"), **given
    )


WRONG = {
    "no such source": (
        {"p": projection(source="C")},
        UnknownPathError,
        "p: there is no population 'C'.*Known: A, B",
    ),
    "no such target": ({"p": projection(target=["A", "b"])}, UnknownPathError, "Did you mean 'B'"),
    "a loop": (
        {"there": projection(delay=None), "back": projection(source="B", target="A", delay=0.0)},
        AlgebraicLoopError,
        "The cycle .* has no delay.*'(there|back)', '(there|back)'",
    ),
    "a loop of one": ({"p": projection(target="A", delay=None)}, AlgebraicLoopError, "The cycle A -> A"),
    "name of a population": ({"A": projection()}, CompositionError, "a population and a projection called 'A'"),
    "a dot": ({"a.b": projection()}, CompositionError, "a name without dots; got 'a.b'"),
    "no projection": ({"p": CURRENT}, CompositionError, "'p' is no projection; give dp.Projection"),
    "weights": ({"p": projection(weight=np.ones(5))}, ShapeError, r"p: weight has shape \(5,\).*each of the 6"),
    "matrix": ({"p": projection(connector=np.ones((2, 3)))}, ShapeError, r"\(post, pre\), \(3, 2\)"),
    "index": ({"p": projection(connector=([5], [0]))}, ShapeError, "pre has indices from 5 to 5, for 2 units"),
    "Dale": ({"p": projection(weight=-1.0, sign="excitatory")}, ParameterError, "magnitudes.*the lowest is -1"),
    "conductance": (
        {"p": projection(weight=-1.0, synapse=dp.synapses.Exponential(output=dp.synapses.COBA(0.0)))},
        ParameterError,
        "a conductance has no negative weights",
    ),
    "no key": ({"p": projection(connector=dp.connectors.FixedProbability(0.5))}, KeyRequiredError, "key="),
    "no size": ({"p": projection(synapse=dp.synapses.Exponential(4, tau=np.ones(4)))}, ParameterError, "one per unit"),
    "not a number": ({"p": projection(weight=float("nan"))}, ParameterError, "p: weights must be finite"),
    "pairs": (
        {"p": projection(target=["A", "B"], connector=([0], [5]))},
        ShapeError,
        "indices from 5 to 5, for 5 units",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_networks_are_refused_by_name(case):
    edges, error, message = WRONG[case]
    with pytest.raises(error, match=f"(?s){message}"):
        dp.Network({"A": dp.neurons.LIF(2), "B": dp.neurons.LIF(3)}, edges)


def test_wrong_arguments_of_a_projection():
    for wrong, error, message in (
        ({"synapse": dp.synapses.Exponential}, CompositionError, "takes a synapse such as"),
        ({"synapse": 5.0}, CompositionError, "takes a synapse such as"),
        ({"sign": "positive"}, ParameterError, "'excitatory', 'inhibitory' or None"),
        ({"delay": -1.0}, ParameterError, "a delay is a time from 0 ms"),
        ({"target": []}, ParameterError, "takes the name of its target"),
    ):
        with pytest.raises(error, match=message):
            projection(**wrong)


def test_wrong_steps_and_inputs():
    net = dp.Network({"A": dp.neurons.LIF(2), "B": dp.neurons.LIF(3)}, {"p": projection(delay=0.7)})
    with pytest.raises(DurationError, match=r"p: A delay of 0\.7 ms is 1\.4 steps"):
        run(net, 1)
    net = dp.Network({"A": dp.neurons.LIF(2), "B": dp.neurons.LIF(3)}, {"p": projection()})
    for x, error, message in (
        ({"C": 1.0}, UnknownPathError, "Input for 'C'.*Known: A, B"),
        (1.0, ShapeError, "a dictionary.*no `input_to`"),
        ({"B": jnp.ones(2)}, ShapeError, r"B takes inputs of shape \(3,\), but was given \(2,\)"),
    ):
        with pytest.raises(error, match=f"(?s){message}"):
            run(net, 1, x)
    with pytest.raises(UnknownPathError, match="input_to: there is no population 'C'"):
        dp.Network({"A": dp.neurons.LIF(2)}, input_to="C")
    with pytest.raises(UnknownPathError, match="no part 'q'"):
        net["q"]
    gap = dp.GapJunction("A", "B", "AllToAll", g=1.0)
    with pytest.raises(CompositionError, match="'B' has no potential V"):
        run(dp.Network({"A": dp.neurons.LIF(2), "B": dp.layers.RNNCell(2, 2, key=jax.random.key(0))}, {"g": gap}), 1)


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
    edge = projection(target="A", connector=connector)
    with pytest.raises(NetworkMemoryError, match=rf"p: .*about {count} connections.*GiB are free"):
        dp.Network({"A": dp.neurons.LIF(10**7)}, {"p": edge}, key=jax.random.key(0))


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
    assert re.search(r"gap: I = I, 4,\d{3} gap junctions|gap: I = I, 3,\d{3} gap junctions", text)
