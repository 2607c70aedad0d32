"""Kuramoto's order parameter in closed forms."""

import numpy as np
import pytest
from hypothesis import given, strategies as st

import dynplug as dp
from dynplug.errors import ShapeError


@given(st.integers(2, 9), st.floats(-np.pi, np.pi), st.floats(0.0, np.pi))
def test_phases_in_step_evenly_spread_and_in_two_groups(n, where, apart):
    at = dp.measures.order_parameter(
        [np.full(2 * n, where), where + np.pi * np.arange(2 * n) / n, where + apart / 2 * np.repeat([-1, 1], n)]
    )
    np.testing.assert_allclose(at, [1.0, 0.0, np.cos(apart / 2)], atol=1e-12)


def test_independent_phases_have_a_mean_square_of_one_over_their_number():
    theta = np.random.default_rng(0).uniform(-np.pi, np.pi, (20_000, 2, 25))
    r = dp.measures.order_parameter(theta)
    assert r.shape == (20_000, 2)
    assert abs((r**2).mean() - 1 / 25) < 4 / 25 / np.sqrt(40_000)


@pytest.mark.parametrize("theta", [0.3, np.zeros((4, 0))])
def test_phases_without_units_are_refused(theta):
    with pytest.raises(ShapeError, match=r"phases \(time, units\) of some units; got shape"):
        dp.measures.order_parameter(theta)
