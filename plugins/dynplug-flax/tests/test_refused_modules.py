"""Modules of which no layer can be made are refused."""

import flax.linen as nn
import jax.numpy as jnp
import numpy as np
import pytest
from dynplug_flax import FlaxLayer
from flax import nnx
from flax_modules import KEY, Block, C, Counting, CountingNNX

import dynplug as dp

pytestmark = pytest.mark.usefixtures("ranks")


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
