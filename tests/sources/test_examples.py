"""The examples in the docstrings of sources run."""

import inspect
import re

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import dynplug as dp


@pytest.mark.parametrize("name", ["Source", "Poisson", "SpikeTimes"])
def test_it_runs(name):
    example = re.search(r"```python\n(.*?)```", inspect.getdoc(getattr(dp.sources, name)), re.DOTALL)[1]
    scope = {"dp": dp, "jax": jax, "jnp": jnp, "eqx": eqx}
    exec(compile(example, name, "exec"), scope)
    if name == "Source":
        assert np.flatnonzero(scope["spikes"][:, 0]).tolist() == list(range(9, 100, 10))
    if name == "SpikeTimes":
        assert np.argwhere(scope["spikes"]).tolist() == [[3, 0], [3, 2], [50, 1]]
    if name == "Poisson":
        assert int(scope["runner"].state.i) == 10_000
