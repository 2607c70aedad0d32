"""Layers made of Flax's modules against Flax itself: outputs, gradients, statistics, random numbers and weights."""

import inspect
import re
from importlib.metadata import metadata

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from dynplug_flax import FlaxLayer
from flax import nnx

import dynplug as dp

KEY = jax.random.key(3)
RNG = np.random.default_rng(4)
N, T, C = 4, 5, 3
X = RNG.normal(size=(N, T, C)).astype(np.float32)
SGD = {"type": "sgd", "learning_rate": 1.0}


class Block(nn.Module):
    """Everything at once, told the phase as its author likes it."""

    @nn.compact
    def __call__(self, x, training: bool = False):
        x = nn.Dense(4)(x)
        x = nn.BatchNorm(use_running_average=not training, axis_name="batch", momentum=0.75)(x)
        return nn.Dropout(0.5, deterministic=not training)(nn.tanh(x))


class Convolution(nnx.Module):
    def __init__(self, rngs):
        self.layers = nnx.List([nnx.Linear(C, 4, rngs=rngs), nnx.Linear(4, 2, rngs=rngs)])

    def __call__(self, x):
        for layer in self.layers:
            x = nnx.tanh(layer(x))
        return x


LINEN = {
    "Dense": nn.Dense(4),
    "row": nn.Sequential([nn.Dense(4), nn.tanh, nn.LayerNorm(), nn.Dense(2, use_bias=False)]),
    "attention": nn.MultiHeadDotProductAttention(num_heads=2, qkv_features=4),
    "Block": Block(),
}
CELLS = {
    "GRUCell": nn.GRUCell(4),
    "OptimizedLSTMCell": nn.OptimizedLSTMCell(4),
    "SimpleCell": nn.SimpleCell(4),
}
NNX = {
    "Linear": lambda: nnx.Linear(C, 4, rngs=nnx.Rngs(1)),
    "own": lambda: Convolution(nnx.Rngs(2)),
    "BatchNorm": lambda: nnx.BatchNorm(C, axis_name="batch", rngs=nnx.Rngs(3)),
}
NNX_CELLS = {
    "GRUCell": lambda: nnx.GRUCell(C, 4, rngs=nnx.Rngs(4)),
    "OptimizedLSTMCell": lambda: nnx.OptimizedLSTMCell(C, 4, rngs=nnx.Rngs(5)),
}


def over_time(layer, x, key=None):
    return np.asarray(dp.LoopOverTime(layer, dt=1.0, data_first_axis="B")(x, key=key)[1])


def flax():
    """The dtypes that Flax expects to be promoted."""
    return jax.numpy_dtype_promotion("standard")


@pytest.fixture(autouse=True)
def ranks():
    with jax.numpy_rank_promotion("allow"):
        yield


claimed = pytest.mark.claim(
    "flax-modules",
    "Layers of linen and nnx, recurrent cells included, put out what Flax computes from the same weights (absolute)",
    tolerance=1e-6,
    reference="Heek, J. et al. (2024), Flax, https://github.com/google/flax; Flax's own apply and RNN",
    components=("layer:FlaxLayer",),
)


@claimed
@pytest.mark.parametrize("name", LINEN)
def test_outputs_are_those_of_linen(name, measured):
    size = (2, C) if name == "attention" else C
    x = RNG.normal(size=(N, T, *np.atleast_1d(size))).astype(np.float32)
    layer = FlaxLayer(LINEN[name], size, key=KEY)
    with flax():
        expected = LINEN[name].apply(layer.variables, x)
    out = over_time(layer, x)
    measured.difference(out, expected)
    assert out.shape[2:] == layer.out_size


@claimed
@pytest.mark.parametrize("name", CELLS)
def test_outputs_of_cells_are_those_of_linens_own_loop(name, measured):
    layer = FlaxLayer(CELLS[name], C, key=KEY)
    with flax():
        expected = nn.RNN(CELLS[name]).apply({"params": {"cell": layer.params}}, X)
    measured.difference(over_time(layer, X), expected)


