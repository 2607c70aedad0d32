"""Modules of Flax, data for them, and layers made of them over time."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

import dynplug as dp

KEY = jax.random.key(3)
N, T, C = 4, 5, 3
X = np.random.default_rng(4).normal(size=(N, T, C)).astype(np.float32)
SGD = {"type": "sgd", "learning_rate": 1.0}


class Block(nn.Module):
    """Everything at once, told the phase as its author likes it."""

    @nn.compact
    def __call__(self, x, training: bool = False):
        x = nn.Dense(4)(x)
        x = nn.BatchNorm(use_running_average=not training, axis_name="batch", momentum=0.75)(x)
        return nn.Dropout(0.5, deterministic=not training)(nn.tanh(x))


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
    """The same in nnx."""

    def __init__(self):
        self.count, self.shift = nnx.Cache(jnp.zeros((), jnp.int32)), nnx.Variable(jnp.full((), 0.5))
        self.kernel = nnx.Param(jnp.ones((1, 1)))

    def __call__(self, x):
        y = x @ self.kernel[...] + self.count[...] + self.shift[...]
        self.count[...] += 1
        return y


def over_time(layer, x, key=None):
    """The outputs of a layer (batch, time, ...)."""
    return np.asarray(dp.LoopOverTime(layer, dt=1.0, data_first_axis="B")(x, key=key)[1])


def flax():
    """The dtypes that Flax expects to be promoted."""
    return jax.numpy_dtype_promotion("standard")


def assert_near(one, other, **options):
    """Trees of one structure, of nearly the same numbers."""
    assert jax.tree.structure(one) == jax.tree.structure(other)
    for a, b in zip(jax.tree.leaves(one), jax.tree.leaves(other), strict=True):
        np.testing.assert_allclose(a, b, **options)
