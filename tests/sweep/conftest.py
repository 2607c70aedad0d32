"""A sweep that takes moments."""

import tomllib

import pytest
from small_recipe import small_recipe

SMALL = small_recipe(
    task={"encoder": {"type": "latency", "num_step": 3}},
    model={"hidden": {"type": "LIF", "size": 4, "tau": 5.0, "R": 40.0}},
    runner={"optimizer": {"type": "adam", "learning_rate": 0.01}},
    fit={"batch_size": 30},  # the last one is smaller
)
TEXT = f"""{SMALL}
[sweep]
metric = "test/loss"

[sweep.space]
seed = {{ int = [0, 1] }}
model.hidden.tau = [5.0, -1.0, 20.0]
"""


@pytest.fixture(scope="session")
def text():
    return TEXT


@pytest.fixture
def values():
    """The contents of the file, to be changed."""
    return tomllib.loads(TEXT)
