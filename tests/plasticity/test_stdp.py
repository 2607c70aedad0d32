"""Spike-timing-dependent plasticity against closed forms, a double sum over spikes, and Brian2's weights."""

from pathlib import Path

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from hypothesis import given, settings, strategies as st

import dynplug as dp
from dynplug.delivery import Fanout
from dynplug.errors import CompositionError, ParameterError, PlasticityError
from dynplug.plasticity import PairSTDP, TripletSTDP
from dynplug.plasticity.changes import by_all, by_events

BRIAN2 = np.load(Path(__file__).parents[1] / "recorded" / "brian2.npz")
RULES = {
    "pairs": PairSTDP(17.0, 34.0, A_plus=0.05, A_minus=0.025),
    "nearest": PairSTDP(17.0, 34.0, A_plus=0.05, A_minus=0.025, nearest=True),
    "triplets": TripletSTDP(tau_y=125.0, A2_plus=0.01, A3_plus=0.008, A2_minus=0.01, A3_minus=0.004),
}


def joined(rule, pre, post, weight, delay=None, **options):
    """A network in which given spikes go through plastic connections to units that spike when they are told to."""
    return dp.Network(
        {
            "A": dp.Lift(lambda x: x, in_size=(pre,)),
            "B": dp.Lift(lambda drive: drive.current, in_size=(post,)),
        },
        {
            "rec": dp.Projection(
                "A",
                "B",
                dp.connectors.AllToAll(),
                weight=weight,
                delay=delay,
                plasticity=rule,
                **{"synapse": dp.synapses.Delta(), **options},
            )
        },
    )


def ran(net, pre, post, dt=0.1):
    """The weights at the end of each step."""
    given = {"A": jnp.asarray(pre, float), "B": jnp.asarray(post, float)}
    return np.asarray(dp.LoopOverTime(net, "rec.weight", dt=dt)(given)[1][1])


@pytest.mark.claim(
    "brian2-stdp",
    "Weights under pair, nearest-pair and triplet STDP with delays of 0 to 15 steps are Brian2's",
    tolerance=1e-12,
    reference="Brian2 2.9.0, tests/recorded/brian2_values.py",
    components=("plasticity:PairSTDP", "plasticity:TripletSTDP"),
)
@pytest.mark.parametrize("name", RULES)
def test_weights_are_those_of_brian2(x64, measured, name):
    delay = 0.1 * BRIAN2["plasticity:delay"]
    net = joined(RULES[name], 4, 3, BRIAN2["plasticity:weight"], delay)
    found = ran(net, BRIAN2["plasticity:pre"], BRIAN2["plasticity:post"])
    expected = BRIAN2[f"plasticity:{name}"]
    fanout = net["rec"].fanout
    sender, receiver = np.asarray(fanout.pre) % 4, np.asarray(fanout.post)
    assert np.ptp(expected[-1]) > 0.3
    assert np.any((expected == 0) | (expected == 1))
    measured.difference(found[np.r_[0 : len(found) : 100, -1]], expected[:, receiver, sender])


def pair(rule, arrival, spike, weight=0.5, **options):
    """The change of one weight by an arrival and a spike in two of 201 steps of 0.5 ms."""
    pre, post = np.zeros((201, 1)), np.zeros((201, 1))
    pre[arrival], post[spike] = 1, 1
    return ran(joined(rule, 1, 1, weight, **options), pre, post, dt=0.5)[-1, 0] - weight


