"""Poisson processes beside the laws that they follow."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

import dynplug as dp
from dynplug.errors import KeyRequiredError, ParameterError, ShapeError


def spikes_of(source, duration, dt=0.1, seed=0, **options):
    loop = dp.LoopOverTime(source, dt=dt, **options)
    return np.asarray(loop(duration, key=jax.random.key(seed))[1])


@pytest.fixture(scope="module")
def constant():
    """400 units at 50 Hz, 2 s in steps of 0.1 ms."""
    return spikes_of(dp.sources.Poisson(400, 0.05), 2000.0)


@pytest.mark.claim(
    "poisson-source-counts",
    "The counts of a Poisson source in 100 ms have the mean and the variance of their law (relative)",
    tolerance=0.07,
    reference="Gerstner, W. et al. (2014), section 7.2, doi:10.1017/CBO9781107447615; five standard errors",
    components=("source:Poisson",),
)
def test_counts_have_mean_and_variance(constant, measured):
    counts = constant.reshape(20, 1000, 400).sum(1)
    p = 1.0 - np.exp(-0.005)
    measured.relative(counts.mean(), 1000 * p)
    measured.relative(counts.var(), 1000 * p * (1.0 - p))
    np.testing.assert_allclose(counts.mean(), 5.0, rtol=0.02)


@pytest.mark.claim(
    "poisson-source-intervals",
    "The intervals of a Poisson source are exponential: the Kolmogorov-Smirnov distance of 38,000",
    tolerance=0.0137,  # 1.95 / sqrt(38,000), p = 0.001, and 1 % of 1 / e, as long ones do not fit into a train of 2 s
    reference="Kolmogorov-Smirnov test against the exponential law",
    components=("source:Poisson",),
)
def test_intervals_are_exponential(constant, measured):
    intervals = 0.1 * np.concatenate([np.diff(np.flatnonzero(unit)) for unit in constant.T])
    assert len(intervals) > 38_000
    measured(stats.kstest(intervals - 0.05, "expon", args=(0.0, 20.0)).statistic)
    np.testing.assert_allclose(intervals.std() / intervals.mean(), 1.0, atol=0.02)


def test_units_and_steps_are_independent(constant):
    some = constant[:, :6].astype(float)
    np.testing.assert_allclose(np.corrcoef(some.T) - np.eye(6), 0.0, atol=0.04)
    assert abs(np.corrcoef(constant[1:].ravel(), constant[:-1].ravel())[0, 1]) < 0.002


@pytest.mark.claim(
    "poisson-source-inhomogeneous",
    "A Poisson source follows a rate that changes: counts in 10 ms of 20,000 units (relative to the largest)",
    tolerance=0.03,
    reference="the integral of the rate; five standard errors",
    components=("source:Poisson",),
)
def test_a_rate_may_be_a_function_of_time(measured):
    rate = 0.05 + 0.05 * dp.inputs.sine(1.0, 0.01) + dp.inputs.step(0.05, 50.0)
    counts = spikes_of(dp.sources.Poisson(20_000, rate), 100.0).reshape(10, 100, -1).sum((1, 2)) / 20_000

    def integral(t):
        return 0.05 * t - 0.05 * np.cos(2 * np.pi * 0.01 * t) / (2 * np.pi * 0.01) + 0.05 * np.maximum(t - 50.0, 0.0)

    want = np.diff(integral(10.0 * np.arange(11)))
    measured.difference(counts / want.max(), want / want.max())


def test_rates_may_differ_by_unit_and_a_plain_function_gives_them():
    own = spikes_of(dp.sources.Poisson(3, [0.0, 0.02, 0.2]), 5000.0, dt=0.5)
    np.testing.assert_allclose(own.mean(0), 1 - np.exp([0.0, -0.01, -0.1]), atol=0.015)
    assert not own[:, 0].any()
    asked = spikes_of(dp.sources.Poisson(3, lambda ctx: jnp.asarray([0.0, 0.02, 0.2])), 5000.0, dt=0.5)
    np.testing.assert_array_equal(asked, own)
    same = spikes_of(dp.sources.Poisson(3, jnp.asarray([0.0, 0.02, 0.2])), 5000.0, dt=0.5)
    np.testing.assert_array_equal(same, own)


def test_a_rate_below_zero_is_silent_and_one_beyond_all_bounds_spikes_always():
    rate = dp.inputs.step(-1.0, 0.0, 50.0) + dp.inputs.step(1e6, 50.0)
    spikes = spikes_of(dp.sources.Poisson(2, rate), 100.0, dt=1.0)
    assert not spikes[:50].any()
    assert (spikes[50:] == 1.0).all()


def test_a_random_rate_draws_its_own_numbers():
    """With the key of the spikes, a third of the steps would have one: low numbers, but then a low rate too."""
    rate = 0.5 + dp.inputs.white_noise(0.2, 1)
    key = jax.random.key(1)
    _, (spikes, _) = dp.LoopOverTime(dp.sources.Poisson(1, rate), "spike", dt=1.0)(4000.0, key=key)
    assert float(jnp.mean(spikes)) == pytest.approx(1.0 - np.exp(-0.5 + 0.2**2 / 2.0), abs=0.025)


def test_the_state_has_the_spikes_on_a_grid_of_units():
    source = dp.sources.Poisson((2, 3), 0.3)
    _, (out, spike) = dp.LoopOverTime(source, "spike", dt=1.0)(50.0, key=jax.random.key(0))
    assert out.shape == (50, 2, 3)
    np.testing.assert_array_equal(out, spike)
    assert set(np.unique(out)) == {0.0, 1.0}
    assert source.out_size == (2, 3)


def test_it_drives_a_network_and_its_spikes_are_counted():
    model = dp.Sequential(noise=dp.sources.Poisson(20, 0.1), sum=lambda s: jnp.sum(s, keepdims=True))
    runner = dp.DSRunner(model, monitors=["noise.spike"], key=jax.random.key(0), dt=0.1, record_every=100)
    out = runner.run(200.0)
    assert runner.mon["noise.spike"].shape == (20, 20)
    assert 300 < runner.mon["noise.spike"].sum() < 500
    assert out.shape == (20, 1)


@pytest.mark.parametrize("given", [1.0, np.ones(3, np.float32)], ids=["number", "array"])
def test_it_takes_no_input(given):
    model = dp.Sequential(noise=dp.sources.Poisson(3, 0.1))
    with pytest.raises(dp.errors.CompositionError, match=r"noise is a source, Poisson, which takes no input"):
        dp.DSRunner(model, key=jax.random.key(0), dt=0.1).run(1.0, inputs=given)


def test_what_is_wrong_is_said():
    with pytest.raises(KeyRequiredError):
        dp.DSRunner(dp.sources.Poisson(3, 0.1), dt=0.1).run(1.0)
    with pytest.raises(ParameterError, match=r"rate=.*of at least 0"):
        dp.sources.Poisson(2, [0.1, -0.1])
    with pytest.raises(ParameterError, match="one per unit"):
        dp.sources.Poisson(2, [0.1, 0.1, 0.1])
    with pytest.raises(ShapeError, match=r"\(2,\) units, but its rate is of shape \(3,\)"):
        dp.DSRunner(dp.sources.Poisson(2, lambda ctx: jnp.ones(3)), key=jax.random.key(0), dt=0.1).run(1.0)


def test_rare_spikes_come_in_half_precision_too():
    """The finest random number in half precision is a thousandth; here a step has a spike with probability 1/5000."""
    source = dp.sources.Poisson(20_000, jnp.asarray(0.002, jnp.float16))
    spikes = spikes_of(source, 10.0)
    assert spikes.dtype == np.float16
    np.testing.assert_allclose(spikes.astype(float).sum(), 20_000 * 10.0 * 0.002, rtol=0.25)
