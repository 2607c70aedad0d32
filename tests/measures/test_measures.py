"""Measures of processes whose values are known; bounds are four standard errors, so that one in 16,000 seeds fails."""

from itertools import pairwise

import numpy as np
import pytest

import dynplug as dp
from dynplug.errors import DurationError, OptionError, ShapeError
from dynplug.measures import Events

UNITS, T, RATE = 200, 20_000.0, 0.05  # units, ms, kHz: about 1000 spikes a unit


def renewal(order, seed, units=UNITS, stop=T):
    """A gamma process a unit: intervals of shape `order` whose mean is that of the rate. Its first spike is late."""
    rng = np.random.default_rng(seed)
    drawn = rng.gamma(order, 1.0 / (RATE * order), (units, round(1.5 * RATE * stop)))
    t = np.cumsum(drawn, axis=1)
    assert t[:, -1].min() > stop
    unit, column = np.nonzero(t <= stop)
    return Events(t[unit, column], unit, size=units, stop=stop)


@pytest.fixture(scope="module")
def poisson():
    return renewal(1, 0)


@pytest.mark.claim(
    "measures-gamma-cv",
    "Intervals of gamma processes of order 1 to 9 have the coefficient of variation 1 / sqrt(order)",
    tolerance=0.011,
    unit="-",
    reference="closed form",
)
@pytest.mark.parametrize("order", [1, 4, 9])
def test_intervals_of_a_gamma_process_vary_as_its_order_says(order, measured):
    events = renewal(order, order)
    # From the moments of a gamma distribution, by the delta method, the variance of a CV of n intervals is
    # (1 / k + 1 / k^2) / 2 n; the units have 200,000, and each a bias of about CV / 1000.
    error = np.sqrt((1 / order + 1 / order**2) / 2 / 200_000)
    off = abs(events.cv().mean() - 1 / np.sqrt(order))
    assert off < 4 * error + 0.002 / np.sqrt(order)
    measured(off)


def test_successive_intervals_of_a_poisson_process_differ_as_if_independent(poisson):
    # |a - b| / (a + b) of two exponential intervals is uniform, so 2 of it has mean 1 and variance 1 / 3; neighbouring
    # pairs share an interval, which at most doubles the variance of the mean.
    assert abs(poisson_mean := dp.measures.cv2(poisson).mean() - 1.0) < 4 * np.sqrt(2 / 3 / 200_000), poisson_mean


def test_a_rate_that_drifts_is_seen_by_cv_and_not_by_cv2():
    """A clock that slows down evenly: CV2 falls with the number of spikes, CV does not."""
    t = np.cumsum(np.linspace(10.0, 30.0, 200))
    events = Events(t, np.zeros(200, int))
    interval = np.diff(t)
    np.testing.assert_allclose(dp.measures.cv(events), interval.std() / interval.mean())
    step = 20.0 / 199
    assert dp.measures.cv2(events)[0] < step / 10.0
    by_hand = np.mean([2 * abs(b - a) / (a + b) for a, b in pairwise(interval)])
    np.testing.assert_allclose(dp.measures.cv2(events), [by_hand])


def test_a_clock_does_not_vary():
    t = np.repeat(np.arange(1, 101) * 8.0, 3)
    events = Events(t, np.tile([0, 1, 2], 100))
    np.testing.assert_allclose(events.cv(), 0.0, atol=1e-12)
    np.testing.assert_allclose(dp.measures.cv2(events), 0.0, atol=1e-12)
    np.testing.assert_allclose(dp.measures.fano(events, 80.0), 0.0, atol=1e-12)
    np.testing.assert_allclose(events.rate(), 125.0)
    assert dp.measures.synchrony(dp.measures.counts(events, 2.0)) == pytest.approx(1.0)


def test_fewer_than_three_spikes_say_nothing_of_variation():
    events = Events([1.0, 2.0, 3.0, 4.0, 6.0], [1, 2, 3, 2, 3], size=5, stop=9.0)
    assert np.isnan(events.cv()).tolist() == [True] * 5
    events = Events([1.0, 2.0, 3.0, 4.0, 6.0], [1, 2, 2, 2, 1], size=4, stop=9.0)
    assert np.isnan(events.cv()).tolist() == [True, True, False, True]
    assert np.isnan(dp.measures.cv2(events)).tolist() == [True, True, False, True]
    assert np.isnan(dp.measures.fano(events, 3.0)).tolist() == [True, False, False, True]


