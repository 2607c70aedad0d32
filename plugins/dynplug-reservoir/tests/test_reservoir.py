"""The echo state network against a loop in NumPy, and what makes its state an echo."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from dynplug_reservoir import Reservoir
from dynplug_reservoir.reservoir import ReservoirState

import dynplug as dp

KEY = jax.random.key(3)


def inputs(steps, size, seed=0):
    return np.random.default_rng(seed).normal(size=(steps, size)).astype(np.float32)


@pytest.mark.claim(
    "reservoir-equation",
    "A reservoir is its equation for 30 steps, in single precision",
    tolerance=2e-6,
    reference="a loop in NumPy",
    components=("layer:Reservoir",),
)
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"leak": 0.3},
        {"leak": [0.1, 0.5, 1.0, 0.2, 0.9]},
        {"bias_scale": 0.7, "input_scale": 0.1},
        {"activation": jax.nn.relu},
    ],
)
def test_it_follows_its_equation(options, measured):
    layer = Reservoir(2, 5, sparsity=1.0, key=KEY, **options)
    x = inputs(30, 2)
    _, out = dp.LoopOverTime(layer, dt=1.0)(x)
    phi = {"activation": lambda v: np.maximum(v, 0.0)}.get(next(iter(options), ""), np.tanh)
    leak = np.asarray(options.get("leak", 1.0))
    W, W_in, b = (np.asarray(a, float) for a in (layer.W, layer.W_in, layer.bias))
    h, expected = np.zeros(5), []
    for row in x:
        h = (1 - leak) * h + leak * phi(W @ h + W_in @ row + b)
        expected.append(h)
    measured.difference(out, expected)
    assert np.abs(b).max() <= options.get("bias_scale", 0.0)
    assert (np.abs(b).max() > 0) == ("bias_scale" in options)
    assert 0.3 * np.abs(W_in).max() < 0.3 * options.get("input_scale", 1.0) <= np.abs(W_in).max()


@pytest.mark.claim(
    "reservoir-spectral-radius",
    "A reservoir of 200 units has the spectral radius that was asked for (relative)",
    tolerance=1e-5,
    reference="NumPy's eigenvalues",
    components=("layer:Reservoir",),
)
@pytest.mark.parametrize(("radius", "sparsity"), [(0.9, 0.1), (1.3, 0.5), (0.5, 1.0)])
def test_the_spectral_radius_is_exact_and_the_sparsity_is_that_of_the_draws(radius, sparsity, measured):
    W = np.asarray(Reservoir(1, 200, spectral_radius=radius, sparsity=sparsity, key=KEY).W, float)
    measured.relative(np.abs(np.linalg.eigvals(W)).max(), radius)
    deviation = np.sqrt(sparsity * (1 - sparsity) / W.size)
    assert np.mean(W != 0) == pytest.approx(sparsity, abs=4 * deviation + 1e-9)


@pytest.mark.parametrize(("radius", "forgets"), [(0.8, True), (1.5, False)])
def test_the_start_is_forgotten_below_a_radius_of_one(radius, forgets):
    layer = Reservoir(1, 100, spectral_radius=radius, input_scale=0.05, key=KEY)
    loop = dp.LoopOverTime(layer, dt=1.0)
    x = inputs(300, 1)
    far = dp.timeloop.RunState(jnp.asarray(0), ReservoirState(jnp.asarray(inputs(1, 100, 5)[0])))
    _, from_zero = loop(x)
    _, from_far = loop(x, far)
    apart = np.abs(np.asarray(from_zero - from_far)).max(axis=1)
    assert (apart[-1] < 1e-5 * apart[0]) == forgets


def test_bptt_leaves_the_weights_alone_but_trains_them_if_asked():
    model = Reservoir(1, 20, key=KEY) >> dp.layers.Dense(20, 1, key=KEY)
    x = inputs(8 * 10, 1).reshape(8, 10, 1)
    for trainable, moved in (({}, set()), ({"0.W": True, "0.leak": True}, {"W", "leak"})):
        trainer = dp.BPTT(model, "mse", dt=1.0, trainable=trainable, logger=None, progress_bar=False)
        trainer.fit((x, x), num_epoch=2)
        before, after = model["0"], trainer.target["0"]
        for name in ("W", "W_in", "bias", "leak"):
            same = np.array_equal(getattr(before, name), getattr(after, name))
            assert same == (name not in moved), name
        assert not np.array_equal(model["1"].weight, trainer.target["1"].weight)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"sparsity": 0.0}, "sparsity"),
        ({"sparsity": 1.1}, "sparsity"),
        ({"spectral_radius": -1.0}, "spectral_radius"),
        ({"leak": 0.0}, "leak"),
        ({"leak": 1.5}, "leak"),
        ({"leak": [0.5, 0.5]}, "leak"),
        ({"sparsity": 1e-9}, "no cycle"),
        ({"in_size": 0}, "in_size"),
        ({"activation": "relu"}, "takes the function itself"),
        ({"spectral_radius": "a"}, "spectral_radius='a'"),
    ],
)
def test_what_cannot_be_is_refused(options, message):
    with pytest.raises(dp.errors.ParameterError, match=message):
        Reservoir(**{"in_size": 1, "out_size": 10, "sparsity": 1.0, "key": KEY, **options})


def test_it_needs_a_key_and_inputs_of_its_size():
    with pytest.raises(dp.errors.KeyRequiredError, match="key"):
        Reservoir(1, 10)
    with pytest.raises(dp.errors.ShapeError, match="Reservoir"):
        dp.LoopOverTime(Reservoir(1, 10, sparsity=1.0, key=KEY), dt=1.0)(np.zeros((3, 2), np.float32))
