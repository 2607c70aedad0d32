"""Normalisation over batch and time against the papers' formulas in NumPy."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import dynplug as dp

KEY = jax.random.key(4)
RNG = np.random.default_rng(5)
N, T, C = 6, 5, 3
X = RNG.normal(size=(N, T, C)) * [1.0, 2.0, 3.0] + [0.5, -1.0, 2.0]
GOAL = RNG.normal(size=(N, T, C))
EPS = 1e-3


def numpy_of(kind, x, counts):
    """The normalised inputs, and the statistics, for weights that are one and biases that are zero."""
    axes = (0,) if kind == "BatchNormThroughTime" else (0, 1)
    w = np.broadcast_to(counts.reshape(*counts.shape, *[1] * (x.ndim - 2)), x.shape).astype(float)
    axes = (*axes, *range(3, x.ndim))
    mean = (w * x).sum(axes, keepdims=True) / w.sum(axes, keepdims=True)
    variance = (w * (x - mean) ** 2).sum(axes, keepdims=True) / w.sum(axes, keepdims=True)
    return (x - mean) / np.sqrt(variance + EPS), np.squeeze(mean, axes), np.squeeze(variance, axes)


def layer_of(kind, size=C, **options):
    steps = {} if kind == "TDBatchNorm" else {"steps": T}
    return getattr(dp.layers, kind)(size, epsilon=EPS, **steps, **options)


KINDS = ["TDBatchNorm", "TEBatchNorm", "BatchNormThroughTime"]
SGD = optax.sgd(1.0)


def drawn(layer):
    """Trained arrays that are no longer one and zero."""
    rng = np.random.default_rng(0)
    params, static = eqx.partition(layer, dp_trainable(layer))
    return eqx.combine(jax.tree.map(lambda a: jnp.asarray(rng.normal(size=a.shape), a.dtype), params), static)


def dp_trainable(layer):
    return jax.tree.structure(layer).unflatten([leaf.trainable for leaf in dp.core.leaves(layer)])


def expected(kind, layer, x, counts):
    z, mean, variance = numpy_of(kind, x, counts)
    weight, wide = np.asarray(layer.weight), [1] * (x.ndim - 3)
    if kind == "BatchNormThroughTime":
        return z * weight.reshape(T, C, *wide), mean, variance
    y = z * weight.reshape(C, *wide) * (0.5 * 2.0 if kind == "TDBatchNorm" else 1.0)
    y = y + np.asarray(layer.bias).reshape(C, *wide)
    if kind == "TEBatchNorm":
        y = y * np.asarray(layer.step_weight).reshape(T, 1, *wide)
    return y, mean, variance


def trainer(model, **options):
    return dp.BPTT(model, "mse", SGD, dt=1.0, logger=None, loop="plain", shuffle_data=False, **options)


@pytest.mark.claim(
    "batch-norm",
    "tdBN, TEBN and BNTT are the formulas of their papers, running statistics included, with padding left out",
    tolerance=1e-12,
    reference="Zheng et al. (2021), doi:10.1609/aaai.v35i12.17320; Duan et al. (2022); Kim & Panda (2021), "
    "doi:10.3389/fnins.2021.773954; NumPy",
    components=("layer:TDBatchNorm", "layer:TEBatchNorm", "layer:BatchNormThroughTime"),
)
@pytest.mark.parametrize("lengths", [None, np.array([5, 2, 3, 5, 1, 4])])
@pytest.mark.parametrize("kind", KINDS)
def test_a_batch_is_normalised_as_in_the_paper(x64, kind, lengths, measured):
    options = {"V_th": 2.0, "alpha": 0.5} if kind == "TDBatchNorm" else {}
    layer = drawn(layer_of(kind, momentum=0.25, **options))
    counts = np.ones((N, T), bool) if lengths is None else np.arange(T) < lengths[:, None]
    wanted, mean, variance = expected(kind, layer, X, counts)
    t = trainer(dp.Sequential(double=lambda x: 2.0 * x, norm=layer))
    t.fit((X / 2.0, GOAL), num_epoch=1, lengths=lengths)
    measured.difference(t.get_hist_metric()[0], np.mean(((wanted - GOAL) ** 2)[counts]))
    learned = t.target["norm"]
    measured.difference(learned.mean, 0.25 * mean)
    measured.difference(learned.variance, 0.75 + 0.25 * variance)
    assert learned.batch is None
    m, v = np.asarray(learned.mean), np.asarray(learned.variance)  # outside of fitting, running statistics
    still = eqx.tree_at(lambda s: s["norm"], t.target, eqx.combine(*map_statistics(layer, learned)))
    out = dp.LoopOverTime(still["norm"], dt=1.0)(X[0])[1]
    z = (X[0] - m) / np.sqrt(v + EPS)
    weight = np.asarray(layer.weight)
    y = z * weight if kind == "BatchNormThroughTime" else z * weight * (1.0) + np.asarray(layer.bias)
    measured.difference(out, y * np.asarray(layer.step_weight)[:, None] if kind == "TEBatchNorm" else y)


def map_statistics(layer, learned):
    """The trained arrays of one layer and the statistics of another."""
    params, _ = eqx.partition(layer, dp_trainable(layer))
    _, static = eqx.partition(learned, dp_trainable(learned))
    return params, static


@pytest.mark.parametrize("kind", KINDS)
def test_channels_of_images_are_normalised_each(x64, kind):
    x = RNG.normal(size=(N, T, C, 2, 4)) + 1.0
    layer = drawn(layer_of(kind, size=(C, 2, 4), **({"V_th": 2.0, "alpha": 0.5} if kind == "TDBatchNorm" else {})))
    wanted, *_ = expected(kind, layer, x, np.ones((N, T)))
    t = trainer(dp.Sequential(norm=layer))
    t.fit((x, np.zeros_like(x)), num_epoch=1)
    np.testing.assert_allclose(t.get_hist_metric()[0], np.mean(wanted**2), rtol=1e-12)


@pytest.mark.parametrize("kind", KINDS)
def test_gradients_go_through_the_statistics(x64, kind):
    k1, k2 = jax.random.split(KEY)
    hidden = dp.neurons.LeakyIntegrator(C, tau=3.0)
    model = dp.Sequential(
        first=dp.layers.Dense(C, C, key=k1),
        norm=layer_of(kind),
        hidden=hidden,
        second=dp.layers.Dense(C, C, key=k2),
        again=layer_of(kind),
    )

    def loss(weight):
        t = trainer(eqx.tree_at(lambda m: m["first"].weight, model, jnp.asarray(weight)))
        t.fit((X, GOAL), num_epoch=1)
        return t.get_hist_metric()[0], np.asarray(t.target["first"].weight)

    weight, h = np.asarray(model["first"].weight), 1e-5
    direction = RNG.normal(size=weight.shape)
    _, moved = loss(weight)
    slope = (loss(weight + h * direction)[0] - loss(weight - h * direction)[0]) / (2 * h)
    np.testing.assert_allclose(np.sum((weight - moved) * direction), slope, rtol=1e-6)


def network(kind="TDBatchNorm", norm=None):
    k1, k2 = jax.random.split(KEY)
    return dp.Sequential(
        encode=dp.layers.Dense(C, 4, key=k1),
        norm=layer_of(kind, 4) if norm is None else norm,
        drop=dp.layers.Dropout(0.3),
        hidden=dp.neurons.LIF(4, tau=2.0),
        readout=dp.layers.Dense(4, C, key=k2),
    )


def equinox_norm():
    layer, state = eqx.nn.make_with_state(eqx.nn.BatchNorm)(4, axis_name="batch", mode="ema")
    return dp.layers.Stateful(layer, state)


ADAM = optax.adamw(0.1, weight_decay=0.5)  # which must not reach statistics


def assert_same(a, b):
    for x, y in zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True):
        np.testing.assert_array_equal(x, y)


@pytest.mark.parametrize("norm", [None, equinox_norm()], ids=["TDBatchNorm", "Stateful"])
def test_statistics_are_saved_remembered_and_gone_on_with(tmp_path, norm):
    def made(**options):
        return dp.BPTT(network(norm=norm), "mse", ADAM, dt=1.0, logger=None, loop="plain", shuffle_data=True, **options)

    x, goal = X.astype(np.float32), GOAL.astype(np.float32)
    whole, first, second = made(), made(), made()
    whole.fit((x, goal), (x, goal), num_epoch=3, batch_size=4)
    first.fit((x, goal), (x, goal), num_epoch=1, batch_size=4)
    before = first.target
    first.save_states(tmp_path / "c")
    second.load_states(tmp_path / "c")
    assert_same(second.target, before)
    second.fit((x, goal), (x, goal), num_epoch=2, batch_size=4)
    assert_same(second.target, whole.target)
    np.testing.assert_array_equal(second.get_hist_metric("test")[1:], whole.get_hist_metric("test")[1:])
    dp.save_states(tmp_path / "model", whole.target)
    assert_same(dp.load_states(tmp_path / "model", network(norm=norm)).tree, whole.target)
    first.fit((x, goal), num_epoch=1, keep_best="fit/loss")
    first.restore_best()
    first.target = whole.target
    assert_same(first.target, whole.target)


def test_an_epoch_that_is_recalled_has_its_statistics():
    t = trainer(network(), observers=[dp.train.EarlyStopping("loss", patience=1, restore_best=True)])
    kept = []

    class Keep:
        @dp.api.hookimpl
        def dynplug_after_epoch(self, trainer, epoch):
            kept.append((trainer.get_hist_metric("test")[-1], trainer.target["norm"].mean))

    t = trainer(
        network(), observers=[Keep(), dp.train.EarlyStopping("loss", patience=2, restore_best=True, min_delta=1e9)]
    )
    x, goal = X.astype(np.float32), GOAL.astype(np.float32)
    t.fit((x, goal), (x, goal), num_epoch=9)
    assert len(kept) == 3
    np.testing.assert_array_equal(t.target["norm"].mean, kept[0][1])
    assert not np.array_equal(kept[0][1], kept[1][1])


def test_padded_samples_have_no_part_in_statistics():
    x, goal = X.astype(np.float32), GOAL.astype(np.float32)
    made = [trainer(dp.Sequential(norm=layer_of("TDBatchNorm", momentum=1.0))) for _ in range(2)]
    made[0].fit((x, goal), num_epoch=1, batch_size=4)  # the second batch has 2 samples, made up to 4
    made[1].fit([(x[:4], goal[:4]), (x[4:], goal[4:])], num_epoch=1)
    np.testing.assert_allclose(made[0].target["norm"].mean, made[1].target["norm"].mean, rtol=1e-5)
    np.testing.assert_allclose(made[0].target["norm"].mean, X[4:].mean((0, 1)), rtol=1e-5)


@pytest.mark.claim(
    "stateful-equinox",
    "equinox.nn.BatchNorm normalises each step by the batch, and its running mean is what Equinox makes of it "
    "(relative, and absolute below 1)",
    tolerance=1e-5,
    reference="Equinox's own layer under vmap",
    components=("runner:BPTT",),
)
def test_stateful_layers_are_those_of_equinox(measured):
    layer, state = eqx.nn.make_with_state(eqx.nn.BatchNorm)(C, axis_name="batch", mode="ema")
    t = trainer(dp.Sequential(norm=dp.layers.Stateful(layer, state)))
    x, goal = X.astype(np.float32), GOAL.astype(np.float32)
    t.fit((x, goal), num_epoch=1)
    outs = []
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        for i in range(T):
            step = jax.vmap(layer, axis_name="batch", in_axes=(0, None), out_axes=(0, None))
            out, state = step(jnp.asarray(x[:, i]), state)
            outs.append(out)
        measured.relative(t.get_hist_metric()[0], np.mean((np.stack(outs, 1) - goal) ** 2), floor=1.0)
        for ours, theirs in zip(t.target["norm"].memory, jax.tree.leaves(state), strict=True):
            measured.relative(np.asarray(ours, float), np.asarray(theirs, float), floor=1.0)
        out, _ = eqx.nn.inference_mode(layer)(jnp.asarray(x[0, 0]), state)
    step_of = t.predict(x)[0, 0] - out
    assert np.max(np.abs(step_of)) < 2.0  # trained since, but of the same statistics


def test_a_system_of_ones_own_may_ask_for_the_batch():
    class Centred(dp.DynamicalSystem):
        def init_state(self, ctx):
            return None

        def update(self, state, x, ctx):
            return None, x - ctx.batch_mean(x)

    x = X.astype(np.float32)
    _, out = dp.LoopOverTime(Centred(), dt=1.0, data_first_axis="B")(x)
    np.testing.assert_allclose(out, x - x.mean(0), atol=1e-6)
    np.testing.assert_array_equal(dp.LoopOverTime(Centred(), dt=1.0)(x[0])[1], np.zeros((T, C)))
    lengths = np.array([5, 2, 3, 5, 1, 4])
    counts = np.arange(T) < lengths[:, None]
    w = dp.Sequential(scale=dp.layers.Dense(C, C, W_initializer=lambda shape: jnp.eye(C)), centre=Centred())
    t = trainer(w)
    t.fit((x, 0 * x), num_epoch=1, lengths=lengths)
    mean = (x * counts[..., None]).sum(0) / counts.sum(0)[:, None]
    np.testing.assert_allclose(t.get_hist_metric()[0], np.mean((x - mean)[counts] ** 2), rtol=1e-5)


@pytest.mark.parametrize(
    ("call", "error", "said"),
    [
        (lambda: layer_of("TDBatchNorm", momentum=0.0), "ParameterError", "momentum=0.0"),
        (lambda: dp.layers.TDBatchNorm(C, epsilon=0.0), "ParameterError", "epsilon=0.0"),
        (lambda: dp.layers.TDBatchNorm(C, V_th=0.0), "ParameterError", "V_th=0.0"),
        (lambda: dp.layers.Stateful(jnp.tanh, None), "CompositionError", "make_with_state"),
        (
            lambda: fitted(dp.Sequential(norm=dp.layers.BatchNormThroughTime(C, steps=4))),
            "ShapeError",
            "sequences of 5 steps",
        ),
        (
            lambda: fitted(dp.Sequential(inner=dp.Sequential(norm=layer_of("TDBatchNorm")))),
            "CompositionError",
            "inner.norm: its statistics are those of a batch",
        ),
        (
            lambda: fitted(dp.Sequential(first=dp.layers.Dense(C, 4, key=KEY), norm=equinox_norm()), lengths=[1] * N),
            "CompositionError",
            "norm: BatchNorm would take padding for data",
        ),
    ],
)
def test_what_cannot_be_is_named(call, error, said):
    with pytest.raises(getattr(dp.errors, error), match=said):
        call()


def fitted(model, **options):
    out = 4 if "first" in model.names else C
    trainer(model).fit((X.astype(np.float32), np.zeros((N, T, out), np.float32)), num_epoch=1, **options)
