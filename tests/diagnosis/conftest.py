"""A batch, and the diagnosis of a network in which nothing is wrong."""

import sys
from pathlib import Path

import numpy as np
import pytest

import dynplug as dp

sys.path.insert(0, str(Path(__file__).parent))
from networks import BATCH, FEATURES, TIME, network


@pytest.fixture(scope="session")
def batch():
    numbers = np.random.default_rng(0)
    x = (numbers.random((BATCH, TIME, FEATURES)) < 0.3).astype(np.float32)
    return x, np.arange(BATCH, dtype=np.int32) % 2


@pytest.fixture(scope="session")
def sound(batch):
    """The diagnosis of a network in which nothing is wrong."""
    return dp.diagnose(network(), batch, loss_fun="cross_entropy", dt=1.0)