@pytest.mark.claim(
    "stdp-window",
    "A pair of an arrival and a spike changes the weight as the two exponentials of pair STDP say",
    tolerance=1e-15,
    reference="Song, S., Miller, K. D. & Abbott, L. F. (2000), doi:10.1038/78829; closed form",
    components=("plasticity:PairSTDP",),
)
def test_the_window_of_a_pair(x64, measured):
    """Twenty pairs at once, of units that each receive from one other."""
    lags = np.r_[-60:0:7, 0:60:5]  # steps of 0.5 ms
    count, at = len(lags), 100
    pre, post = np.zeros((201, count)), np.zeros((201, count))
    pre[at], post[at + lags, np.arange(count)] = 1, 1
    rule = PairSTDP(10.0, 25.0, A_plus=0.03, A_minus=0.02)
    net = joined(rule, count, count, 0.5)
    one_to_one = np.asarray(net["rec"].fanout.pre) == np.asarray(net["rec"].fanout.post)
    time = 0.5 * lags
    expected = np.where(time >= 0, 0.03 * np.exp(-np.abs(time) / 10.0), -0.02 * np.exp(-np.abs(time) / 25.0))
    measured.difference(ran(net, pre, post, dt=0.5)[-1][one_to_one] - 0.5, expected)


def test_bounds_cut_each_change_at_once():
    rule = PairSTDP(10.0, 10.0, A_plus=0.4, A_minus=0.4, w_min=0.3, w_max=0.7)
    assert pair(rule, 50, 50) == pytest.approx(0.2)
    assert pair(rule, 50, 49) == pytest.approx(-0.2)
    pre, post = np.zeros((40, 1)), np.zeros((40, 1))
    post[[10, 30]] = pre[[10, 20]] = 1  # up to the bound, then down by what one pair takes
    weights = ran(joined(rule, 1, 1, 0.65), pre, post, dt=0.5)[:, 0]
    assert weights[15] == pytest.approx(0.7)
    assert weights[25] == pytest.approx(0.7 - 0.4 * np.exp(-5 / 10))


def test_time_is_counted_from_the_arrival():
    """With a delay of 4 ms, a spike 1.5 ms after that of the source comes before what it sends."""
    rule = PairSTDP(10.0, 25.0, A_plus=0.03, A_minus=0.02)
    assert pair(rule, 50, 53, delay=4.0) == pytest.approx(-0.02 * np.exp(-2.5 / 25.0), rel=1e-4)
    assert pair(rule, 50, 58, delay=4.0) == pytest.approx(0.03, rel=1e-4)


def by_pairs(pre, post, weight, rule, dt):
    """The weight after a double sum over the earlier partners of each event."""
    for i in range(len(pre)):
        if pre[i]:
            weight -= rule.A_minus * sum(np.exp(-(i - k) * dt / rule.tau_minus) for k in np.flatnonzero(post[:i]))
            weight = min(max(weight, rule.w_min), rule.w_max)
        if post[i]:
            weight += rule.A_plus * sum(np.exp(-(i - k) * dt / rule.tau_plus) for k in np.flatnonzero(pre[: i + 1]))
            weight = min(max(weight, rule.w_min), rule.w_max)
    return weight


def by_triplets(pre, post, weight, rule, dt):
    """The weight after a triple sum over the earlier partners of each event."""

    def trace(events, i, tau):
        return sum(np.exp(-(i - k) * dt / tau) for k in np.flatnonzero(events[:i]))

    for i in range(len(pre)):
        if pre[i]:
            o1, r2 = trace(post, i, rule.tau_minus), trace(pre, i, rule.tau_x)
            weight = np.clip(weight - o1 * (rule.A2_minus + rule.A3_minus * r2), rule.w_min, rule.w_max)
        if post[i]:
            r1, o2 = trace(pre, i, rule.tau_plus) + pre[i], trace(post, i, rule.tau_y)
            weight = np.clip(weight + r1 * (rule.A2_plus + rule.A3_plus * o2), rule.w_min, rule.w_max)
    return weight


TRAINS = st.lists(st.tuples(st.booleans(), st.booleans()), min_size=30, max_size=30)


