"""Couplings of rates, phases and potentials against a loop over connections in NumPy, and closed forms."""

import itertools

import diffrax
import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.linalg
import scipy.sparse
from hypothesis import given, settings, strategies as st

import dynplug as dp
from dynplug.errors import (
    CompositionError,
    DurationError,
    KeyRequiredError,
    ParameterError,
    ShapeError,
    UnknownPathError,
)

DT, TAU = 0.5, 10.0
SIZES = {"A": 3, "B": 2}
OMEGA = np.array([0.2, -0.3, 1.0, 0.5, 0.1])


def by_hand(form, edges, start, steps):
    """Phases that turn, or potentials that leak, step by step and connection by connection.

    `edges`: (source, target, pre, post, weight, delay in steps). The history is the start.
    """
    x = {p: [start[p].copy()] for p in SIZES}
    omega = dict(zip(SIZES, np.split(OMEGA, [SIZES["A"]]), strict=True))
    for i in range(steps):
        now = {p: x[p][-1] for p in SIZES}
        current, conductance = ({p: np.zeros(n) for p, n in SIZES.items()} for _ in range(2))
        for source, target, pre, post, weight, delay in edges:
            for j, k, w, d in zip(pre, post, weight, delay, strict=True):
                sent = x[source][max(0, i - d)][j]
                if form == "sine":
                    current[target][k] += w * np.sin(sent - now[target][k])
                else:
                    current[target][k] += w * sent
                    conductance[target][k] += w if form == "diffusive" else 0.0
        for p in SIZES:
            if form == "sine":
                new = now[p] + DT * (omega[p] + current[p])
                x[p].append(np.angle(np.exp(1j * new)))
            else:
                end, speed = current[p] / (1 + conductance[p]), (1 + conductance[p]) / TAU
                x[p].append(end + (now[p] - end) * np.exp(-speed * DT))
    return {p: np.array(rows[1:]) for p, rows in x.items()}


def units(form, start):
    if form == "sine":
        omega = dict(zip(SIZES, np.split(OMEGA, [SIZES["A"]]), strict=True))
        return {p: dp.neurons.Kuramoto(n, omega=omega[p], theta_init=start[p]) for p, n in SIZES.items()}
    return {p: dp.neurons.LIF(n, tau=TAU, V_th=1e9, V_init=start[p]) for p, n in SIZES.items()}


@st.composite
def couplings(draw):
    edges = []
    for _ in range(draw(st.integers(1, 3))):
        source, target = draw(st.sampled_from("AB")), draw(st.sampled_from("AB"))
        count = draw(st.integers(1, 5))
        pre = [draw(st.integers(0, SIZES[source] - 1)) for _ in range(count)]
        post = [draw(st.integers(0, SIZES[target] - 1)) for _ in range(count)]
        weight = [draw(st.integers(-2, 8)) / 16 for _ in range(count)]
        same = draw(st.booleans())
        delay = [draw(st.integers(0, 4))] * count if same else [draw(st.integers(0, 4)) for _ in range(count)]
        edges.append((source, target, pre, post, weight, delay))
    return draw(st.sampled_from(["additive", "diffusive", "sine"])), edges


@settings(max_examples=15, deadline=None)  # each of which is compiled
@given(couplings())
def test_any_coupling_equals_the_sum_over_its_connections(drawn):
    form, edges = drawn
    start = {"A": np.array([0.3, -0.5, 1.0]), "B": np.array([0.8, 0.1])}
    with jax.enable_x64(True):
        drawn_edges = {
            f"c{n}": dp.Coupling(source, target, (pre, post), weight=np.array(w), form=form,
                                 delay=None if not any(d) else d[0] * DT if len(set(d)) == 1 else np.array(d) * DT)
            for n, (source, target, pre, post, w, d) in enumerate(edges)
        }  # fmt: skip
        net = dp.Network(units(form, start), drawn_edges)
        variable = "theta" if form == "sine" else "V"
        loop = dp.LoopOverTime(net, {p: f"{p}.{variable}" for p in SIZES}, dt=DT, loop="plain")
        _, (_, seen) = loop(20 * DT)
        expected = by_hand(form, edges, start, 20)
        for p in SIZES:
            apart = np.asarray(seen[p]) - expected[p]
            apart = np.angle(np.exp(1j * apart)) if form == "sine" else apart
            np.testing.assert_allclose(apart, 0.0, atol=1e-12, err_msg=p)


