"""The number of a source's units is changed by one method, as that of neurons."""

import jax
import numpy as np
import pytest

import dynplug as dp
from dynplug.errors import ParameterError


@pytest.mark.parametrize(
    "source",
    [
        dp.sources.Poisson(2, rate=0.5),
        dp.sources.WhiteNoise(2, sigma=0.5, mu=3.0),
        dp.sources.OrnsteinUhlenbeck(2, sigma=0.5, start="mean"),
        dp.sources.SpikeTimes(2, times=[1.0], indices=[1]),
    ],
    ids=lambda source: type(source).__name__,
)
def test_a_source_of_another_size_is_made_of_one(source):
    larger = source.with_size((2, 3))
    assert type(larger) is type(source)
    assert larger.out_size == (2, 3)
    assert source.out_size == (2,)
    _, out = dp.LoopOverTime(larger, dt=1.0)(5.0, key=jax.random.key(0))
    _, same = dp.LoopOverTime(type(source)(**{**vars(source), "size": (2, 3)}), dt=1.0)(5.0, key=jax.random.key(0))
    np.testing.assert_array_equal(out, same)


def test_what_has_one_value_or_index_per_unit_keeps_its_size():
    with pytest.raises(ParameterError, match=r"rate=.*one per unit: \(3,\)"):
        dp.sources.Poisson(2, rate=np.ones(2)).with_size(3)
    with pytest.raises(ParameterError, match="units are counted from 0 to 0"):
        dp.sources.SpikeTimes(2, times=[1.0], indices=[1]).with_size(1)
