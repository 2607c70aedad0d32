"""Importance of hyperparameters, against an analysis of variance by SciPy and closed forms."""

import itertools

import numpy as np
import pytest
from scipy import stats

from dynplug.errors import OptionError
from dynplug.sweep import importance

pytestmark = pytest.mark.quick


def test_it_is_the_corrected_share_of_an_analysis_of_variance():
    rng = np.random.default_rng(0)
    groups = [rng.normal(mean, 1.0, size=9) for mean in (0.0, 1.0, 3.0)]
    values = [{"a": name} for name, group in zip("xyz", groups, strict=True) for _ in group]
    f = stats.f_oneway(*groups).statistic  # epsilon^2 = (F - 1) / (F + (n - k) / (k - 1))
    share = importance(values, np.concatenate(groups).tolist())["a"]
    np.testing.assert_allclose(share, (f - 1.0) / (f + 24 / 2), rtol=1e-12)


def test_shares_of_an_additive_grid():
    trials = [{"a": a, "b": b} for a, b in itertools.product(range(3), range(4))]
    y = [3.0 * t["a"] + t["b"] for t in trials]
    total, of_a, of_b = np.var(y), np.var([0, 3, 6]), np.var([0, 1, 2, 3])
    assert of_a + of_b == pytest.approx(total)
    shares = importance(trials, y)
    assert list(shares) == ["a", "b"]
    assert shares["a"] == pytest.approx(1 - (1 - of_a / total) * 11 / 9)
    assert shares["b"] == pytest.approx(max(0.0, 1 - (1 - of_b / total) * 11 / 8))


def test_noise_explains_nothing_and_many_numbers_are_grouped():
    rng = np.random.default_rng(1)
    trials = [{"noise": float(n), "signal": float(s)} for n, s in rng.uniform(size=(400, 2))]
    y = [np.sin(6 * t["signal"]) for t in trials]
    shares = importance(trials, y)
    assert shares["signal"] > 0.95
    assert shares["noise"] < 0.1


def test_what_cannot_be_said_is_nan_and_stands_last():
    trials = [{"own": str(n), "same": 1, "two": n % 2} for n in range(6)]
    shares = importance(trials, [0.0, 1.0, 0.1, 1.1, 0.0, 0.9])
    assert shares["two"] > 0.9
    assert [path for path, share in shares.items() if np.isnan(share)] == ["own", "same"]
    assert importance([], []) == {}
    assert np.isnan(importance(trials, [1.0] * 6)["two"])
    assert np.isnan(importance(trials, [0.0, 1.0, np.nan, 1.1, 0.0, 0.9])["two"])


def test_trials_have_the_same_hyperparameters():
    with pytest.raises(OptionError, match="the hyperparameters"):
        importance([{"a": 1.0}, {"b": 2.0}], [1.0, 2.0])