@claimed
@pytest.mark.parametrize("name", [*NNX, *NNX_CELLS])
def test_outputs_are_those_of_nnx(name, measured):
    module = (NNX | NNX_CELLS)[name]()
    layer = FlaxLayer(module, C)
    with flax():
        if name == "BatchNorm":
            module.eval()
        expected = nnx.RNN(module)(X, rngs=nnx.Rngs(0)) if name in NNX_CELLS else module(X)
    measured.difference(over_time(layer, X), expected)


def moved(layer, x, goal):
    """The change of the parameters by a step of gradient descent on the mean square: their gradient."""
    trainer = dp.BPTT(dp.Sequential(part=layer), "mse", SGD, dt=1.0, logger=None, progress_bar=False)
    trainer.fit((x, goal), num_epoch=1)
    return jax.tree.map(lambda a, b: a - b, layer.params, trainer.target["part"].params)


def assert_near(one, other, **options):
    assert jax.tree.structure(one) == jax.tree.structure(other)
    for a, b in zip(jax.tree.leaves(one), jax.tree.leaves(other), strict=True):
        np.testing.assert_allclose(a, b, **options)


GRADIENT = {"rtol": 1e-4, "atol": 1e-6}


@pytest.mark.parametrize("name", ["Dense", "GRUCell"])
def test_trained_by_bptt_they_move_along_the_gradient_of_linen(name):
    module = (LINEN | CELLS)[name]
    layer, goal = FlaxLayer(module, C, key=KEY), RNG.normal(size=(N, T, 4)).astype(np.float32)

    def loss(params):
        if name == "GRUCell":
            return jnp.mean((nn.RNN(module).apply({"params": {"cell": params}}, X) - goal) ** 2)
        return jnp.mean((module.apply({"params": params}, X) - goal) ** 2)

    with flax():
        expected = jax.grad(loss)(layer.params)
    assert_near(moved(layer, X, goal), expected, **GRADIENT)


def test_trained_by_bptt_they_move_along_the_gradient_of_nnx():
    cell, goal = NNX_CELLS["GRUCell"](), RNG.normal(size=(N, T, 4)).astype(np.float32)
    with flax():
        gradient = nnx.grad(lambda rnn: jnp.mean((rnn(X, rngs=nnx.Rngs(0)) - goal) ** 2))(nnx.RNN(cell))
    expected = nnx.to_pure_dict(gradient)["cell"]
    assert_near(moved(FlaxLayer(cell, C), X, goal), expected, **GRADIENT)


def test_a_network_with_a_neuron_learns():
    options = {"in_features": 8, "out_features": 2}
    model = dp.build(
        {
            "type": "Sequential",
            "hidden": {"type": "FlaxLayer", "module": "linen.GRUCell", "in_shape": C, "options": {"features": 8}},
            "readout": {
                "type": "FlaxLayer",
                "module": "nnx.Linear",
                "in_shape": 8,
                "options": options,
            },
            "leak": {"type": "LeakyIntegrator", "size": 2},
        },
        key=KEY,
    )
    adam = {"type": "adam", "learning_rate": 0.05}
    trainer = dp.BPTT(model, "cross_entropy", adam, dt=1.0, logger=None, progress_bar=False)
    x = RNG.normal(size=(16, T, C)).astype(np.float32)
    trainer.fit((x, (x.sum((1, 2)) > 0).astype(int)), num_epoch=30)
    losses = trainer.get_hist_metric("fit", "loss")
    assert losses[-1] < 0.5 * losses[0]


