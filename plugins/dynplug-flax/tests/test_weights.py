"""Weights, and other collections of variables, go from Flax to dynplug and back."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from dynplug_flax import FlaxLayer
from flax import nnx
from flax_modules import KEY, SGD, Block, C, Counting, CountingNNX, N, T, X, assert_near, flax, over_time

import dynplug as dp

pytestmark = pytest.mark.usefixtures("ranks")


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
    module = nnx.GRUCell(C, 4, rngs=nnx.Rngs(4))
    fresh = FlaxLayer(nnx.GRUCell(C, 4, rngs=nnx.Rngs(8)), C, variables=nnx.state(module))
    np.testing.assert_array_equal(over_time(fresh, X), over_time(FlaxLayer(module, C), X))
    np.testing.assert_array_equal(over_time(FlaxLayer(fresh.module, C), X), over_time(fresh, X))
    part = layer.with_variables({"params": jax.tree.map(jnp.zeros_like, variables["params"])})
    np.testing.assert_array_equal(over_time(part, X), np.zeros((N, T, 4)))


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


@pytest.mark.parametrize("x64", [False, True])
def test_weights_have_the_precision_that_is_set(x64):
    with jax.enable_x64(x64):
        for layer in (FlaxLayer(nn.Dense(4), C, key=KEY), FlaxLayer(nnx.Linear(C, 4, rngs=nnx.Rngs(1)), C)):
            assert {a.dtype for a in jax.tree.leaves(layer.params)} == {jnp.result_type(float)}
        half = FlaxLayer(nn.Dense(4, param_dtype=jnp.float16), C, key=KEY)
        assert {a.dtype for a in jax.tree.leaves(half.params)} == {jnp.dtype(jnp.float16)}
