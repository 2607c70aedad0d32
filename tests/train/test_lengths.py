"""Sequences of several lengths, padded, are what each of them is by itself."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from hypothesis import given, settings, strategies as st

import dynplug as dp
from dynplug.errors import DataError, OptionError
from dynplug.train.data import bounds
from dynplug.train.data.sequences import rounded
from dynplug.train.step import compiled_step

N, T, F, C = 4, 6, 3, 3
RNG = np.random.default_rng(3)
KEY = jax.random.key(2)
SGD, STILL = optax.sgd(1.0), optax.sgd(0.0)


def network():
    k1, k2 = jax.random.split(KEY)
    return dp.Sequential(
        encode=dp.layers.Dense(F, 5, W_initializer=dp.initializers.Normal(2.0), key=k1),
        hidden=dp.neurons.LIF(5, tau=4.0),
        readout=dp.layers.Dense(5, C, key=k2),
        out=dp.neurons.LeakyIntegrator(C, tau=5.0),
    )


REDUCED = ["mean", "last", "max", "sum", "sum_softmax"]
MEASURES = {
    "class": [
        *({"type": "cross_entropy", "reduce_time": name} for name in REDUCED),
        {"type": "cross_entropy", "class_weight": [1.0, 2.0, 0.5], "label_smoothing": 0.1},
        {"type": "accuracy", "reduce_time": "last"},
    ],
    "classes": [{"type": "cross_entropy", "ignore_index": -1}, {"type": "accuracy", "ignore_index": -1}],
    "value": [{"type": "mse", "reduce_time": name} for name in REDUCED[:4]],
    "values": ["mse", "mae", "huber"],
}


def everything(params, static, x, y, lengths):
    """By kind of target the values of all measures, and what they weigh."""
    model = eqx.combine(params, static)
    _, out = dp.LoopOverTime(model, dt=1.0, data_first_axis="B", loop="plain")(x)
    layout = dp.train.toolkit.layout_of("B")
    counting = (None, lengths)
    found = {}
    for kind, measures in MEASURES.items():
        for n, one in enumerate(measures):
            measure = dp.train.toolkit.Measure.of(one, "loss" if "accuracy" not in str(one) else "metric")
            weight = measure.weight(out, y[kind], layout, *counting)
            found[f"{kind} {n}"] = (
                measure(out, y[kind], layout, None, *counting),
                jnp.asarray(len(x) if weight is None else weight, out.dtype),
            )
    return found


@eqx.filter_jit
def with_slopes(params, static, x, y, lengths):
    """The gradients of these values, and the values."""

    def values(params):
        found = everything(params, static, x, y, lengths)
        return jnp.stack([value for value, _ in found.values()]), found

    return jax.jacrev(values, has_aux=True)(params)


def parts(rng):
    labels = rng.integers(0, C, (N, T))
    labels[rng.random((N, T)) < 0.2] = -1
    y = {
        "class": rng.integers(0, C, N),
        "classes": labels,
        "value": rng.normal(size=(N, C)),
        "values": rng.normal(size=(N, T, C)),
    }
    return rng.normal(size=(N, T, F)) * 3.0, y


@pytest.mark.claim(
    "lengths",
    "Losses, metrics and gradients of padded sequences are the weighted means of those of each sequence alone "
    "(relative, and absolute below 1)",
    tolerance=1e-11,
    reference="each sequence by itself, without padding",
    components=("runner:BPTT", "loss:cross_entropy", "loss:mse"),
)
def test_padded_is_each_alone(x64, measured):
    params, static = eqx.partition(network(), eqx.is_inexact_array)

    @settings(max_examples=12, deadline=None, derandomize=True, database=None)
    @given(st.lists(st.integers(1, T), min_size=N, max_size=N), st.integers(0, 100))
    def holds(lengths, seed):
        rng = np.random.default_rng(seed)
        x, y = parts(rng)
        lengths = np.array(lengths)
        after = np.arange(T) >= lengths[:, None]
        x[after], y["values"][after], y["classes"][after] = 1e3, np.nan, 77  # whatever stands there
        slope, padded = with_slopes(params, static, x, y, jnp.asarray(lengths, jnp.int32))
        alone, alone_slopes = [], []
        for n, end in enumerate(lengths):
            one = {k: v[n : n + 1, :end] if k in ("classes", "values") else v[n : n + 1] for k, v in y.items()}
            # class -1 alone has no other label: its weight is zero
            of_one, values = with_slopes(params, static, x[n : n + 1, :end], one, None)
            alone.append(values)
            alone_slopes.append(of_one)
        for row, name in enumerate(padded):
            weights = np.array([one[name][1] for one in alone])
            if name.startswith("values"):
                weights = lengths.astype(float)  # alone, the default: one sample; here it is told by steps
            total = max(weights.sum(), 1e-300)
            wanted = sum(w * one[name][0] for w, one in zip(weights, alone, strict=True)) / total
            measured.relative(padded[name][0], wanted, floor=1.0)
            assert float(padded[name][1]) == pytest.approx(weights.sum())
            for ours, *theirs in zip(
                jax.tree.leaves(slope), *(jax.tree.leaves(one) for one in alone_slopes), strict=True
            ):
                mean = sum(w * a[row] for w, a in zip(weights, theirs, strict=True)) / total
                measured.relative(ours[row], mean, floor=1.0)

    holds()


LENGTHS = np.array([2, 6, 3, 6, 1, 4, 6])
X = [RNG.normal(size=(n, F)).astype(np.float32) * 3.0 for n in LENGTHS]
Y = RNG.integers(0, C, len(X))
STEPS = [RNG.integers(0, C, n) for n in LENGTHS]


def padded(rows, filler=0.0):
    out = np.full((len(rows), T, *rows[0].shape[1:]), filler, rows[0].dtype)
    for n, row in enumerate(rows):
        out[n, : len(row)] = row
    return out


def trainer(loss="cross_entropy", metrics=("accuracy",), model=None, **options):
    options = {"optimizer": SGD, "dt": 1.0, "logger": None, "loop": "plain", "shuffle_data": False, **options}
    return dp.BPTT(network() if model is None else model, loss, metrics=metrics, **options)


def assert_equal(ours, theirs):
    for phase in ("fit", "test"):
        for name in ("loss", "accuracy"):
            np.testing.assert_allclose(
                ours.get_hist_metric(phase, name), theirs.get_hist_metric(phase, name), rtol=1e-5
            )
    for a, b in zip(jax.tree.leaves(ours.target), jax.tree.leaves(theirs.target), strict=True):
        np.testing.assert_allclose(a, b, rtol=2e-5, atol=1e-6)


def swapped(data, axis):
    return jax.tree.map(lambda a: a.swapaxes(0, 1) if axis == "T" and a.ndim > 1 else a, data)


@pytest.mark.parametrize("targets", ["sample", "step"])
@pytest.mark.parametrize("axis", ["B", "T"])
def test_lists_arrays_and_loaders_train_alike(targets, axis):
    y_list = Y if targets == "sample" else STEPS
    y = Y if targets == "sample" else padded(STEPS, 99)
    x = padded(X, 5.0)
    made = [trainer(data_first_axis=axis) for _ in range(4)]
    made[0].fit((X, y_list), (X, y_list), num_epoch=2, buckets=1)
    arrays = swapped((x, y), axis)
    made[1].fit(arrays, arrays, num_epoch=2, lengths=(LENGTHS, LENGTHS))
    made[2].fit((*arrays, LENGTHS), (*arrays, LENGTHS), num_epoch=2)
    made[3].fit([(X, y_list)], [(X, y_list)], num_epoch=2)
    for other in made[1:]:
        assert_equal(other, made[0])


def test_a_step_of_the_optimizer_is_that_of_all_sequences_alone():
    gradients, losses = [], []
    for x, y in zip(X, STEPS, strict=True):
        one = trainer()
        one.fit((x[None], y[None]), num_epoch=1)
        gradients.append([a - b for a, b in zip(*map(jax.tree.leaves, (network(), one.target)), strict=True)])
        losses.append(one.get_hist_metric()[0])
    t = trainer()
    t.fit((X, STEPS), num_epoch=1, buckets=1)
    np.testing.assert_allclose(t.get_hist_metric(), [np.average(losses, weights=LENGTHS)], rtol=1e-5)
    for n, (a, b) in enumerate(zip(*map(jax.tree.leaves, (network(), t.target)), strict=True)):
        wanted = np.average([g[n] for g in gradients], axis=0, weights=LENGTHS)
        np.testing.assert_allclose(a - b, wanted, rtol=1e-4, atol=1e-6)


def test_buckets_are_few_programs_of_one_batch_size_and_cover_all():
    t, before = trainer(), compiled_step._compiled._cache_size()
    t.fit((X, STEPS), num_epoch=3, batch_size=2, buckets=2)
    assert compiled_step._compiled._cache_size() - before == 2
    assert len(t.get_hist_metric(which="detailed")) == 3 * (1 + 3)  # 2 sequences of up to 2 steps, 5 longer ones
    one = trainer(optimizer=STILL)
    one.fit((X, STEPS), num_epoch=1, batch_size=2)
    whole = trainer(optimizer=STILL)
    whole.fit((X, STEPS), num_epoch=1, buckets=1)
    np.testing.assert_allclose(one.get_hist_metric(), whole.get_hist_metric(), rtol=1e-5)


def test_batches_of_all_buckets_are_shuffled():
    sizes = []

    def loss(predicts, targets, mask):
        jax.debug.callback(lambda: sizes.append(mask.shape[1]), ordered=True)
        return jnp.mean(predicts)

    many = [np.ones((n, F), np.float32) for n in [2] * 8 + [6] * 8]
    trainer(loss, (), shuffle_data=True).fit((many, np.zeros(16, int)), num_epoch=1, batch_size=2)
    assert sorted(sizes) == [2] * 4 + [6] * 4
    assert sizes != sorted(sizes)


@given(st.lists(st.integers(1, 12), min_size=1, max_size=12), st.integers(1, 4))
@settings(deadline=None, database=None)
def test_bounds_cover_all_with_the_least_padding(lengths, most):
    import itertools

    lengths = np.array(lengths)
    found, tried = bounds(lengths, most), np.unique(lengths)

    def padding(ends):
        ends = np.sort(ends)
        return (ends[np.searchsorted(ends, lengths)] - lengths).sum()

    least = {
        k: min(padding(list(ends)) for ends in itertools.combinations(tried, k) if max(ends) == tried[-1])
        for k in range(1, min(most, len(tried)) + 1)
    }
    assert found == sorted(set(found)), found
    assert found[-1] == tried[-1]
    assert padding(found) == least[len(found)]
    allowed = min(least.values()) + 0.1 * lengths.sum()
    assert padding(found) <= allowed
    assert all(least[k] > allowed for k in least if k < len(found))


def test_lengths_of_batches_that_arrive_are_few():
    assert [rounded(n) for n in (1, 8, 9, 12, 13, 16, 17, 24, 25, 33, 100, 128, 129)] == [
        8, 8, 12, 12, 16, 16, 24, 24, 32, 48, 128, 128, 192
    ]  # fmt: skip


@pytest.mark.parametrize("axis", ["B", "T"])
def test_predictions_of_lists_are_lists(axis):
    t = trainer(monitors=["hidden.spike"], data_first_axis=axis)
    out = t.predict(X)
    assert [a.shape for a in out] == [(n, C) for n in LENGTHS]
    for n, x in enumerate(X):
        alone = trainer(monitors=["hidden.spike"])
        np.testing.assert_allclose(out[n], alone.predict(x[None])[0], rtol=1e-5, atol=1e-6)
        np.testing.assert_array_equal(t.mon["hidden.spike"][n], alone.mon["hidden.spike"][0])


def test_dictionaries_of_lists_go_through():
    def loss(predicts, targets, mask):
        weight = jnp.where(mask, targets["weight"][:, None], 0.0)
        picked = jnp.take_along_axis(predicts, targets["label"][:, :, None], axis=2)[..., 0]
        return -jnp.sum(jnp.where(mask, picked * weight, 0.0)) / jnp.sum(weight)

    found = []
    net = dp.Lift(lambda x: x["a"] + x["b"]) >> network()
    weight = np.arange(1.0, len(X) + 1, dtype=np.float32)
    for x, y in (
        ({"a": X, "b": [0 * x for x in X]}, {"label": STEPS, "weight": weight}),
        ({"a": [0 * x for x in X], "b": X}, {"label": STEPS, "weight": list(weight)}),
    ):
        t = trainer(loss, (), model=net)
        t.fit((x, y), num_epoch=1, buckets=1)
        found.append(t.get_hist_metric()[0])
    out = [np.asarray(o) for o in trainer().predict(X)]
    wanted = -sum(w * o[np.arange(len(o)), s].sum() for w, o, s in zip(weight, out, STEPS, strict=True))
    assert found == pytest.approx([wanted / (weight * LENGTHS).sum()] * 2, rel=1e-5)


def test_functions_of_ones_own_hear_of_lengths():
    heard = {}

    def by_mask(predicts, targets, mask=None):
        heard["mask"] = mask.shape
        return jnp.sum(jnp.where(mask[..., None], predicts, 0.0))

    def by_lengths(predicts, targets, lengths=None):
        heard["lengths"] = lengths.shape
        return jnp.sum(predicts[lengths - 1, jnp.arange(len(lengths))])

    def runs_itself(run, inputs, targets, lengths):
        return jnp.sum(run(inputs)[lengths - 1, jnp.arange(len(lengths))])

    trainer(by_mask, [by_lengths], data_first_axis="T").fit((X, Y), num_epoch=1, buckets=1)
    assert heard == {"mask": (6, 7), "lengths": (7,)}
    trainer(runs_itself, (), data_first_axis="T", loss_auto_run=False).fit((X, Y), num_epoch=1, buckets=1)
    trainer(lambda p, y, mask=None: jnp.mean(p), ()).fit((padded(X), Y), num_epoch=1)  # not asked for

    def neither(predicts, targets):
        return jnp.mean(predicts)

    for loss, metrics, auto in ((neither, (), True), ("cross_entropy", [neither], True), (neither, (), False)):
        with pytest.raises(OptionError, match="'neither' would count steps after the end of shorter sequences"):
            trainer(loss, metrics, loss_auto_run=auto).fit((X, Y), num_epoch=1)


def test_windows_end_with_their_sequences():
    t = trainer(truncate=2)
    t.fit((padded(X)[:, :5], padded(STEPS)[:, :5]), num_epoch=1, lengths=np.minimum(LENGTHS, 4))
    assert t.steps == 2  # the third window would be of nothing
    assert t._progress.history.to_json()["fit"][0]["weights"]["loss"] == [13.0, 9.0]
    whole = trainer(optimizer=STILL, truncate=2)
    whole.fit((X, STEPS), num_epoch=1, buckets=1)
    once = trainer(optimizer=STILL)
    once.fit((X, STEPS), num_epoch=1, buckets=1)
    np.testing.assert_allclose(whole.get_hist_metric(), once.get_hist_metric(), rtol=1e-5)


def test_a_training_that_was_interrupted_goes_on(tmp_path):
    whole, halves = trainer(shuffle_data=True), trainer(shuffle_data=True)
    whole.fit((X, STEPS), num_epoch=2, batch_size=3)

    class Stop(Exception):
        pass

    class Observer:
        @dp.api.hookimpl
        def dynplug_after_step(self, trainer, epoch, step, metrics):
            if epoch == 2 and step == 2:
                raise Stop

    halves = trainer(shuffle_data=True, observers=[Observer()])
    with pytest.raises(Stop):
        halves.fit((X, STEPS), num_epoch=2, batch_size=3, save_to=tmp_path / "c", checkpoint_every=1)
    resumed = trainer(shuffle_data=True)
    resumed.load_states(tmp_path / "c")
    resumed.fit((X, STEPS), num_epoch=2 - resumed.epoch, batch_size=3)
    for a, b in zip(jax.tree.leaves(whole.target), jax.tree.leaves(resumed.target), strict=True):
        np.testing.assert_array_equal(a, b)


GOOD = (padded(X), Y)


@pytest.mark.parametrize(
    ("data", "options", "error", "said"),
    [
        (
            GOOD,
            {"lengths": [7, 6, 3, 6, 1, 4, 6]},
            DataError,
            "sample 0 has a length of 7, but the inputs have 6 steps",
        ),
        (GOOD, {"lengths": [2, 6, 0, 6, 1, 4, 6]}, DataError, "sample 2 has a length of 0"),
        (GOOD, {"lengths": [2.0] * 7}, DataError, "whole number of steps for each of 7 samples; got float64"),
        (GOOD, {"lengths": [2, 6]}, DataError, r"for each of 7 samples; got int64 of shape \(2,\)"),
        (GOOD, {"lengths": (LENGTHS, LENGTHS)}, OptionError, "given for 2 of 1 sets"),
        ([GOOD], {"lengths": LENGTHS}, OptionError, r"let it give \(x, y, lengths\)"),
        (GOOD, {"lengths": LENGTHS, "reset_state": False}, OptionError, "sequences that ended earlier cannot"),
        ((X, Y, LENGTHS), {}, DataError, "have lengths of their own"),
        ((X, Y[:5]), {}, DataError, "7 sequences, and 5 targets"),
        ((X, [s[:1] if n == 3 else s for n, s in enumerate(STEPS)]), {}, DataError, "sample 3, which has 6 steps"),
        ((X, [9, *STEPS[1:]]), {}, DataError, r"got \(\) for sample 0, which has 2 steps"),
        (({"a": X, "b": X[::-1]}, Y), {}, DataError, "those of a sample are equally long"),
        (([*X[:6], np.ones((6, 2))], Y), {}, DataError, r"features of one shape; got \(2,\) for sample 6"),
        ((X, Y), {"buckets": 0}, OptionError, "buckets"),
        ((X, Y + 1), {}, DataError, "They count from 1"),
        ((X, [s + 1 for s in STEPS]), {}, DataError, "They count from 1"),
    ],
)
def test_what_cannot_be_is_named(data, options, error, said):
    with pytest.raises(error, match=said):
        trainer().fit(data, num_epoch=1, **options)


def test_lengths_of_all_data_are_asked_for():
    with pytest.raises(OptionError, match="given for 1 of 2 sets of data"):
        trainer().fit(GOOD, GOOD, num_epoch=1, lengths=LENGTHS)
    bpff = dp.BPFF(dp.layers.Dense(F, C, key=KEY), "cross_entropy", logger=None)
    with pytest.raises(DataError, match="no time axis lacks"):
        bpff.fit((X, Y), num_epoch=1)
    with pytest.raises(DataError, match="lengths are of inputs with one time axis"):
        bpff.fit((padded(X)[:, 0], Y), num_epoch=1, lengths=LENGTHS)