@pytest.mark.parametrize("bin", [5.0, 40.0, 200.0])
def test_counts_of_a_poisson_process_have_the_variance_of_their_mean(poisson, bin):
    windows = int(T / bin)
    mean = RATE * bin
    # The variance of a sample variance of Poisson counts is (mean + 2 mean^2 K / (K - 1)) / K; the mean's own error is
    # correlated with it and only lowers that of the ratio.
    error = np.sqrt((1 / mean + 2) / windows / UNITS)
    assert abs(dp.measures.fano(poisson, bin).mean() - 1.0) < 4 * error


def test_counts_of_a_gamma_process_tend_to_the_square_of_its_cv():
    long = renewal(4, 3)
    # F = CV^2 + (1 - CV^4) / (6 mean) in long windows of a stationary process (Cox & Lewis 1966, section 4.3); this one
    # begins as if after a spike, which one window of fifty notices.
    bin = 400.0
    windows = T / bin
    expected = 0.25 + (1 - 0.25**2) / (6 * RATE * bin)
    error = expected * np.sqrt(2 / (windows - 1) / UNITS)
    assert abs(dp.measures.fano(long, bin).mean() - expected) < 4 * error + 0.003


@pytest.mark.claim(
    "measures-shared-poisson",
    "Counts of Poisson processes that share a source are correlated by the source's share of their rate",
    tolerance=0.04,
    unit="-",
    reference="closed form: the covariance is the variance of what is shared",
)
def test_a_shared_source_correlates_by_its_share(measured):
    rng = np.random.default_rng(5)
    units, stop, share = 20, 100_000.0, 0.3
    common = rng.uniform(0.0, stop, rng.poisson(share * RATE * stop))
    own = rng.poisson((1 - share) * RATE * stop, units)
    t = np.concatenate([np.tile(common, units), rng.uniform(0.0, stop, own.sum())])
    i = np.concatenate([np.repeat(np.arange(units), len(common)), np.repeat(np.arange(units), own)])
    rho = dp.measures.correlation(Events(t, i, size=units, stop=stop), 20.0)
    np.testing.assert_allclose(np.diag(rho), 1.0)
    np.testing.assert_allclose(rho, rho.T)
    # All pairs have one source: the error of their mean is that of its counts' variance, with m = 0.3 in a window
    # sqrt((m + 2 m^2) / 5000) = 0.01, of which four are allowed; the variance of all counts of a unit is 1.
    measured.difference(rho[np.triu_indices(units, 1)].mean(), share)


def test_independent_units_are_not_correlated(poisson):
    rho = dp.measures.correlation(poisson, 20.0)
    pairs = rho[np.triu_indices(UNITS, 1)]
    windows = T / 20.0
    assert abs(pairs.mean()) < 4 / np.sqrt(windows * len(pairs))
    assert pairs.std() == pytest.approx(1 / np.sqrt(windows), rel=4 / np.sqrt(2 * len(pairs)))


def test_correlations_are_those_of_numpy(poisson):
    some = Events(poisson.t[poisson.i < 5], poisson.i[poisson.i < 5], size=6, stop=T)
    rho = dp.measures.correlation(some, 100.0)
    np.testing.assert_allclose(rho[:5, :5], np.corrcoef(dp.measures.counts(some, 100.0)[:, :5].T))
    assert np.isnan(rho[5]).all()
    assert np.isnan(rho[:, 5]).all()