@pytest.mark.claim(
    "flax-batch-statistics",
    "Statistics of a batch, and running ones after an epoch, are Flax's for the same batch at each step (absolute)",
    tolerance=1e-6,
    reference="Heek, J. et al. (2024), Flax, https://github.com/google/flax; Flax's own layers",
    components=("layer:FlaxLayer",),
)
@pytest.mark.parametrize("library", ["linen", "nnx"])
def test_statistics_are_those_of_each_step_over_the_batch(library, measured):
    """Flax normalises whole batches, without an axis name; running statistics change once a step."""
    goal = RNG.normal(size=X.shape).astype(np.float32)
    if library == "linen":
        layer = FlaxLayer(nn.BatchNorm(axis_name="batch", momentum=0.75), C, key=KEY)
        theirs, seen = nn.BatchNorm(momentum=0.75), layer.variables
    else:
        layer = FlaxLayer(nnx.BatchNorm(C, axis_name="batch", momentum=0.75, rngs=nnx.Rngs(0)), C)
        theirs = nnx.BatchNorm(C, momentum=0.75, rngs=nnx.Rngs(0))
    trainer = dp.BPTT(dp.Sequential(norm=layer), "mse", SGD, dt=1.0, logger=None, progress_bar=False)
    trainer.fit((X, goal), num_epoch=1)
    outs = []
    for t in range(T):
        with flax():
            if library == "linen":
                out, new = theirs.apply(seen, X[:, t], use_running_average=False, mutable=["batch_stats"])
                seen = seen | new
            else:
                out = theirs(X[:, t])
        outs.append(out)
    measured.difference(trainer.get_hist_metric("fit", "loss")[0], np.mean((np.stack(outs, 1) - goal) ** 2))
    learned = trainer.target["norm"]
    expected = seen["batch_stats"] if library == "linen" else nnx.to_pure_dict(nnx.state(theirs, nnx.BatchStat))
    measured.difference(jax.tree.leaves(learned.held), jax.tree.leaves(expected))
    assert not np.array_equal(jax.tree.leaves(learned.held)[0], jax.tree.leaves(layer.held)[0])
    with flax():  # and predictions go by the running ones
        if library == "linen":
            wanted = theirs.apply(learned.variables, X, use_running_average=True)
        else:
            theirs.eval()
            nnx.update(theirs, learned.variables)
            wanted = theirs(X)
    measured.difference(trainer.predict(X), wanted)


class OpenDropout(nn.Module):
    @nn.compact
    def __call__(self, x):
        return nn.Dropout(0.5)(x)


DROPOUTS = {
    "linen": lambda: FlaxLayer(nn.Dropout(0.5), 200, key=KEY),
    "inner": lambda: FlaxLayer(nn.Sequential([OpenDropout()]), 200, key=KEY),
    "nnx": lambda: FlaxLayer(nnx.Dropout(0.5, rngs=nnx.Rngs(0)), 200),
    "inner nnx": lambda: FlaxLayer(nnx_row(), 200),
    "inner nnx, for predictions": lambda: FlaxLayer(nnx.view(nnx_row(), deterministic=True), 200),
}


def nnx_row():
    return nnx.Sequential(nnx.Dropout(0.5, rngs=nnx.Rngs(0)))


@pytest.mark.parametrize("name", DROPOUTS)
def test_dropout_draws_from_the_context_while_fitting_alone(name):
    layer, x = DROPOUTS[name](), jnp.ones(200)

    def out(seed, fit=True):
        ctx = dp.Context(dt=1.0, key=None if seed is None else jax.random.key(seed), fit=fit)
        return np.asarray(layer.update(layer.init_state(ctx), x, ctx)[1])

    assert set(np.unique(out(0))) == {0.0, 2.0}
    assert abs(out(0).mean() - 1.0) < 0.3
    np.testing.assert_array_equal(out(0), out(0))
    assert 0.3 < np.mean(out(0) != out(1)) < 0.7
    np.testing.assert_array_equal(out(0, fit=False), x)
    np.testing.assert_array_equal(out(None, fit=False), x)
    with pytest.raises(dp.errors.KeyRequiredError, match="stochastic"):
        out(None)