@pytest.mark.parametrize(
    ("rule", "reference"),
    [
        (PairSTDP(4.0, 9.0, A_plus=0.2, A_minus=0.15), by_pairs),
        (TripletSTDP(4.0, 9.0, 20.0, 30.0, A2_plus=0.1, A3_plus=0.05, A2_minus=0.1, A3_minus=0.03), by_triplets),
    ],
    ids=["pairs", "triplets"],
)
def test_any_trains_change_the_weight_by_the_sum_over_their_events(rule, reference):
    with jax.enable_x64(True):
        loop = dp.LoopOverTime(joined(rule, 1, 1, 0.5), "rec.weight", dt=1.0)

    @settings(max_examples=20, deadline=None)
    @given(TRAINS)
    def check(drawn):
        pre, post = np.array(drawn, float).T
        with jax.enable_x64(True):
            found = float(loop({"A": jnp.asarray(pre)[:, None], "B": jnp.asarray(post)[:, None]})[1][1][-1, 0])
        assert 0 <= found <= 1
        np.testing.assert_allclose(found, reference(pre, post, 0.5, rule, 1.0), atol=1e-12)

    check()


def test_triplets_have_the_parameters_of_visual_cortex():
    """Pfister and Gerstner (2006), table 4: 10 ms after the arrival, of 60 pairs at 50 Hz."""
    minimal, full = TripletSTDP(), TripletSTDP.full(w_max=2.0)
    assert (minimal.A2_plus, minimal.A3_plus, minimal.A2_minus, minimal.A3_minus) == (0.0, 6.5e-3, 7.1e-3, 0.0)
    assert (full.A2_plus, full.A3_plus, full.A2_minus, full.A3_minus) == (5e-10, 6.2e-3, 7e-3, 2.3e-4)
    assert (minimal.tau_y, full.tau_y, full.tau_x, full.w_max) == (114.0, 125.0, 101.0, 2.0)


@pytest.mark.parametrize("seed", range(3))
def test_both_ways_of_changing_weights_are_equal(x64, seed):
    """Random graphs with units that have no connections, many, and several with the same unit."""
    numbers = np.random.default_rng(seed)
    pre_size, post_size, count = ((7, 5, 60), (200, 3, 900), (3, 90, 4))[seed]
    pre, post = numbers.integers(0, pre_size, count), numbers.integers(0, post_size, count)
    fanout, _ = Fanout.of(pre, post, pre_size, post_size, by_receiver=True)
    given = (
        jnp.asarray(numbers.random(count)),
        fanout,
        jnp.asarray(numbers.random(pre_size) < 0.4),
        dp.plasticity.Factors(*(jnp.asarray(numbers.normal(size=n)) for n in (pre_size, post_size))),
        jnp.asarray(numbers.random(post_size) < 0.4),
        dp.plasticity.Factors(*(jnp.asarray(numbers.normal(size=n)) for n in (pre_size, post_size))),
        (jnp.asarray(0.1), jnp.asarray(0.9)),
    )
    found, changed_by_all = jax.jit(by_events)(*given), jax.jit(by_all)
    np.testing.assert_allclose(found, changed_by_all(*given), rtol=1e-14)
    assert np.mean(np.asarray(found) != given[0]) > 0.3
    samples = jnp.stack([given[0], found, given[0]]), jnp.stack([given[2], ~given[2], ~given[2]])
    expected = [changed_by_all(w, fanout, sent, *given[3:]) for w, sent in zip(*samples, strict=True)]

    def run(weight, sent, bounds):
        return by_events(weight, fanout, sent, *given[3:6], bounds)

    batch = jax.vmap(run, (0, 0, None))
    np.testing.assert_allclose(jax.jit(batch)(*samples, given[6]), expected, rtol=1e-14)
    shared = jax.jit(jax.vmap(run, (None, 0, None)))(given[0], samples[1][:2], given[6])
    np.testing.assert_allclose(shared, [expected[0], expected[2]], rtol=1e-14)
    bounds = jnp.array([0.1, 0.3]), jnp.array([0.9, 0.6])  # of their own: of two batches
    several = jax.jit(jax.vmap(batch, (None, None, 0)))(*samples, bounds)
    np.testing.assert_allclose(several[0], expected, rtol=1e-14)
    narrow = changed_by_all(given[0], fanout, ~given[2], *given[3:6], (jnp.asarray(0.3), jnp.asarray(0.6)))
    np.testing.assert_allclose(several[1, 2], narrow, rtol=1e-14)