@pytest.mark.claim(
    "diffusive-coupling",
    "Units on a graph, coupled diffusively, even out as the matrix exponential of its Laplacian says, at 0.02 ms",
    tolerance=1e-3,
    reference="SciPy's matrix exponential",
    components=("layer:Network",),
)
def test_diffusion_on_a_graph_is_the_exponential_of_its_laplacian(x64, measured):
    rng = np.random.default_rng(1)
    W = rng.uniform(0.0, 1.0, (6, 6)) * (rng.random((6, 6)) < 0.6)  # of a directed graph
    start = rng.normal(size=6)
    cells = dp.neurons.LIF(6, tau=TAU, V_th=1e9, V_init=start)
    edge = dp.Coupling("A", "A", scipy.sparse.csr_array(W), weight=W, form="diffusive")
    _, (_, V) = dp.LoopOverTime(dp.Network({"A": cells}, {"c": edge}), "A.V", dt=0.02)(20.0)
    A = (W - np.diag(W.sum(1)) - np.eye(6)) / TAU
    exact = np.stack([scipy.linalg.expm(A * t) @ start for t in 0.02 * np.arange(50, 1001, 50)])
    measured.difference(V[49::50], exact)


@pytest.mark.claim(
    "coupling-first-order",
    "Five phase oscillators with sine coupling approach the solution in proportion to the step: the order is 1 within",
    tolerance=0.05,
    reference="Tsit5 of diffrax with a relative tolerance of 1e-10",
    components=("layer:Network", "neuron:Kuramoto"),
)
def test_a_coupled_run_approaches_the_solution_at_first_order(x64, measured):
    rng = np.random.default_rng(2)
    K, start, T = jnp.asarray(rng.normal(size=(5, 5)) / 20), rng.uniform(-3, 3, 5), 20.0

    def field(t, theta, args):
        return jnp.asarray(OMEGA) + jnp.sum(K * jnp.sin(theta[None, :] - theta[:, None]), axis=1)

    solution = diffrax.diffeqsolve(
        diffrax.ODETerm(field), diffrax.Tsit5(), 0.0, T, 0.01, jnp.asarray(start),
        stepsize_controller=diffrax.PIDController(rtol=1e-10, atol=1e-12), max_steps=100_000,
    )  # fmt: skip
    unit = dp.neurons.Kuramoto(5, omega=OMEGA, theta_init=start)
    edge = dp.Coupling("A", "A", np.ones((5, 5)), weight=K, form="sine")
    net = dp.Network({"A": unit}, {"c": edge}, output_from="A")
    errors = []
    for dt in (0.04, 0.02, 0.01):
        _, theta = dp.LoopOverTime(net, dt=dt)(T)
        errors.append(np.abs(np.angle(np.exp(1j * np.asarray(theta[-1] - solution.ys[0])))).max())
    assert errors[-1] < 5e-3
    for coarse, fine in itertools.pairwise(errors):
        measured(abs(np.log2(coarse / fine) - 1.0))


