"""The sum against NumPy's, by every method: connectivities, activities, batches, types, errors."""

import re
from functools import partial

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

import dynplug as dp
from dynplug.delivery import Events, Fanout, Sparse, choose, deliver, explain_delivery
from dynplug.errors import ParameterError, ShapeError, UnknownNameError

METHODS = ["events", "gather", "sparse", "dense"]


@eqx.filter_jit
def by_all(x, weight, fanout):
    return {method: deliver(x, weight, fanout, method=method) for method in METHODS}


@st.composite
def networks(draw):
    """Connections, weights and what is sent, in small whole numbers: their sums are exact in any order."""
    pre_size, post_size = draw(st.sampled_from([(1, 1), (7, 5), (40, 3)]))  # each of another shape is compiled
    count = draw(st.sampled_from([0, 1, 25, 60]))
    whole = st.integers(-9, 9)

    def several(elements, size):
        return np.array(draw(st.lists(elements, min_size=size, max_size=size)))

    kind = draw(st.sampled_from([st.just(0), st.just(1), st.sampled_from([0, 0, 0, 1]), whole]))
    return (
        several(st.integers(0, pre_size - 1), count).astype(int),
        several(st.integers(0, post_size - 1), count).astype(int),
        several(whole, count).astype(float),
        several(kind, pre_size).astype(float),
        (pre_size, post_size),
    )


@pytest.mark.claim(
    "delivery-exact",
    "Every way of delivery gives the sum over connections: any pairs, duplicates, no spikes and spikes of all",
    tolerance=0.0,
    reference="numpy.add.at, in float64 and whole numbers",
    components=("delivery:dense", "delivery:events", "delivery:gather", "delivery:sparse"),
)
@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(networks())
def test_every_method_gives_the_sum(x64, measured, network):
    pre, post, weight, x, sizes = network
    fanout, order = Fanout.of(pre, post, *sizes, by_receiver=True)
    expected = np.zeros(sizes[1])
    np.add.at(expected, post, weight * x[pre])
    for y in by_all(jnp.asarray(x), jnp.asarray(weight[order]), fanout).values():
        measured.difference(y, expected)


@pytest.mark.parametrize("share", [0.0, 0.02, 0.5, 1.0])
def test_events_are_added_in_the_order_of_their_senders(x64, case, share):
    """As a loop over spikes adds them, bit for bit."""
    x = case.spikes(share)
    expected = np.zeros(case.post_size)
    np.add.at(expected, case.post[case.order], (case.weight * x[case.pre])[case.order])
    y = deliver(jnp.asarray(x), jnp.asarray(case.weight[case.order]), case.fanout, method="events")
    assert y.tolist() == expected.tolist()


@pytest.mark.parametrize("degrees", [[1000, 0, 3], [0, 0, 700], [17, 600, 256], [0, 16, 1]])
def test_rows_longer_and_shorter_than_a_block(x64, degrees):
    pre = np.repeat(np.arange(3), degrees)
    post = np.random.default_rng(3).integers(0, 50, pre.size)
    fanout, _ = Fanout.of(pre, post, 3, 50)
    for x in np.eye(3):
        y = deliver(jnp.asarray(x), jnp.ones(pre.size), fanout, method="events")
        assert y.tolist() == np.bincount(post, x[pre], minlength=50).tolist()


