"""A small spiking network, data for it, and a trainer of it."""

import jax
import numpy as np
import optax

import dynplug as dp

KEY = jax.random.key(5)
SGD = optax.sgd(0.5)  # one object, so that equal trainers share their compiled program
X = np.asarray(jax.random.bernoulli(jax.random.key(6), 0.4, (20, 6, 3)))  # batch, time, inputs
Y = np.arange(20) % 2


def model(**options):
    """The network; the options are the neurons'."""
    k1, k2 = jax.random.split(KEY)
    return dp.Sequential(
        encode=dp.layers.Dense(3, 8, key=k1, W_initializer=dp.initializers.Normal(2.0)),
        hidden=dp.neurons.LIF(8, **{"tau": 4.0, **options}),
        readout=dp.layers.Dense(8, 2, key=k2),
        out=dp.neurons.LeakyIntegrator(2, tau=5.0),
    )


def trainer(net=None, loss_fun="cross_entropy", **options):
    """A trainer of this or another network."""
    options = {"optimizer": SGD, "dt": 1.0, "logger": None, "progress_bar": False, **options}
    return dp.BPTT(net or model(), loss_fun, **options)


def leaves(tree):
    """The arrays of a tree, for NumPy."""
    return [np.asarray(a) for a in jax.tree.leaves(tree) if isinstance(a, jax.Array)]


def assert_same(a, b):
    """All arrays of two trees are the same, bit by bit."""
    for x, y in zip(leaves(a), leaves(b), strict=True):
        np.testing.assert_array_equal(x, y)