@pytest.mark.claim(
    "threshold-linear-network",
    "A network of threshold-linear units rests at the solution of its linear equation among the active units [kHz]",
    tolerance=1e-9,
    unit="kHz",
    reference="Hahnloser, R. H. R. et al. (2000), doi:10.1038/35016072; linear equations solved by NumPy",
    components=("neuron:ThresholdLinear", "layer:Network"),
)
def test_a_linear_threshold_network_rests_at_its_fixed_point(x64, measured):
    rng = np.random.default_rng(0)
    W = rng.normal(size=(8, 8)) / 6
    I = rng.normal(size=8)  # noqa: E741
    gain, threshold = 0.8, 0.1
    unit = dp.neurons.ThresholdLinear(8, gain=gain, threshold=threshold)
    edge = dp.Coupling("r", "r", "AllToAll", weight=W, form="additive")
    net = dp.Network({"r": unit}, {"W": edge}, input_to="r", output_from="r")
    _, r = dp.LoopOverTime(net, dt=0.5)(jnp.tile(I, (2000, 1)))
    active = np.asarray(r[-1]) > 0
    assert 0 < active.sum() < 8
    among = np.ix_(active, active)
    expected = np.zeros(8)
    expected[active] = np.linalg.solve(np.eye(active.sum()) - gain * W[among], gain * (I - threshold)[active])
    assert np.all(gain * (W @ expected + I - threshold)[~active] < 0)  # so that it is a fixed point
    measured.difference(r[-1], expected)


@pytest.mark.parametrize("form", ["additive", "diffusive", "sine"])
def test_derivatives_are_those_of_finite_differences(form, x64):
    """By weights, in every way of delivery, with delays."""
    start = {"A": np.array([0.3, -0.5, 1.0]), "B": np.array([0.8, 0.1])}
    pre, post, delay = np.array([0, 1, 2, 2]), np.array([1, 0, 1, 1]), np.array([0.0, 0.5, 1.5, 0.0])
    weight = np.array([0.2, -0.1, 0.3, 0.4])

    def loss(weight, net):
        net = eqx.tree_at(lambda net: net["c"].weight, net, weight)
        _, (_, seen) = dp.LoopOverTime(net, "A.theta" if form == "sine" else "A.V", dt=DT)(10 * DT)
        return jnp.sum(jnp.cumsum(seen, 0) ** 2)

    for delivery in ("auto", "sparse", "dense", "events", "gather"):
        edge = dp.Coupling("A", "B", (pre, post), weight=weight, form=form, delay=delay, delivery=delivery)
        back = dp.Coupling("B", "A", "AllToAll", weight=0.2, form=form)
        net = dp.Network(units(form, start), {"c": edge, "back": back})
        weights = net["c"].weight
        found = eqx.filter_jit(jax.grad(loss))(weights, net)
        moved = np.concatenate([np.asarray(weights) + 1e-5 * np.eye(4), np.asarray(weights) - 1e-5 * np.eye(4)])
        above, below = eqx.filter_jit(eqx.filter_vmap(loss, in_axes=(0, None)))(moved, net).reshape(2, 4)
        assert np.abs(found).min() > 1e-3
        np.testing.assert_allclose(found, (above - below) / 2e-5, rtol=1e-6)


def test_weights_are_trained_and_numbers_are_not():
    edges = {
        "one": dp.Coupling("A", "A", "AllToAll", weight=0.1, form="additive"),
        "each": dp.Coupling("A", "A", "AllToAll", weight=dp.initializers.Normal(0.1), form="additive"),
    }
    net = dp.Network({"A": dp.neurons.ThresholdLinear(2)}, edges, key=jax.random.key(0))
    assert dp.train_vars(net).keys() == {"each.weight"}


def test_several_targets_and_drawn_delays_and_connections():
    connect, delay = dp.connectors.FixedProbability(0.5), dp.initializers.Uniform(0.3, 2.0)
    edge = dp.Coupling("A", ["A", "B"], connect, weight=0.1, form="additive", delay=delay)
    nodes = {"A": dp.neurons.ThresholdLinear(20), "B": dp.neurons.WilsonCowan((3, 5))}
    net = dp.Network(nodes, {"c": edge}, key=jax.random.key(0))
    assert 230 < len(net["c"].fanout) < 480
    text = repr(net)
    assert "c: A -> A, B, additive coupling" in text
    assert "delay 0.3 to 2 ms in 18 values" in text
    _, outs = dp.LoopOverTime(net, dt=0.5)({"A": jnp.ones((10, 20))})
    assert outs["B"].shape == (10, 3, 5)
    assert np.all(np.asarray(outs["B"][-1]) > 0)


