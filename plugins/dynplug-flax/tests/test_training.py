"""Layers made of Flax's modules are trained along Flax's gradients."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from dynplug_flax import FlaxLayer
from flax import nnx
from flax_modules import KEY, SGD, C, N, T, X, assert_near, flax

import dynplug as dp

pytestmark = pytest.mark.usefixtures("ranks")

RNG = np.random.default_rng(5)


def moved(layer, x, goal):
    """The change of the parameters by a step of gradient descent on the mean square: their gradient."""
    trainer = dp.BPTT(dp.Sequential(part=layer), "mse", SGD, dt=1.0, logger=None, progress_bar=False)
    trainer.fit((x, goal), num_epoch=1)
    return jax.tree.map(lambda a, b: a - b, layer.params, trainer.target["part"].params)


GRADIENT = {"rtol": 1e-4, "atol": 1e-6}


@pytest.mark.parametrize("name", ["Dense", "GRUCell"])
def test_trained_by_bptt_they_move_along_the_gradient_of_linen(name):
    module = {"Dense": nn.Dense(4), "GRUCell": nn.GRUCell(4)}[name]
    layer, goal = FlaxLayer(module, C, key=KEY), RNG.normal(size=(N, T, 4)).astype(np.float32)

    def loss(params):
        if name == "GRUCell":
            return jnp.mean((nn.RNN(module).apply({"params": {"cell": params}}, X) - goal) ** 2)
        return jnp.mean((module.apply({"params": params}, X) - goal) ** 2)

    with flax():
        expected = jax.grad(loss)(layer.params)
    assert_near(moved(layer, X, goal), expected, **GRADIENT)


def test_trained_by_bptt_they_move_along_the_gradient_of_nnx():
    cell, goal = nnx.GRUCell(C, 4, rngs=nnx.Rngs(4)), RNG.normal(size=(N, T, 4)).astype(np.float32)
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


def test_plain_optax_trains_them_too():
    layer = FlaxLayer(nn.Dense(1), C, key=KEY)
    loss = lambda params: jnp.mean(over(params) ** 2)  # noqa: E731
    over = lambda params: dp.LoopOverTime(layer.with_variables({"params": params}), dt=1.0)(X[0])[1]  # noqa: E731
    step = optax.apply_updates(layer.params, jax.tree.map(lambda g: -0.1 * g, jax.grad(loss)(layer.params)))
    assert loss(step) < loss(layer.params)


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