def test_two_dropouts_of_a_module_draw_apart():
    class Twice(nnx.Module):
        def __init__(self, rngs):
            self.one, self.other = nnx.Dropout(0.5, rngs=rngs), nnx.Dropout(0.5, rngs=rngs)

        def __call__(self, x):
            return jnp.stack([self.one(x), self.other(x)])

    layer, ctx = FlaxLayer(Twice(nnx.Rngs(0)), 200), dp.Context(dt=1.0, key=KEY, fit=True)
    one, other = layer.update(None, jnp.ones(200), ctx)[1]
    assert 0.3 < np.mean(one != other) < 0.7


def test_a_phase_that_is_settled_stays_so():
    """An attribute, and an argument that a module passes on itself, are not overruled."""

    class Always(nn.Module):
        @nn.compact
        def __call__(self, x):
            return nn.Dropout(0.5)(x, deterministic=False)

    for module, fit, expected in (
        (nn.Dropout(0.5, deterministic=True), True, {1.0}),
        (nn.Sequential([nn.Dropout(0.5, deterministic=True)]), True, {1.0}),
        (Always(), False, {0.0, 2.0}),
    ):
        layer, ctx = FlaxLayer(module, 100, key=KEY), dp.Context(dt=1.0, key=KEY, fit=fit)
        assert set(np.unique(layer.update(None, jnp.ones(100), ctx)[1])) == expected


@pytest.mark.parametrize("argument", ["train", "training", "is_training", "deterministic", "use_running_average"])
@pytest.mark.parametrize("library", [nn, nnx])
def test_arguments_tell_the_phase(argument, library):
    namespace: dict = {"Base": library.Module}
    exec(f"class Told(Base):\n def __call__(self, x, {argument}=None): return x * (1.0 + {argument})", namespace)
    layer = FlaxLayer(namespace["Told"](), 1, key=KEY)
    found = [float(layer.update(None, jnp.ones(1), dp.Context(dt=1.0, fit=fit))[1][0]) for fit in (False, True)]
    assert found == ([1.0, 2.0] if "train" in argument else [2.0, 1.0])


class Counting(nn.Module):
    """Adds the number of the step, which is in a collection, and a constant of another one."""

    @nn.compact
    def __call__(self, x):
        count = self.variable("cache", "count", lambda: jnp.zeros((), jnp.int32))
        shift = self.variable("constants", "shift", lambda: jnp.full((), 0.5))
        y = nn.Dense(1, use_bias=False, kernel_init=nn.initializers.ones)(x) + count.value + shift.value
        if not self.is_initializing():
            count.value = count.value + 1
        self.sow("intermediates", "y", y)
        return y


class CountingNNX(nnx.Module):
    def __init__(self):
        self.count, self.shift = nnx.Cache(jnp.zeros((), jnp.int32)), nnx.Variable(jnp.full((), 0.5))
        self.kernel = nnx.Param(jnp.ones((1, 1)))

    def __call__(self, x):
        y = x @ self.kernel[...] + self.count[...] + self.shift[...]
        self.count[...] += 1
        return y


@pytest.mark.parametrize(
    ("module", "collections"),
    [
        (Counting(), {"cache": "state", "constants": "fixed"}),
        (CountingNNX(), {"Cache": "state", "Variable": "fixed"}),
    ],
)
def test_other_collections_are_what_they_are_said_to_be(module, collections):
    layer = FlaxLayer(module, 1, collections=collections, key=KEY)
    x = np.zeros((2, 4, 1), np.float32)
    np.testing.assert_allclose(over_time(layer, x)[..., 0], [np.arange(4) + 0.5] * 2)
    trainer = dp.BPTT(dp.Sequential(part=layer), "mse", SGD, dt=1.0, logger=None, progress_bar=False)
    trainer.fit((x + 1.0, x), num_epoch=1)
    assert_near(trainer.target["part"].held, layer.held)
    assert not np.array_equal(*(jax.tree.leaves(m.params)[0] for m in (trainer.target["part"], layer)))


class Centred(dp.DynamicalSystem):
    """Reads the batch."""

    def init_state(self, ctx):
        return None

    def update(self, state, x, ctx):
        return None, x - ctx.batch_mean(x)