@pytest.mark.parametrize("method", METHODS)
class TestEachMethod:
    def test_one_weight_for_all(self, x64, case, method):
        x = case.spikes()
        y = deliver(jnp.asarray(x), 0.5, case.fanout, method=method)
        assert y.tolist() == case.expected(x, np.full(case.weight.size, 0.5)).tolist()

    def test_the_sum_has_the_dtype_of_the_weight(self, case, method):
        x = case.spikes()
        for weight in (jnp.float16(0.5), jnp.full(len(case.fanout), 0.5, jnp.float16)):
            for sent in (x > 0, x.astype(np.float32), x.astype(np.int32)):
                y = deliver(jnp.asarray(sent), weight, case.fanout, method=method)
                assert y.dtype == jnp.float16
                np.testing.assert_array_equal(y, case.expected(x, np.full(case.weight.size, 0.5)))

    def test_what_is_not_a_number_arrives(self, case, method):
        x = case.spikes(0.0)
        x[case.pre[0]] = np.nan
        y = deliver(jnp.asarray(x, jnp.float32), jnp.ones(len(case.fanout)), case.fanout, method=method)
        reached = np.isin(np.arange(case.post_size), case.post[case.pre == case.pre[0]])
        assert np.isnan(y[reached]).all()
        assert method == "dense" or not np.isnan(y[~reached]).any()

    def test_a_batch_and_a_batch_of_batches(self, x64, case, method):
        xs = case.spikes(shape=(2, 3))
        run = partial(deliver, method=method)
        weight = jnp.asarray(case.weight[case.order])
        found = jax.jit(jax.vmap(jax.vmap(run, (0, None, None)), (0, None, None)))(jnp.asarray(xs), weight, case.fanout)
        np.testing.assert_allclose(found, [[case.expected(x) for x in row] for row in xs], atol=1e-14)

    def test_a_batch_of_weights(self, x64, case, method):
        xs, weights = case.spikes(shape=(3,)), np.stack([case.weight, 2 * case.weight, -case.weight])
        sorted_ = jnp.asarray(weights[:, case.order])
        run = jax.jit(jax.vmap(partial(deliver, method=method), (0, 0, None)))
        expected = [case.expected(x, w) for x, w in zip(xs, weights, strict=True)]
        np.testing.assert_allclose(run(jnp.asarray(xs), sorted_, case.fanout), expected, atol=1e-14)
        run = jax.jit(jax.vmap(partial(deliver, method=method), (None, 0, None)))
        expected = [case.expected(xs[0], w) for w in weights]
        np.testing.assert_allclose(run(jnp.asarray(xs[0]), sorted_, case.fanout), expected, atol=1e-14)

    def test_a_batch_of_weights_within_a_batch(self, x64, case, method):
        xs, weights = case.spikes(shape=(2, 3)), np.stack([case.weight, 2 * case.weight])
        run = jax.vmap(jax.vmap(partial(deliver, method=method), (0, None, None)), (0, 0, None))
        found = jax.jit(run)(jnp.asarray(xs), jnp.asarray(weights[:, case.order]), case.fanout)
        expected = [[case.expected(x, w) for x in row] for row, w in zip(xs, weights, strict=True)]
        np.testing.assert_allclose(found, expected, atol=1e-14)

    def test_a_batch_of_connections(self, x64, case, method):
        turned, order = Fanout.of(case.pre, case.post[::-1], 70, 40, by_receiver=True)
        width = max(f.fanin.pre.shape[1] for f in (case.fanout, turned))

        def widened(fanout):
            """With rows of inputs of one width, so that both can be stacked."""

            def pad(rows, value):
                return jnp.pad(rows, ((0, 0), (0, width - rows.shape[1])), constant_values=value)

            fanin = fanout.fanin
            new = pad(fanin.pre, 70), pad(fanin.connection, len(fanout))
            return eqx.tree_at(lambda f: (f.fanin.pre, f.fanin.connection), fanout, new)

        stacked = jax.tree.map(lambda *v: jnp.stack(v), widened(case.fanout), widened(turned))
        x, weight = case.spikes(), jnp.asarray(case.weight[case.order])
        found = eqx.filter_vmap(partial(deliver, method=method), in_axes=(None, None, 0))(
            jnp.asarray(x), weight, stacked
        )
        other = np.zeros(40)
        in_place = case.weight[case.order]
        np.add.at(other, case.post[::-1][order], in_place * x[case.pre[order]])
        np.testing.assert_allclose(found, [case.expected(x), other], atol=1e-14)

    def test_connections_numbered_by_eight_bytes(self, x64, case, method):
        wide = eqx.tree_at(lambda f: f.start, case.fanout, case.fanout.start.astype(jnp.int64))
        x = case.spikes()
        y = eqx.filter_jit(deliver)(jnp.asarray(x), jnp.asarray(case.weight[case.order]), wide, method=method)
        np.testing.assert_allclose(y, case.expected(x), atol=1e-14)


def loops(jaxpr):
    """All loops in a program, with what they carry."""
    for eqn in jaxpr.eqns:
        if eqn.primitive.name in ("while", "scan"):
            yield eqn.primitive.name, [v.aval.shape for v in eqn.outvars]
        for value in eqn.params.values():
            if hasattr(value := getattr(value, "jaxpr", value), "eqns"):
                yield from loops(value)


def test_the_events_of_a_batch_are_one_list(case):
    """One loop over units of all samples; one that JAX had batched would carry a unit of each sample."""
    f = jax.vmap(jax.vmap(lambda x: deliver(x, jnp.ones(len(case.fanout)), case.fanout, method="events")))
    assert list(loops(jax.make_jaxpr(f)(jnp.zeros((2, 3, 70))).jaxpr)) == [("while", [(), (), (2 * 3 * 40,)])]


def test_a_batch_too_large_for_one_list_is_delivered_in_parts(x64, case, monkeypatch):
    monkeypatch.setattr("dynplug.delivery.by_rows._INT32", 200)
    xs = case.spikes(shape=(2, 5))  # a shape that no other test has traced
    f = jax.vmap(jax.vmap(lambda x: deliver(x, jnp.asarray(case.weight[case.order]), case.fanout, method="events")))
    assert "scan" in [name for name, _ in loops(jax.make_jaxpr(f)(jnp.asarray(xs)).jaxpr)]
    np.testing.assert_allclose(f(jnp.asarray(xs)), [[case.expected(x) for x in row] for row in xs], atol=1e-14)


