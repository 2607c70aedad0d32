"""Settings of all tests: shapes are checked, dtypes and ranks are never promoted in silence."""

import jax
import jax.random as jr
import pytest
from jaxtyping import install_import_hook

with install_import_hook("dynplug", "beartype.beartype"):
    import dynplug.builtins
    import dynplug.connectors
    import dynplug.core
    import dynplug.encoders
    import dynplug.initializers
    import dynplug.integrators
    import dynplug.layers
    import dynplug.losses
    import dynplug.neurons
    import dynplug.run
    import dynplug.surrogates
    import dynplug.synapses
    import dynplug.tasks
    import dynplug.testing
    import dynplug.timeloop
    import dynplug.train  # noqa: F401

jax.config.update("jax_numpy_dtype_promotion", "strict")
jax.config.update("jax_numpy_rank_promotion", "raise")


@pytest.fixture
def getkey():
    """A function that gives another random key at each call."""
    keys = iter(jr.split(jr.key(2026), 1000))
    return lambda: next(keys)


@pytest.fixture
def x64():
    """Double precision."""
    with jax.enable_x64(True):
        yield