def test_a_leak_is_found_beside_collections_that_are_no_statistics_of_batches():
    layer = FlaxLayer(Counting(), 1, collections={"cache": "state", "constants": "fixed"}, key=KEY)
    norm = FlaxLayer(nn.BatchNorm(axis_name="batch"), 1, key=KEY)
    x = np.random.default_rng(0).normal(size=(8, 4, 1)).astype(np.float32)

    def found(*parts):
        return str(dp.diagnose(dp.Sequential(*parts), (x, x), loss_fun="mse", dt=1.0, checks=["Leaks"]))

    assert "samples and runs are independent\n" in f"{found(layer)}\n"
    assert "outputs depend on other samples of the batch" in found(layer, Centred())
    assert "independent, but for statistics of the batch" in found(layer, norm)


@pytest.mark.parametrize(
    "made",
    [
        lambda key: FlaxLayer(Block(), C, key=key),
        lambda key: FlaxLayer(nnx.BatchNorm(C, axis_name="batch", rngs=nnx.Rngs(int(jax.random.bits(key)))), C),
    ],
)
def test_weights_go_to_flax_and_back(made, tmp_path):
    one, other = made(KEY), made(jax.random.key(9))
    one = dp.BPTT(dp.Sequential(part=one), "mse", SGD, dt=1.0, logger=None, progress_bar=False)
    one.fit((X, np.ones((N, T, one.target["part"].out_size[0]), np.float32)), num_epoch=1)
    one = one.target["part"]
    assert not np.array_equal(over_time(one, X), over_time(other, X))
    np.testing.assert_array_equal(over_time(other.with_variables(one.variables), X), over_time(one, X))
    dp.save_states(tmp_path / "weights", one)
    np.testing.assert_array_equal(over_time(dp.load_states(tmp_path / "weights", other).tree, X), over_time(one, X))


def test_layers_begin_with_weights_that_flax_has_made():
    with flax():
        variables = nn.GRUCell(4).init(KEY, jnp.zeros(4), jnp.zeros(C))
    layer = FlaxLayer(nn.GRUCell(4), C, variables=variables)
    assert_near(layer.variables, variables)
    module = NNX_CELLS["GRUCell"]()
    fresh = FlaxLayer(nnx.GRUCell(C, 4, rngs=nnx.Rngs(8)), C, variables=nnx.state(module))
    np.testing.assert_array_equal(over_time(fresh, X), over_time(FlaxLayer(module, C), X))
    np.testing.assert_array_equal(over_time(FlaxLayer(fresh.module, C), X), over_time(fresh, X))
    part = layer.with_variables({"params": jax.tree.map(jnp.zeros_like, variables["params"])})
    np.testing.assert_array_equal(over_time(part, X), np.zeros((N, T, 4)))


def test_the_given_module_of_nnx_stays_as_it_is():
    module = nnx.Dropout(0.5, rngs=nnx.Rngs(0))
    before = nnx.graphdef(module)
    layer = FlaxLayer(module, C)
    layer.update(None, jnp.ones(C), dp.Context(dt=1.0, key=KEY, fit=True))
    assert nnx.graphdef(module) == before
    assert int(module.rngs.count[...]) == 0


def test_a_carry_that_is_drawn_is_another_for_each_sample():
    layer = FlaxLayer(nn.GRUCell(4, carry_init=nn.initializers.normal()), C, key=KEY)
    out = over_time(layer, np.zeros_like(X), key=KEY)
    assert not np.array_equal(out[0], out[1])
    with pytest.raises(dp.errors.KeyRequiredError):
        over_time(layer, X)
    still = over_time(FlaxLayer(CELLS["GRUCell"], C, key=KEY), np.zeros_like(X))
    np.testing.assert_array_equal(still[0], still[1])


