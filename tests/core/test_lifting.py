"""Functions and modules of Equinox as parts of a model: each class of `equinox.nn` works, or is refused with a word."""

from functools import partial

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import dynplug as dp
from dynplug.errors import CompositionError, KeyRequiredError, ShapeError

nn = eqx.nn
K = jax.random.key(3)
LINEAR = nn.Linear(4, 4, key=K)
ROW, PLANE, CUBE = (4,), (2, 6, 6), (2, 4, 4, 4)

WORKS = {
    "AdaptiveAvgPool1d": (nn.AdaptiveAvgPool1d(2), (2, 6)),
    "AdaptiveAvgPool2d": (nn.AdaptiveAvgPool2d(2), PLANE),
    "AdaptiveAvgPool3d": (nn.AdaptiveAvgPool3d(2), CUBE),
    "AdaptiveMaxPool1d": (nn.AdaptiveMaxPool1d(2), (2, 6)),
    "AdaptiveMaxPool2d": (nn.AdaptiveMaxPool2d(2), PLANE),
    "AdaptiveMaxPool3d": (nn.AdaptiveMaxPool3d(2), CUBE),
    "AdaptivePool": (nn.AdaptivePool(2, 1, jnp.max), (2, 6)),
    "AvgPool1d": (nn.AvgPool1d(2), (2, 6)),
    "AvgPool2d": (nn.AvgPool2d(2), PLANE),
    "AvgPool3d": (nn.AvgPool3d(2), CUBE),
    "Conv": (nn.Conv(1, 2, 3, 3, key=K), (2, 6)),
    "Conv1d": (nn.Conv1d(2, 3, 3, key=K), (2, 6)),
    "Conv2d": (nn.Conv2d(2, 3, 3, key=K), PLANE),
    "Conv3d": (nn.Conv3d(2, 3, 3, key=K), CUBE),
    "ConvTranspose": (nn.ConvTranspose(1, 2, 3, 3, key=K), (2, 6)),
    "ConvTranspose1d": (nn.ConvTranspose1d(2, 3, 3, key=K), (2, 6)),
    "ConvTranspose2d": (nn.ConvTranspose2d(2, 3, 3, key=K), PLANE),
    "ConvTranspose3d": (nn.ConvTranspose3d(2, 3, 3, key=K), CUBE),
    "Dropout": (nn.Dropout(0.5), ROW),
    "Embedding": (nn.Embedding(5, 4, key=K), ()),
    "GroupNorm": (nn.GroupNorm(2, 4), ROW),
    "Identity": (nn.Identity(), ROW),
    "Lambda": (nn.Lambda(jnp.tanh), ROW),
    "LayerNorm": (nn.LayerNorm(4), ROW),
    "Linear": (LINEAR, ROW),
    "MLP": (nn.MLP(4, 2, 3, 1, key=K), ROW),
    "MaxPool1d": (nn.MaxPool1d(2), (2, 6)),
    "MaxPool2d": (nn.MaxPool2d(2), PLANE),
    "MaxPool3d": (nn.MaxPool3d(2), CUBE),
    "PReLU": (nn.PReLU(), ROW),
    "Pool": (nn.Pool(-jnp.inf, jax.lax.max, 1, 2), (2, 6)),
    "RMSNorm": (nn.RMSNorm(4), ROW),
    "RotaryPositionalEmbedding": (nn.RotaryPositionalEmbedding(4), (3, 4)),
    "Sequential": (nn.Sequential([LINEAR, nn.Dropout(0.5)]), ROW),
    "WeightNorm": (nn.WeightNorm(LINEAR), ROW),
}
REFUSED = {
    "BatchNorm": (lambda: nn.BatchNorm(4, "batch", mode="batch"), "keeps a state of Equinox's.*LayerNorm"),
    "GRUCell": (lambda: nn.GRUCell(4, 4, key=K), "needs input, hidden.*dynplug.layers.GRUCell"),
    "LSTMCell": (lambda: nn.LSTMCell(4, 4, key=K), "needs input, hidden.*dynplug.layers.LSTMCell"),
    "MultiheadAttention": (lambda: nn.MultiheadAttention(1, 4, key=K), "needs query, key_, value"),
    "Shared": (lambda: nn.Shared((LINEAR, LINEAR), lambda p: p[0].weight, lambda p: p[1].weight), "takes no input"),
    "SpectralNorm": (lambda: nn.SpectralNorm(LINEAR, "weight", key=K), "keeps a state of Equinox's"),
    "State": (lambda: nn.make_with_state(nn.BatchNorm)(4, "batch", mode="batch")[1], "neither a system nor a function"),
    "StateIndex": (lambda: nn.StateIndex(jnp.zeros(())), "neither a system nor a function"),
}


def test_every_class_of_equinox_is_here():
    found = {name for name in dir(nn) if isinstance(getattr(nn, name), type)}
    assert found - {"StatefulLayer"} <= WORKS.keys() | REFUSED.keys()  # which is abstract


