"""dynplug's own settings: dtypes and ranks are never promoted in silence."""

import sys
from pathlib import Path

import jax
import pytest

pytest_plugins = ["dynplug.testing.claims"]

sys.path.append(str(Path(__file__).parent / "support"))  # here, so that a copy of the tests alone runs, too

jax.config.update("jax_numpy_dtype_promotion", "strict")
jax.config.update("jax_numpy_rank_promotion", "raise")


@pytest.fixture
def ranks():
    """Ranks are promoted, as Flax expects."""
    with jax.numpy_rank_promotion("allow"):
        yield
