"""The kernel's sums against NumPy's, in batches of all kinds, and in networks beside dynplug's own events."""

import sys
from functools import partial

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from dynplug_kernels import Compiled

import dynplug as dp
from dynplug.delivery import Fanout, choose, deliver, explain_delivery

PRE, POST, CONNECTIONS = 150, 60, 900
run = partial(deliver, method="compiled")


class Case:
    """Random pairs, of which some are there twice, between units of which some have no connections."""

    def __init__(self, dtype, pre_size=PRE, post_size=POST, connections=CONNECTIONS):
        self.rng = np.random.default_rng(4)
        self.pre = self.rng.integers(0, pre_size - 2, connections)
        self.post = self.rng.integers(0, post_size - 1, connections)
        self.fanout, order = Fanout.of(self.pre, self.post, pre_size, post_size, by_receiver=False)
        self.pre, self.post = self.pre[order], self.post[order]
        self.weight = self.rng.normal(size=connections).astype(dtype)
        self.post_size, self.dtype = post_size, dtype

    def sent(self, *shape, share=0.1):
        shape = (*shape, self.fanout.pre_size)
        return (self.rng.normal(size=shape) * (self.rng.random(shape) < share)).astype(self.dtype)

    def sum(self, x, weight=None):
        """In the order of the senders, in the dtype of the weights, step by step."""
        y = np.zeros(self.post_size, self.dtype)
        np.add.at(y, self.post, (self.weight if weight is None else weight) * x[self.pre])
        return y


@pytest.fixture(params=["float32", "float64"])
def case(request):
    with jax.enable_x64(request.param == "float64"):
        yield Case(request.param)


@pytest.mark.claim(
    "kernels-exact",
    "The compiled delivery gives the sums of a loop over the spikes of a unit after the other, to the last bit",
    tolerance=0.0,
    reference="numpy.add.at, in the order of the senders, in float32 and float64",
    components=("delivery:kernels:compiled",),
)
@pytest.mark.parametrize("share", [0.0, 0.01, 0.5, 1.0])
def test_sums_are_those_of_a_loop_bit_for_bit(case, share, measured):
    x = case.sent(share=share)
    found = jax.jit(run)(x, case.weight, case.fanout)
    assert found.dtype == case.dtype
    measured.difference(found, case.sum(x))
    np.testing.assert_array_equal(jax.jit(run)(x, jnp.asarray(0.5, case.dtype), case.fanout), case.sum(x, 0.5))


def test_each_place_in_a_block_of_units_is_seen():
    fanout, _ = Fanout.of(np.arange(70), np.arange(70), 70, 70)
    for x in (np.eye(70, dtype=np.float32), -np.zeros((1, 70), np.float32), np.full((1, 70), np.nan, np.float32)):
        np.testing.assert_array_equal(jax.vmap(run, (0, None, None))(jnp.asarray(x), 1.0, fanout), x)


def test_connections_numbered_by_eight_bytes():
    with jax.enable_x64(True):
        case = Case("float32")
        wide = eqx.tree_at(lambda f: f.start, case.fanout, case.fanout.start.astype(jnp.int64))
        x = case.sent()
        np.testing.assert_array_equal(jax.jit(run)(x, case.weight, wide), case.sum(x))


def calls(jaxpr):
    """The calls of kernels in a program, and its loops."""
    for eqn in jaxpr.eqns:
        if eqn.primitive.name in ("ffi_call", "while", "scan"):
            yield eqn.primitive.name
        for value in eqn.params.values():
            if hasattr(inner := getattr(value, "jaxpr", value), "eqns"):
                yield from calls(inner)


@pytest.mark.parametrize("of_weights", [None, 0, 1], ids=["one weight", "outer", "inner"])
def test_a_batch_of_batches_is_one_call(case, of_weights):
    xs, weights = case.sent(2, 3), np.stack([case.weight * (n + 1) for n in range(3)])
    axes = {None: (None, None), 0: (0, None), 1: (None, 0)}[of_weights]
    weight = {None: case.weight, 0: weights[:2], 1: weights}[of_weights]
    f = jax.vmap(jax.vmap(run, (0, axes[1], None)), (0, axes[0], None))
    assert [*calls(jax.make_jaxpr(f)(xs, weight, case.fanout).jaxpr)] == ["ffi_call"]
    found = jax.jit(f)(xs, weight, case.fanout)
    for i, j in np.ndindex(2, 3):
        own = weight[(i, j)[of_weights]] if of_weights is not None else weight
        np.testing.assert_array_equal(found[i, j], case.sum(xs[i, j], own))