def cells(rule, sign=None, **options):
    """Two populations that drive each other through plastic connections."""
    shared = {"synapse": dp.synapses.Exponential(tau=3.0), "plasticity": rule, "sign": sign, **options}
    return dp.Network(
        {"A": dp.neurons.LIF(5, tau=8.0), "B": dp.neurons.LIF(4, tau=8.0)},
        {
            "ab": dp.Projection("A", ["B", "A"], dp.connectors.AllToAll(), weight=0.2, delay=1.0, **shared),
            "ba": dp.Projection("B", "A", dp.connectors.AllToAll(), weight=dp.initializers.Uniform(0.1, 0.3), **shared),
        },
        key=jax.random.key(0),
    )


def test_batches_learn_each_for_itself(getkey):
    """A batch by `vmap` is what its samples are one by one; several targets are one row of units."""
    loop = dp.LoopOverTime(cells(RULES["pairs"]), ("ab.weight", "ba.weight"), dt=1.0)
    x = 3.0 * jax.random.uniform(getkey(), (2, 40, 5))
    run = jax.jit(lambda x: loop({"A": x})[1][1])
    together = jax.jit(jax.vmap(run))(x)
    for k in range(2):
        for found, expected in zip(together, run(x[k]), strict=True):
            np.testing.assert_allclose(found[k], expected, atol=1e-6)
            assert np.ptp(expected[-1]) > 0.02


def test_a_derivative_through_plastic_weights_is_refused_with_advice():
    """With respect to inputs, forward and backward, and to the weights with which a run begins."""
    net = cells(RULES["pairs"])

    def loss(net, x):
        return dp.LoopOverTime(net, dt=1.0)({"A": x})[1]["B"].sum()

    x = jnp.full((8, 5), 2.0)
    for wanted in (
        lambda: jax.grad(loss, argnums=1)(net, x),
        lambda: jax.jvp(lambda x: loss(net, x), (x,), (x,)),
        lambda: eqx.filter_grad(loss)(net, x),
    ):
        with pytest.raises(PlasticityError, match=r"(ab|ba): .*Train without `plasticity`"):
            wanted()


def test_a_readout_of_a_plastic_network_can_be_trained():
    """Its derivative does not reach the plastic weights."""
    states = dp.LoopOverTime(cells(RULES["pairs"]), dt=1.0)

    def loss(weight):
        return jnp.sum(states({"A": jnp.full((8, 5), 2.0)})[1]["A"] @ weight)

    assert np.all(jax.grad(loss)(jnp.ones(5)) > 0)


def test_signs_are_kept(x64):
    """Of a projection with a sign, magnitudes are learned: those of inhibition and excitation change alike."""
    pre, post = (np.random.default_rng(k).random((60, 3)) < 0.2 for k in (1, 2))
    found = {}
    for sign in ("excitatory", "inhibitory"):
        net = joined(PairSTDP(A_plus=0.1, A_minus=0.2), 3, 3, 0.5, sign=sign)
        _, found[sign] = dp.LoopOverTime(net, "rec.weight", dt=0.5)(
            {"A": jnp.asarray(pre, float), "B": jnp.asarray(post, float)}
        )[1]
    np.testing.assert_array_equal(found["excitatory"], found["inhibitory"])
    assert np.all(np.asarray(found["inhibitory"]) >= 0)
    assert np.ptp(found["inhibitory"]) > 0.3