@pytest.mark.parametrize("name", [name for name in REFUSED if hasattr(nn, name)])
def test_what_cannot_be_a_part_is_refused_where_it_is_joined(name):
    make, said = REFUSED[name]
    layer = make()
    for join in (lambda: dp.neurons.LIF(4) >> layer, lambda: dp.Sequential(a=layer, b=dp.neurons.LIF(4))):
        with pytest.raises(CompositionError, match=said):
            join()
    with pytest.raises(CompositionError, match="keeps a state"):
        dp.neurons.LIF(4) >> nn.Sequential([nn.BatchNorm(4, "batch", mode="batch")])


class Beside(dp.DynamicalSystem):
    """Systems side by side, each with an input and an output of its own, by name."""

    names: tuple = eqx.field(static=True)
    systems: tuple
    gain: jax.Array

    def init_state(self, ctx):
        return None

    def update(self, state, x, ctx):
        parts = zip(self.names, self.systems, strict=True)
        outs = {n: system.update({"0": None}, x[n], ctx.child(n))[1] for n, system in parts}
        return None, {n: self.gain * out for n, out in outs.items()}


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*one array in several places:dynplug.errors.DataWarning")
def test_all_others_are_trained_and_put_out_what_they_put_out_by_themselves():
    rng = np.random.default_rng(0)
    x = {
        n: rng.integers(0, 5, 3) if n == "Embedding" else rng.normal(size=(3, *shape)).astype(np.float32)
        for n, (_, shape) in WORKS.items()
    }
    model = Beside(tuple(WORKS), tuple(dp.Sequential(layer) for layer, _ in WORKS.values()), jnp.ones(()))

    def loss(out, y):
        return sum(jnp.mean((a - 1.0) ** 2) for a in jax.tree.leaves(out))

    trainer = dp.BPFF(model, loss, optax.sgd(1e-3), logger=None, progress_bar=False)
    out = trainer.predict(x)
    layers = {n: nn.inference_mode(layer) for n, (layer, _) in WORKS.items()}
    alone = eqx.filter_jit(lambda x: {n: jax.vmap(layer)(x[n]) for n, layer in layers.items()})(x)
    for n in WORKS:
        np.testing.assert_allclose(out[n], alone[n], rtol=1e-5, atol=1e-6)
    trainer.fit((x, np.zeros(3)), num_epoch=2)
    losses = trainer.get_hist_metric()
    assert np.all(np.isfinite(losses))
    assert losses[1] != losses[0]


@pytest.mark.parametrize("layer", [nn.Dropout(0.5), nn.Sequential([nn.Lambda(jnp.abs), nn.Dropout(0.5)])])
def test_dropout_acts_while_fitting_alone_with_the_keys_of_the_run(layer):
    model, x = dp.Sequential(drop=layer), jnp.ones((2, 1000))

    def run(key=None, **shared):
        return dp.LoopOverTime(model, dt=1.0, shared_arg=shared)(x, key=key)[1]

    np.testing.assert_array_equal(run(), x)
    with pytest.raises(KeyRequiredError, match="drop is stochastic"):
        run(fit=True)
    out = np.asarray(run(K, fit=True))
    assert set(np.unique(out)) == {0.0, 2.0}
    assert 0.4 < np.mean(out == 0) < 0.6
    assert np.any(out[0] != out[1])  # a mask of its own for each step
    np.testing.assert_array_equal(out, run(K, fit=True))


def test_a_function_of_ones_own_gets_a_key_where_it_takes_one():
    def noise(x, *, key):
        return x + jax.random.normal(key, x.shape)

    def perhaps(x, key=None):
        return x if key is None else x + 1.0

    x = jnp.zeros((1, 500))
    with pytest.raises(KeyRequiredError):
        dp.LoopOverTime(dp.Lift(noise), dt=1.0)(x)
    assert 0.8 < np.std(dp.LoopOverTime(dp.Lift(noise), dt=1.0)(x, key=K)[1]) < 1.2
    np.testing.assert_array_equal(dp.LoopOverTime(dp.Lift(perhaps), dt=1.0)(x)[1], x)
    np.testing.assert_array_equal(dp.LoopOverTime(dp.Lift(perhaps), dt=1.0)(x, key=K)[1], x + 1.0)


@pytest.mark.parametrize(
    ("function", "said"),
    [
        (lambda x, y: x, "needs x, y, but a part of a model is called with one input"),
        (lambda x, *, gain: x, "needs x, gain"),
        (lambda: 1.0, "takes no input"),
        (lambda *, x: x, "takes no input|needs x"),
        (partial(lambda a, b, c: a, 1), "needs b, c"),
    ],
)
def test_a_function_that_needs_more_than_its_input_is_refused(function, said):
    for join in (dp.Lift, lambda f: dp.neurons.LIF(2) >> f):
        with pytest.raises(CompositionError, match=said):
            join(function)


@pytest.mark.parametrize(
    "function", [lambda x, y=1: x, lambda *x: x[0], lambda x, **more: x, jnp.tanh, abs, jax.nn.relu]
)
def test_a_function_of_one_input_is_taken(function):
    out = dp.LoopOverTime(dp.Sequential(function), dt=1.0)(jnp.ones((1, 2)))[1]
    np.testing.assert_allclose(out, np.asarray(function(jnp.ones((1, 2)))), rtol=1e-6)


