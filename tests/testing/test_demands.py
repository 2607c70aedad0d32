"""Comparisons name the place that differs."""

import jax.numpy as jnp
import pytest

import dynplug as dp
from dynplug.errors import ConformanceError
from dynplug.testing.demands import close, finite


def test_the_place_that_differs_has_its_whole_name():
    one, other = (dp.Drive(current=jnp.full(2, x), conductance=jnp.ones(2)) for x in (1.0, 2.0))
    with pytest.raises(ConformanceError, match="outputs, at 'current': they differ by 1"):
        close(one, other, "outputs")
    with pytest.raises(ConformanceError, match=r"outputs: one has \['V'\], the other \['u'\]"):
        close({"V": jnp.ones(2)}, {"u": jnp.ones(2)}, "outputs")
    with pytest.raises(ConformanceError, match="the state, at 'V': not finite in 2 of 2"):
        finite({"V": jnp.full(2, jnp.nan)}, "the state")


def test_a_single_array_has_no_name():
    with pytest.raises(ConformanceError, match="outputs: they differ by 1"):
        close(jnp.ones(2), jnp.zeros(2), "outputs")
