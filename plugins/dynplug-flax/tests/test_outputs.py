"""Layers made of Flax's modules put out what Flax itself computes."""

import flax.linen as nn
import numpy as np
import pytest
from dynplug_flax import FlaxLayer
from flax import nnx
from flax_modules import KEY, Block, C, N, T, X, flax, over_time

import dynplug as dp

pytestmark = pytest.mark.usefixtures("ranks")

RNG = np.random.default_rng(5)


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
