import numpy as np
import pytest

from dynplug import errors
from dynplug.encoders import Poisson

N = 20_000
VALUE = np.array([0.0, 0.1, 0.5, 1.0])


@pytest.mark.claim(
    "poisson-rate",
    "Poisson's spikes come with the probability asked for, over 20,000 steps",
    tolerance=0.0141,
    reference="binomial law, four standard deviations",
    components=("encoder:Poisson",),
)
@pytest.mark.parametrize(("rate", "dt"), [(0.5, 1.0), (0.5, 0.2), (2.0, 0.1)])
def test_rate_is_the_value_times_the_rate(getkey, rate, dt, measured):
    spikes = np.asarray(Poisson(N, rate=rate, dt=dt)(VALUE, key=getkey()))
    assert spikes.shape == (N, 4)
    assert spikes.dtype == bool
    p = VALUE * rate * dt
    measured.difference(spikes.mean(0), p)
    assert spikes[:, 0].sum() == 0


def test_defaults_are_500_hertz_in_steps_of_1_ms(getkey):
    spikes = np.asarray(Poisson(N)(1.0, key=getkey()))
    np.testing.assert_allclose(spikes.mean(), 0.5, atol=0.015)


def test_certain_spikes_are_in_every_step(getkey):
    assert np.all(Poisson(100, rate=1.0, dt=1.0)(np.ones((2, 3)), key=getkey()))


@pytest.mark.claim(
    "poisson-intervals",
    "The variance of Poisson's intervals is that of the geometric law (relative)",
    tolerance=0.1,
    reference="geometric law",
    components=("encoder:Poisson",),
)
def test_steps_and_values_are_independent_and_intervals_geometric(getkey, measured):
    p = 0.2
    spikes = np.asarray(Poisson(N, rate=p)(np.ones(8), key=getkey())).astype(float)
    correlation = np.corrcoef(spikes.T) - np.eye(8)
    np.testing.assert_allclose(correlation, 0.0, atol=0.03)
    for lag in (1, 2, 5):
        np.testing.assert_allclose(np.mean(spikes[lag:] * spikes[:-lag]), p**2, atol=0.003)
    interval = np.diff(np.flatnonzero(spikes[:, 0]))
    measured.relative(interval.var(), (1.0 - p) / p**2)


def test_the_key_decides_the_spikes(getkey):
    encode, x, key = Poisson(20), np.full((3, 4), 0.5), getkey()
    np.testing.assert_array_equal(encode(x, key=key), encode(x, key=key))
    assert np.any(encode(x, key=key) != encode(x, key=getkey()))


def test_without_a_key_it_is_refused_with_how_to_call_it():
    with pytest.raises(errors.KeyRequiredError, match=r"key=jax\.random\.key"):
        Poisson(5)(VALUE)


@pytest.mark.parametrize(
    "bad", [{"num_step": 0}, {"rate": 1.5}, {"rate": -0.1}, {"dt": 3.0}, {"rate": -0.5, "dt": -1.0}]
)
def test_impossible_parameters_are_refused(bad):
    with pytest.raises(errors.ParameterError, match=next(iter(bad))):
        Poisson(**({"num_step": 5} | bad))