def test_synchrony_of_independent_and_of_equal_units(poisson):
    counts = dp.measures.counts(poisson, 10.0)
    # The variance of the mean of N independent units is 1 / N of theirs; of 2000 windows it is known to sqrt(2 / 2000).
    assert dp.measures.synchrony(counts) ** 2 == pytest.approx(1 / UNITS, rel=4 * np.sqrt(2 / len(counts)))
    V = np.random.default_rng(0).normal(-60.0, 3.0, (500, 1))
    assert dp.measures.synchrony(np.tile(V, 7)) == pytest.approx(1.0)
    assert dp.measures.synchrony(np.hstack([V, 120.0 - V])) == pytest.approx(0.0, abs=1e-6)
    # half of the variance shared: chi^2 = (s + (1 - s) / N) exactly for orthogonal parts
    wave = np.sqrt(2) * np.cos(2 * np.pi * np.outer(np.arange(400), np.arange(1, 5)) / 400)
    mixed = np.sqrt(0.5) * wave[:, :1] + np.sqrt(0.5) * wave[:, 1:]
    assert dp.measures.synchrony(mixed) ** 2 == pytest.approx(0.5 + 0.5 / 3)
    for value, form in ((1.0, (5, 3)), (-60.1, (1000, 50)), (0.1, (777, 3))):  # some have a mean that is rounded
        assert np.isnan(dp.measures.synchrony(np.full(form, value)))
    with pytest.raises(ShapeError, match=r"got shape \(5,\)"):
        dp.measures.synchrony(np.ones(5))


def test_windows_hold_what_falls_after_their_start_and_up_to_their_end():
    events = Events(np.arange(1, 11) * 0.1, np.arange(10) % 2, size=3, stop=1.0)
    assert dp.measures.counts(events, 0.3).tolist() == [[2, 1, 0], [1, 2, 0], [2, 1, 0]]  # 0.3, 0.6, 0.9 end windows
    assert dp.measures.counts(events, 0.1).sum(axis=1).tolist() == [1] * 10
    middles, rate = dp.measures.rate_over_time(events, 0.3)
    np.testing.assert_allclose(middles, [0.15, 0.45, 0.75])
    np.testing.assert_allclose(rate, 1000.0 * 3 / 3 / 0.3)
    later = events.between(0.2, 0.9)
    np.testing.assert_allclose(dp.measures.rate_over_time(later, 0.35)[0], [0.375, 0.725])
    assert dp.measures.counts(later, 0.35).sum(axis=1).tolist() == [3, 4]
    with pytest.raises(DurationError, match=r"longer than the events, 1 ms"):
        dp.measures.counts(events, 1.1)
    with pytest.raises(DurationError, match="fits only once"):
        dp.measures.fano(events, 0.6)
    for bad in (0.0, -1.0, np.nan, np.inf):
        with pytest.raises(OptionError, match="positive length"):
            dp.measures.counts(events, bad)


def test_rates_of_the_whole_and_of_a_window():
    events = Events([1.0, 2.0, 3.0, 4.0], [0, 0, 1, 0], size=3, stop=10.0)
    assert dp.measures.rate(events).tolist() == [300.0, 100.0, 0.0]
    assert dp.measures.rate(events, 2.0, 4.0).tolist() == [500.0, 500.0, 0.0]
    assert events.rate(stop=2.0).tolist() == [1000.0, 0.0, 0.0]
    assert dp.measures.rate(events, 5.0, 10.0).tolist() == [0.0, 0.0, 0.0]
    assert events.rate(start=3.0).tolist() == pytest.approx([1000.0 / 7, 0.0, 0.0])
    with pytest.raises(OptionError, match="from 10 to 10 ms"):
        events.rate(10.0, 10.0)


def test_a_pair_of_times_and_units_serves_as_well():
    pair = np.array([4.0, 1.0, 2.0, 8.0]), np.array([0, 0, 1, 0])
    events = Events(*pair, size=2, stop=8.0)
    assert [x.tolist() for x in dp.measures.isi(pair)] == [[3.0, 4.0], []] == [x.tolist() for x in events.isi()]
    np.testing.assert_array_equal(dp.measures.cv(pair), events.cv())
    np.testing.assert_array_equal(dp.measures.rate(pair), events.rate())
    np.testing.assert_array_equal(dp.measures.counts(pair, 2.0), [[1, 1], [1, 0], [0, 0], [1, 0]])
    np.testing.assert_array_equal(dp.measures.fano(pair, 2.0), dp.measures.fano(events, 2.0))