def test_inhibition_stays_inhibition():
    target = dp.Lift(lambda drive: drive.jump, in_size=(2,))
    net = dp.Network(
        {"A": dp.Lift(lambda x: x, in_size=(2,)), "B": target},
        {
            "rec": dp.Projection(
                "A", "B", "AllToAll", weight=0.25, synapse=dp.synapses.Delta(), sign="inhibitory", plasticity=PairSTDP()
            )
        },
    )
    out = dp.LoopOverTime(net, dt=1.0)({"A": jnp.ones((3, 2))})[1]["B"]
    np.testing.assert_allclose(out[0], -0.5)
    assert np.all(np.asarray(out) < 0)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"weight": 1.5}, r"1\.5 to 1\.5.*PairSTDP, 0 to 1"),
        ({"weight": -0.5}, "outside of the bounds"),
        ({"plasticity": PairSTDP(w_min=-1.0), "sign": "excitatory"}, r"w_min=-1.*give w_min=0\.0"),
        (
            {"plasticity": PairSTDP(w_min=-1.0), "synapse": dp.synapses.Exponential(output=dp.synapses.COBA())},
            "conductances",
        ),
    ],
    ids=["above", "below", "sign", "conductance"],
)
def test_weights_and_bounds_must_fit(options, words):
    with pytest.raises(ParameterError, match=f"rec: .*{words}"):
        joined(options.pop("plasticity", PairSTDP()), 2, 2, options.pop("weight", 0.5), **options)


def test_no_matrix_of_weights_is_made_in_every_step():
    """Few connections without plasticity are a product with a matrix, which is made before the run."""
    assert cells(RULES["pairs"])["ab"].way[0] in ("events", "compiled")
    assert cells(None)["ab"].way[0] == "dense"
    assert cells(RULES["pairs"], delivery="sparse")["ab"].way[0] == "sparse"


def test_rules_are_made_from_names_and_configurations():
    made = joined({"type": "PairSTDP", "A_plus": 0.3}, 2, 2, 0.5, short_term="TsodyksMarkram")["rec"]
    assert made.plasticity == PairSTDP(A_plus=0.3)
    assert made.short_term == dp.plasticity.TsodyksMarkram(2)
    lif = {"type": "LIF", "size": 3}
    edge = {
        "source": "E",
        "target": "E",
        "connector": "AllToAll",
        "weight": 0.2,
        "synapse": "Exponential",
        "delay": 1.0,
    }
    net = dp.build(
        {"type": "Network", "nodes": {"E": lif}, "edges": {"rec": {**edge, "plasticity": {"type": "TripletSTDP"}}}},
        key=jax.random.key(0),
    )
    assert net["rec"].plasticity == TripletSTDP()


def test_a_trainer_refuses_plastic_weights():
    model = dp.Lift(lambda x: {"A": x}) >> cells(RULES["pairs"]) >> (lambda out: out["A"])
    trainer = dp.BPTT(model, "mse", optax.sgd(0.1), dt=1.0, logger=None)
    with pytest.raises(PlasticityError, match="run first, and train with the weights"):
        trainer.fit((jnp.ones((2, 5, 5)), jnp.ones((2, 5, 5))), num_epoch=1)


@pytest.mark.parametrize("rule", [PairSTDP, TripletSTDP])
@pytest.mark.parametrize(
    "given", [{"tau_plus": 0.0}, {"w_min": 1.0}, {"w_max": float("inf")}, {"tau_minus": [1.0, 2.0]}], ids=str
)
def test_numbers_of_rules_are_checked(rule, given):
    with pytest.raises(ParameterError, match=f"{rule.__name__}.*{next(iter(given))}"):
        rule(**given)


@pytest.mark.parametrize("given", [PairSTDP, 3.0, dp.plasticity.TsodyksMarkram()], ids=repr)
def test_what_is_no_rule_is_refused(given):
    with pytest.raises(CompositionError, match=r"plasticity=.*PairSTDP"):
        joined(given, 2, 2, 0.5)
    with pytest.raises(CompositionError, match=r"short_term=.*TsodyksMarkram"):
        joined(None, 2, 2, 0.5, short_term=PairSTDP())


def test_both_precisions(getkey):
    for wide, dtype in ((False, jnp.float32), (True, jnp.float64)):
        with jax.enable_x64(wide):
            assert ran(joined(RULES["pairs"], 2, 2, 0.5), np.ones((3, 2)), np.ones((3, 2))).dtype == dtype