@pytest.mark.quick
class TestChoice:
    few, _ = Fanout.of(np.repeat(np.arange(40), 40), np.tile(np.arange(40), 40), 40, 40, by_receiver=True)
    many, _ = Fanout.of(np.arange(400), np.arange(400), 400, 400, by_receiver=True)
    uneven, _ = Fanout.of(np.arange(400), np.zeros(400, int), 400, 400, by_receiver=True)
    plain, _ = Fanout.of(np.arange(400), np.arange(400), 400, 400, by_receiver=False)

    @pytest.fixture(autouse=True)
    def alone(self, monkeypatch, fresh_registry):
        """Without packages that bring other ways."""
        monkeypatch.setenv("DYNPLUG_PLUGINS", "dynplug")

    @pytest.mark.parametrize(
        ("platform", "name", "method"),
        [
            ("cpu", "few", "dense"),
            ("cpu", "many", "events"),
            ("gpu", "few", "dense"),
            ("gpu", "many", "gather"),
            ("gpu", "uneven", "sparse"),
            ("gpu", "plain", "sparse"),
        ],
    )
    def test_the_rule(self, monkeypatch, platform, name, method):
        monkeypatch.setattr(jax, "default_backend", lambda: platform)
        fanout = getattr(self, name)
        found, reason = choose(fanout)
        assert found == method
        assert f"{len(fanout)} connections: {method}: {reason}" in explain_delivery(fanout)

    @pytest.mark.parametrize(("platform", "name"), [("cpu", "events"), ("gpu", "gather")])
    def test_of_weights_that_change_no_matrix_is_made(self, monkeypatch, platform, name):
        monkeypatch.setattr(jax, "default_backend", lambda: platform)
        assert choose(self.few, fixed=False)[0] == name

    def test_ways_of_packages_are_asked_first_and_told(self):
        @dp.register("delivery", "of-a-package")
        class OfAPackage(Sparse):  # of this process, in the same place
            def suits(self, fanout, fixed):
                return "for fixed weights" if fixed else ""

        assert "no other way; dynplug-kernels" not in explain_delivery(self.many)
        assert choose(self.many) == ("of-a-package", "for fixed weights")
        assert choose(self.many, fixed=False)[0] == "events"
        assert "of-a-package: for fixed weights. Packages bring of-a-package (this process)" in explain_delivery(
            self.many
        )

    def test_a_way_that_cannot_be_made_is_told_and_takes_nothing_from_others(self):
        @dp.register("delivery", "broken")
        class Broken(Sparse):
            def __check_init__(self):
                raise ParameterError("there is no compiler")

        assert choose(self.many)[0] == "events"
        assert "Packages bring broken, which fails (broken: there is no compiler)" in explain_delivery(self.many)
        with pytest.raises(dp.errors.ConfigError, match="no compiler"):
            deliver(jnp.ones(400), 1.0, self.many, method="broken")

    def test_without_packages_that_is_said(self):
        assert "Packages bring no other way; dynplug-kernels, " in explain_delivery(self.many)

    def test_auto_follows_it(self, monkeypatch):
        def primitives():
            deliver_ = partial(deliver, weight=jnp.ones(400), fanout=self.many)
            return str(jax.make_jaxpr(lambda x: deliver_(x))(jnp.zeros(400)))

        assert " while[" in primitives()
        monkeypatch.setattr("dynplug.delivery.delivering.choose", lambda fanout: ("dense", ""))
        assert " while[" not in primitives()
        assert "dot_general" in primitives()


@pytest.mark.quick
@pytest.mark.parametrize(
    ("x", "weight", "options", "error", "message"),
    [
        (jnp.zeros(69), 1.0, {}, ShapeError, r"x has shape \(69,\), for 70 sending units; batch by jax.vmap"),
        (jnp.zeros((2, 70)), 1.0, {}, ShapeError, r"x has shape \(2, 70\), for 70"),
        (jnp.zeros(70, complex), 1.0, {}, ParameterError, "x is complex64, but what units send must be real"),
        (jnp.zeros(70), jnp.zeros(299), {}, ShapeError, r"weight has shape \(299,\), for 300 connections"),
        (jnp.zeros(70), 1, {}, ParameterError, "weight is int32, but weights must be floating"),
        (
            jnp.zeros(70),
            1.0,
            {"method": "event"},
            UnknownNameError,
            "no delivery called 'event'.*Did you mean 'events'",
        ),
    ],
)
def test_what_does_not_fit_is_refused(case, x, weight, options, error, message):
    with pytest.raises(error, match=message):
        deliver(x, weight, case.fanout, **options)


@pytest.mark.quick
def test_a_way_may_be_given_as_an_object(case):
    f = jax.make_jaxpr(lambda x: deliver(x, 1.0, case.fanout, method=Events()))
    assert "while[" in str(f(jnp.zeros(70)))


@pytest.mark.quick
def test_a_fanout_without_rows_of_inputs_cannot_be_gathered():
    fanout, _ = Fanout.of([0], [0], 1, 1)
    with pytest.raises(ParameterError, match="by_receiver=True"):
        deliver(jnp.ones(1), 1.0, fanout, method="gather")


@pytest.mark.quick
def test_it_says_what_it_would_do():
    fanout, _ = Fanout.of([0, 1], [1, 0], pre_size=1000, post_size=1000)
    assert re.search("2 connections: (events|compiled): on a CPU", explain_delivery(fanout))
