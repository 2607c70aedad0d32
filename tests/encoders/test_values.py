"""Encoders refuse values that have no rate or no spike time."""

import jax
import numpy as np
import pytest

import dynplug as dp
from dynplug.errors import DataError

pytestmark = pytest.mark.quick

ENCODERS = {"Poisson": dp.encoders.Poisson(5), "Latency": dp.encoders.Latency(5)}


@pytest.mark.parametrize("bad", [-0.1, 1.1, 255.0, np.nan, np.inf])
@pytest.mark.parametrize("name", ENCODERS)
def test_values_that_are_none_from_0_to_1_are_refused_with_their_index(name, bad, getkey):
    x = np.full((2, 3), 0.5, np.float32)
    x[1, 2] = bad
    with pytest.raises(DataError, match=rf"{name} takes values from 0 to 1.*Got {bad:g} at index \[1, 2\]"):
        ENCODERS[name](x, key=getkey())
    with pytest.raises(DataError, match=rf"Got {bad:g}, and 0 more of 1 values"):
        ENCODERS[name](bad, key=getkey())


@pytest.mark.parametrize("name", ENCODERS)
def test_traced_values_are_encoded_as_they_are(name, getkey):
    x, key = np.linspace(0.0, 1.0, 6), getkey()
    found = jax.jit(lambda x: ENCODERS[name](x, key=key))(x)
    np.testing.assert_array_equal(found, ENCODERS[name](x, key=key))


def test_a_value_that_would_spike_after_the_last_step_is_refused():
    late = dp.encoders.Latency(40, threshold=0.3, tau=20.0)
    with pytest.raises(DataError, match=r"within num_step=40 steps.*Got 0.31 at index \[1\]"):
        late(np.array([0.1, 0.31, 1.0]))
    assert np.asarray(late(np.array([0.1, 0.9, 1.0]))).sum() == 2


@pytest.mark.parametrize(
    ("encoder", "spikes"),
    [
        (dp.encoders.Poisson(2000, rate=0.5), 1000),
        (dp.encoders.Latency(10), 0),
        (dp.encoders.Latency(10, tau=3.0, threshold=0.1), 0),
    ],
)
def test_a_traced_value_above_1_is_clipped_to_1_or_silent(encoder, spikes, getkey):
    key = getkey()
    for above in (1.001, 1.7):
        found = jax.jit(lambda x: encoder(x, key=key))(np.array([above]))
        assert np.sum(found) == pytest.approx(spikes, abs=100 if spikes else 0)