def test_spikes_and_integers_are_taken():
    spikes = X > 0
    layer = FlaxLayer(nn.Dense(4), C, key=KEY)
    np.testing.assert_array_equal(over_time(layer, spikes), over_time(layer, spikes.astype(np.float32)))
    embedded = FlaxLayer(nn.Embed(7, 2), (), key=KEY)
    words = np.array([[1, 6, 0]])
    np.testing.assert_array_equal(over_time(embedded, words), embedded.params["embedding"][words])


@pytest.mark.parametrize("x64", [False, True])
def test_weights_have_the_precision_that_is_set(x64):
    with jax.enable_x64(x64):
        for layer in (FlaxLayer(LINEN["Dense"], C, key=KEY), FlaxLayer(NNX["Linear"](), C)):
            assert {a.dtype for a in jax.tree.leaves(layer.params)} == {jnp.result_type(float)}
        half = FlaxLayer(nn.Dense(4, param_dtype=jnp.float16), C, key=KEY)
        assert {a.dtype for a in jax.tree.leaves(half.params)} == {jnp.dtype(jnp.float16)}


def test_sequences_of_several_lengths_are_taken_where_nothing_is_of_a_batch():
    model = dp.Sequential(part=FlaxLayer(nn.Dense(4), C, key=KEY))
    goal = np.ones((N, T, 4), np.float32)
    losses = []
    for x in (X, np.where(np.arange(T)[:, None] < 2, X, 7.0).astype(np.float32)):
        trainer = dp.BPTT(model, "mse", SGD, dt=1.0, logger=None, progress_bar=False)
        trainer.fit((x, goal), num_epoch=1, lengths=[2] * N)
        losses.append(trainer.get_hist_metric("fit", "loss")[0])
    assert losses[0] == losses[1]
    with pytest.raises(dp.errors.CompositionError, match="part: Block would take padding for data"):
        fitted(FlaxLayer(Block(), C, key=KEY), lengths=[2] * N)


def fitted(layer, **options):
    trainer = dp.BPTT(dp.Sequential(part=layer), "mse", SGD, dt=1.0, logger=None, progress_bar=False)
    trainer.fit((X, np.ones((N, T, 4), np.float32)), num_epoch=1, **options)


class Two(nn.Module):
    def __call__(self, x, y):
        return x + y


class NoInput(nnx.Module):
    def __call__(self):
        return jnp.ones(3)


