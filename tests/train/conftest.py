"""A small spiking network, data for it, and a trainer of it."""

import equinox as eqx
import jax
import numpy as np
import pytest
import small_training


@pytest.fixture
def data():
    """Inputs (batch, time, 3) and classes (batch,)."""
    rng = np.random.default_rng(6)
    return (rng.random((20, 6, 3)) < 0.4).astype(np.float32), np.arange(20) % 2


@pytest.fixture
def net():
    """A function that makes the network; its arguments are the neurons'."""
    return small_training.model


@pytest.fixture
def trainer():
    """A function that makes a trainer."""
    return small_training.trainer


@pytest.fixture
def assert_same():
    """A function that compares all arrays of two trees, bit by bit."""
    return small_training.assert_same


@pytest.fixture
def assert_alike():
    """A function that compares all arrays of two trees up to rounding, as that of a batch that is made up to size."""

    def compare(a, b):
        jax.tree.map(
            lambda x, y: np.testing.assert_allclose(x, y, rtol=1e-5, atol=1e-8), *eqx.filter((a, b), eqx.is_array)
        )

    return compare