def test_a_batch_of_connections(case):
    turned, _ = Fanout.of(case.pre, case.post[::-1], PRE, POST, by_receiver=False)
    both = jax.tree.map(lambda *parts: jnp.stack(parts), case.fanout, turned)
    x = case.sent()
    found = eqx.filter_vmap(run, in_axes=(None, None, 0))(x, case.weight, both)
    expected = np.zeros(POST, case.dtype)
    np.add.at(expected, case.post[::-1], case.weight * x[case.pre])
    np.testing.assert_array_equal(found, [case.sum(x), expected])


def test_samples_that_several_threads_take():
    case = Case("float32", 2000, 500, 40_000)
    xs = case.sent(12, share=0.5)  # 240,000 connections of active units
    found = jax.jit(jax.vmap(run, (0, None, None)))(xs, case.weight, case.fanout)
    np.testing.assert_array_equal(found, [case.sum(x) for x in xs])


@pytest.mark.claim(
    "kernels-gradients",
    "Gradients through the compiled delivery are those of the full sum, also where there is no spike",
    tolerance=1e-12,
    reference="jax.grad of a matrix product",
    components=("delivery:kernels:compiled",),
)
def test_gradients_are_those_of_a_matrix_product(measured):
    with jax.enable_x64(True):
        case = Case("float64")
        xs = jnp.asarray(case.sent(3))

        def by_matrix(x, weight, fanout):
            return jnp.zeros((POST, PRE)).at[case.post, case.pre].add(weight) @ x

        def slopes(way):
            def loss(xs, weight):
                return jnp.sin(jax.vmap(way, (0, None, None))(xs, weight, case.fanout)).sum()

            return jax.grad(loss, (0, 1))(xs, jnp.asarray(case.weight))

        expected = slopes(by_matrix)
        assert np.count_nonzero(np.where(xs == 0, expected[0], 0.0)) > 0.8 * xs.size  # where there is no spike
        for found, wanted in zip(slopes(run), expected, strict=True):
            measured.difference(found, wanted)


def network(delivery, **options):
    edge = dp.Projection(
        "E",
        ["E", "I"],
        dp.connectors.FixedProbability(0.2),
        **{"weight": dp.initializers.Uniform(0.0, 0.04), "delay": 1.0, "synapse": dp.synapses.Delta(), **options},
        delivery=delivery,
    )
    start = dp.initializers.Uniform(0.0, 1.0)
    E = dp.neurons.LIF(60, tau=20.0, tau_ref=3.0, V_init=start)
    return dp.Network({"E": E, "I": E.with_size(20)}, {"rec": edge}, key=jax.random.key(0))


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"weight": 0.02, "delay": np.random.default_rng(0).integers(1, 6, (80, 60)).astype(float)},
        {"plasticity": dp.plasticity.PairSTDP(A_plus=0.05, A_minus=0.05)},
    ],
    ids=["one delay", "delays", "plastic"],
)
def test_networks_spike_as_with_events(options):
    spikes = []
    for delivery in ("auto", "events"):
        net = network(delivery, **options)
        runner = dp.DSRunner(net, dt=1.0, spikes=["E", "I"], progress_bar=False, key=jax.random.key(1))
        runner.run(200.0, inputs={"E": 1.2, "I": 0.8})
        spikes.append([np.stack([events.t, events.i]) for events in runner.spikes.values()])
        assert ("compiled (on a CPU" in repr(net)) == (delivery == "auto")
    for found, wanted in zip(*spikes, strict=True):
        assert wanted.shape[1] > 20  # of I, too, which is silent without what it receives
        np.testing.assert_array_equal(found, wanted)


FEW, _ = Fanout.of(np.repeat(np.arange(40), 40), np.tile(np.arange(40), 40), 40, 40)
MANY, _ = Fanout.of(np.arange(400), np.arange(400), 400, 400)


def test_auto_takes_it_on_a_cpu_but_for_small_products(monkeypatch):
    assert choose(MANY)[0] == "compiled"
    assert choose(FEW)[0] == "dense"
    assert choose(FEW, fixed=False)[0] == "compiled"
    assert "Packages bring compiled (dynplug-kernels)" in explain_delivery(MANY)
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    assert Compiled().suits(MANY, True) == ""


@pytest.fixture
def without_its_module(monkeypatch):
    """As where the compiled module is missing, or does not fit this Python."""
    for name in ("dynplug_kernels._rows", "dynplug_kernels.compiled"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.delattr("dynplug_kernels._rows", raising=False)
    monkeypatch.setitem(sys.modules, "dynplug_kernels._rows", None)


@pytest.mark.usefixtures("without_its_module")
def test_without_its_module_events_are_taken_and_that_is_said():
    assert choose(MANY)[0] == "events"
    assert "compiled, which fails" in explain_delivery(MANY)
    assert "_rows" in explain_delivery(MANY)
    with pytest.raises(dp.errors.PluginError, match="_rows"):
        network("compiled")