@pytest.mark.parametrize(
    ("call", "error", "said"),
    [
        (lambda: FlaxLayer(jnp.tanh, 3), "CompositionError", "takes an instance of flax.linen.Module"),
        (lambda: FlaxLayer(nn.Dense, 3), "CompositionError", "got the class Dense"),
        (lambda: FlaxLayer(Two(), 3, key=KEY), "CompositionError", "Two takes x, y, but a layer is called with one"),
        (lambda: FlaxLayer(NoInput(), 3), "CompositionError", "NoInput takes no input"),
        (lambda: FlaxLayer(nn.RNN(nn.GRUCell(4)), 3, key=KEY), "CompositionError", "give its cell"),
        (
            lambda: FlaxLayer(nnx.Linear(2, 4, rngs=nnx.Rngs(0)), 3),
            "ShapeError",
            r"Linear takes no input of shape \(3,\)",
        ),
        (lambda: FlaxLayer(nn.Conv(2, (3, 3)), 3, key=KEY), "ShapeError", r"Conv takes no input of shape \(3,\)"),
        (lambda: FlaxLayer(nn.BatchNorm(), 3, key=KEY), "CompositionError", 'axis_name="batch"'),
        (lambda: FlaxLayer(nnx.BatchNorm(3, rngs=nnx.Rngs(0)), 3), "CompositionError", 'axis_name="batch"'),
        (lambda: FlaxLayer(nn.BatchNorm(axis_name="samples"), 3, key=KEY), "CompositionError", "unbound axis name"),
        (lambda: FlaxLayer(Counting(), 1, key=KEY), "OptionError", "has the collection 'cache'"),
        (lambda: FlaxLayer(CountingNNX(), 1), "OptionError", "has the collection 'Cache'"),
        (
            lambda: FlaxLayer(nn.Dense(4), 3, collections={"cash": "state"}, key=KEY),
            "OptionError",
            "no such collection",
        ),
        (lambda: FlaxLayer(Counting(), 1, collections={"cache": "stat"}, key=KEY), "OptionError", "give one of"),
        (lambda: FlaxLayer(nn.Dense(4), 3), "KeyRequiredError", "give key=jax.random.key"),
        (lambda: FlaxLayer("nnx.Linear", 3, {"in_features": 3, "out_features": 2}), "KeyRequiredError", "nnx.Linear"),
        (lambda: FlaxLayer("linen.Dens", 3, {}, key=KEY), "UnknownNameError", "linen.Dense"),
        (lambda: FlaxLayer("linen.Dense", 3, {"feature": 3}, key=KEY), "ParameterError", "linen.Dense cannot be made"),
        (lambda: FlaxLayer(nn.Dense(4), 3, {"features": 3}, key=KEY), "OptionError", "given by its name"),
        (
            lambda: FlaxLayer(nn.Dense(4), 3, variables={"params": {"kernel": np.ones((3, 5))}}),
            "ParameterError",
            r"params.bias is missing; params.kernel has shape \(3, 5\), not \(3, 4\)",
        ),
        (
            lambda: FlaxLayer(nn.Dense(4), 3, key=KEY).with_variables({"batch_stats": {"mean": np.ones(3)}}),
            "ParameterError",
            "there is no batch_stats.mean",
        ),
        (
            lambda: FlaxLayer(Block(), C, key=KEY).update(
                FlaxLayer(Block(), C, key=KEY).init_state(dp.Context(dt=1.0)),
                jnp.ones(C),
                dp.Context(dt=1.0, key=KEY, fit=True),
            ),
            "CompositionError",
            "statistics of a batch, and there is none",
        ),
        (
            lambda: dp.LoopOverTime(FlaxLayer(nn.Dense(4), 3, key=KEY), dt=1.0)(np.ones((5, 2))),
            "ShapeError",
            r"takes an array of shape \(3,\), but was given \(2,\)",
        ),
    ],
)
def test_what_cannot_be_is_named(call, error, said):
    with pytest.raises(getattr(dp.errors, error), match=said):
        call()


def test_one_program_serves_all_weights():
    traces = 0

    class Traced(nn.Module):
        @nn.compact
        def __call__(self, x):
            nonlocal traces
            traces += 1
            return nn.Dense(2)(x)

    layers = [FlaxLayer(Traced(), C, key=jax.random.key(n)) for n in range(2)]
    loop, before = dp.LoopOverTime(layers[0], dt=1.0), traces
    loop(X[0])
    first = traces - before
    dp.LoopOverTime(layers[1], dt=1.0)(X[0])
    assert first > 0
    assert traces - before == first


def test_plain_optax_trains_them_too():
    layer = FlaxLayer(nn.Dense(1), C, key=KEY)
    loss = lambda params: jnp.mean(over(params) ** 2)  # noqa: E731
    over = lambda params: dp.LoopOverTime(layer.with_variables({"params": params}), dt=1.0)(X[0])[1]  # noqa: E731
    step = optax.apply_updates(layer.params, jax.tree.map(lambda g: -0.1 * g, jax.grad(loss)(layer.params)))
    assert loss(step) < loss(layer.params)


README = metadata("dynplug-flax").get_payload()


@pytest.mark.parametrize("text", [inspect.cleandoc(FlaxLayer.__doc__), README], ids=["docstring", "README"])
def test_the_examples_run(text):
    blocks = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    names: dict = {"jax": jax, "dp": dp}
    exec(blocks[0], names)
    assert dp.LoopOverTime(names["model"], dt=1.0)(X[0])[1].shape == (T, 16)
    if blocks[1:]:
        exec(blocks[1].replace("with_variables(variables)", "with_variables(trained.variables)"), names)
        assert_near(names["layer"].params, names["trained"].params)