def test_shapes_are_followed_through_what_is_lifted():
    conv, pool = nn.Conv2d(1, 8, 3, key=K), nn.MaxPool2d(2)
    known = dp.Lift(conv, in_size=(1, 9, 9))
    assert known.out_size == (8, 7, 7)
    model = known >> pool >> dp.neurons.LIF((8, 6, 6)) >> jnp.ravel
    assert (model.in_size, model.out_size) == ((1, 9, 9), (288,))
    assert dp.Sequential(conv, pool, dp.neurons.LIF((8, 6, 6))).in_size is None  # only the data show
    with pytest.raises(
        ShapeError, match=r"'0' \(Conv2d\) outputs shape \(8, 7, 7\), but '1' \(LIF\) takes \(8, 9, 9\)"
    ):
        known >> dp.neurons.LIF((8, 9, 9))
    with pytest.raises(ShapeError, match=r"'2' \(MaxPool2d\) outputs shape \(8, 6, 6\), but '3' \(LIF\)"):
        dp.neurons.LIF((1, 9, 9)) >> conv >> pool >> dp.neurons.LIF((8, 7, 7))
    with pytest.raises(
        ShapeError, match=r"'0' \(LIF\) outputs shape \(8,\), but '1' \(Linear\): cannot take .* \(8,\)"
    ):
        dp.neurons.LIF(8) >> LINEAR
    with pytest.raises(ShapeError, match=r"'b' \(Sequential\): .* \(5,\).*'1' \(LIF\) takes \(4,\)"):
        dp.Sequential(a=dp.neurons.LIF(5), b=dp.Sequential(jnp.tanh, dp.neurons.LIF(4)))
    with pytest.raises(ShapeError, match="cannot take an input of shape"):
        dp.Lift(LINEAR, in_size=3)


def test_a_part_that_was_lifted_takes_other_shapes_elsewhere():
    tail = (dp.neurons.LIF(4) >> jnp.tanh)[1:]
    assert (dp.neurons.LIF(5) >> tail).out_size == (5,)


@pytest.mark.parametrize(
    "function", [lambda drive: drive.current, lambda x: x if x.sum() > 0 else -x, lambda x: np.asarray(x) * 2]
)
def test_what_only_a_run_can_show_is_not_asked_before(function):
    assert (dp.synapses.Delta(3) >> function).out_size is None


def test_a_mean_over_the_batch_is_answered():
    said = r"one sample.*'batch'.*ctx\.batch_mean"
    data = np.zeros((2, 4, 3)), np.zeros((2, 2))
    named, other = (
        dp.layers.Dense(3, 2, key=K) >> (lambda x, name=name: x - jax.lax.pmean(x, name))
        for name in ("batch", "samples")
    )
    dp.BPTT(named, "mse", dt=1.0, logger=None).fit(data, num_epoch=1)
    with pytest.raises(CompositionError, match=said):
        dp.BPTT(other, "mse", dt=1.0, logger=None).fit(data, num_epoch=1)
    with pytest.raises(CompositionError, match=said):
        dp.LoopOverTime(named, dt=1.0)(data[0][0])


NORMS = [eqx.nn.LayerNorm(4), eqx.nn.RMSNorm(4), eqx.nn.GroupNorm(2, 4)]
DOUBLE = lambda x: x + x  # noqa: E731


@pytest.mark.parametrize("function", [*NORMS, DOUBLE, jax.nn.softmax], ids=lambda f: type(f).__name__)
@pytest.mark.parametrize("dtype", [bool, np.uint8, np.int32])
def test_spikes_and_counts_are_numbers_for_what_is_lifted(function, dtype):
    x = np.array([[1, 0, 1, 1], [0, 0, 0, 1]])
    lift = dp.LoopOverTime(dp.Sequential(function), dt=1.0)
    if dtype is not bool and function in (
        DOUBLE,
        jax.nn.softmax,
    ):  # a function of one's own may look up what it is given
        function = dp.Lift(eqx.nn.Lambda(function))
        lift = dp.LoopOverTime(dp.Sequential(function), dt=1.0)
    found = lift(x.astype(dtype))[1]
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, lift(x.astype(np.float32))[1])


def test_a_spiking_convolution_takes_booleans():
    conv = eqx.nn.Conv2d(1, 2, 3, key=jax.random.key(0))
    model = dp.Sequential(conv=conv, spikes=dp.neurons.LIF((2, 3, 3)))
    x = np.random.default_rng(0).random((6, 1, 5, 5)) < 0.5
    loop = dp.LoopOverTime(model, dt=1.0)
    np.testing.assert_array_equal(loop(x)[1], loop(x.astype(np.float32))[1])


def test_an_embedding_gets_its_indices():
    table = eqx.nn.Embedding(5, 2, key=jax.random.key(0))
    found = dp.LoopOverTime(dp.Sequential(table), dt=1.0)(np.array([3, 0, 3]))[1]
    np.testing.assert_array_equal(found, table.weight[np.array([3, 0, 3])])
