"""A small spiking network, data for it, and a trainer of it."""

import equinox as eqx
import jax
import numpy as np
import optax
import pytest

import dynplug as dp

KEY = jax.random.key(5)
SGD = optax.sgd(0.5)  # one object, so that equal trainers share their compiled program


@pytest.fixture
def data():
    """Inputs (batch, time, 3) and classes (batch,)."""
    rng = np.random.default_rng(6)
    return (rng.random((20, 6, 3)) < 0.4).astype(np.float32), np.arange(20) % 2


@pytest.fixture
def net():
    """A function that makes the network; its arguments are the neurons'."""

    def make(**options):
        k1, k2 = jax.random.split(KEY)
        return dp.Sequential(
            encode=dp.layers.Dense(3, 8, key=k1, W_initializer=dp.initializers.Normal(2.0)),
            hidden=dp.neurons.LIF(8, **{"tau": 4.0, **options}),
            readout=dp.layers.Dense(8, 2, key=k2),
            out=dp.neurons.LeakyIntegrator(2, tau=5.0),
        )

    return make


@pytest.fixture
def trainer(net):
    """A function that makes a trainer."""

    def make(model=None, loss_fun="cross_entropy", **options):
        options = {"optimizer": SGD, "dt": 1.0, "logger": None, "progress_bar": False, **options}
        return dp.BPTT(model or net(), loss_fun, **options)

    return make


@pytest.fixture
def assert_same():
    """A function that compares all arrays of two trees, bit by bit."""

    def compare(a, b):
        ours, theirs = ([np.asarray(x) for x in jax.tree.leaves(tree) if isinstance(x, jax.Array)] for tree in (a, b))
        assert len(ours) == len(theirs)
        for x, y in zip(ours, theirs, strict=True):
            np.testing.assert_array_equal(x, y)

    return compare


@pytest.fixture
def assert_alike():
    """A function that compares all arrays of two trees up to rounding, as that of a batch that is made up to size."""

    def compare(a, b):
        jax.tree.map(
            lambda x, y: np.testing.assert_allclose(x, y, rtol=1e-5, atol=1e-8), *eqx.filter((a, b), eqx.is_array)
        )

    return compare