def test_a_matrix_couples_a_population_with_several_others_in_a_row(x64):
    W = np.arange(1.0, 11.0).reshape(5, 2) / 10
    nodes = {"A": dp.neurons.ThresholdLinear(2, r_init=np.array([1.0, 2.0])), "B": dp.neurons.ThresholdLinear((1, 3))}
    net = dp.Network(nodes, {"c": dp.Coupling("A", ["A", "B"], W, weight=W, form="additive")})
    _, outs = dp.LoopOverTime(net, dt=DT)(DT)
    start, end = np.array([1.0, 2.0, 0.0, 0.0, 0.0]), W @ [1.0, 2.0]
    expected = end + (start - end) * np.exp(-DT / 10.0)
    np.testing.assert_allclose(np.concatenate([outs["A"][0], outs["B"][0, 0]]), expected)


def test_a_configuration_makes_a_coupling():
    edge = {"source": "A", "target": "A", "connector": "AllToAll", "weight": 0.1, "form": "sine", "delay": 1.0}
    config = {"type": "Network", "nodes": {"A": {"type": "Kuramoto", "size": 2}}, "edges": {"c": edge}}
    same = dp.Coupling("A", "A", "AllToAll", weight=0.1, form="sine", delay=1.0)
    assert eqx.tree_equal(dp.build(config), dp.Network({"A": dp.neurons.Kuramoto(2)}, {"c": same}))


def test_gap_junctions_and_couplings_of_rates_act_on_their_variable(x64):
    unit = dp.neurons.ThresholdLinear(2, r_init=np.array([1.0, 0.0]))
    gap = dp.GapJunction("r", "r", (np.array([0]), np.array([1])), g=0.3)
    pairs = (np.array([0, 1]), np.array([1, 0]))
    coupling = dp.Coupling("r", "r", pairs, weight=0.3, form="diffusive")
    seen = [dp.LoopOverTime(dp.Network({"r": unit}, {"e": e}), dt=DT)(10.0)[1]["r"] for e in (gap, coupling)]
    np.testing.assert_allclose(*seen)
    assert seen[0][:, 1].max() > 0.05


def coupling(**changes):
    given = {"weight": 1.0, "form": "additive"} | changes
    return dp.Coupling(given.pop("source", "A"), given.pop("target", "A"), given.pop("connector", "AllToAll"), **given)


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"form": "sin"}, ParameterError, r"Coupling\(form='sin'\): Did you mean 'sine'"),
        ({"source": 3}, ParameterError, "Coupling: the source is a population's name; got 3"),
        ({"delay": -1.0}, ParameterError, r"Coupling: delay \[ms\]=-1.0 must be a finite number of at least 0"),
        ({"target": []}, ParameterError, "takes the name of its target"),
        ({"source": "B"}, UnknownPathError, "c: there is no population 'B'"),
        ({"weight": np.ones(3)}, ShapeError, r"c: weight has shape \(3,\).*each of the 4"),
        ({"weight": np.full(4, np.nan)}, ParameterError, "c: weights must be finite"),
        ({"weight": dp.initializers.Normal(1.0)}, KeyRequiredError, "c: weight"),
        ({"delay": 0.7}, DurationError, r"c: A delay of 0\.7 ms is 1\.4 steps"),
        ({"form": "diffusive"}, CompositionError, "is a phase and no potential: couple it by"),
    ],
    ids=str,
)
def test_wrong_couplings_are_refused_by_name(changes, error, message):
    with pytest.raises(error, match=f"(?s){message}"):
        dp.LoopOverTime(dp.Network({"A": dp.neurons.Kuramoto(2)}, {"c": coupling(**changes)}), dt=DT)(1.0)


def test_what_has_no_variable_cannot_be_coupled():
    nodes = {"A": dp.neurons.Kuramoto(2), "B": dp.layers.RNNCell(2, 2, key=jax.random.key(0))}
    for ends in ({"source": "B"}, {"target": "B"}):
        with pytest.raises(CompositionError, match="'B' has no potential V"):
            dp.LoopOverTime(dp.Network(nodes, {"c": coupling(**ends)}), dt=DT)({"B": jnp.ones((2, 2))})
