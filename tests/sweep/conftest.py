"""A sweep that takes moments."""

import tomllib

import pytest

TEXT = """\
seed = 3

[task]
type = "digits"
test_share = 0.9554 # 80 samples to train on
encoder = { type = "latency", num_step = 3 }

[model]
type = "Sequential"
input = { type = "Dense", in_size = 64, out_size = 4 }
hidden = { type = "LIF", size = 4, tau = 5.0, R = 40.0 }
readout = { type = "Dense", in_size = 4, out_size = 10 }

[runner]
type = "BPTT"
dt = 1.0
loss_fun = "cross_entropy"
metrics = ["accuracy"]
optimizer = { type = "adam", learning_rate = 0.01 }

[fit]
num_epoch = 2
batch_size = 30 # the last one is smaller

[sweep]
metric = "test/loss"

[sweep.space]
seed = { int = [0, 1] }
model.hidden.tau = [5.0, -1.0, 20.0]
"""


@pytest.fixture(scope="session")
def text():
    return TEXT


@pytest.fixture
def values():
    """The contents of the file, to be changed."""
    return tomllib.loads(TEXT)
