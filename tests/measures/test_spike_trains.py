"""Spikes as events: their order, their windows, their batches, and what they refuse."""

from itertools import pairwise

import numpy as np
import pytest
from checked_annotations import unchecked
from hypothesis import given, settings, strategies as st

import dynplug as dp
from dynplug.errors import OptionError, ShapeError
from dynplug.measures import Events


def test_events_are_put_in_the_order_of_time_and_know_their_units():
    events = Events([3.0, 1.0, 2.0], [4, 0, 2], start=-1.0)
    assert events.t.tolist() == [1.0, 2.0, 3.0]
    assert events.i.tolist() == [0, 2, 4]
    assert (events.size, events.shape, events.duration, len(events)) == (5, (5,), 4.0, 3)
    assert [train.tolist() for train in events.trains()] == [[1.0], [], [2.0], [], [3.0]]
    grid = Events([1.0], [5], size=(2, 3), stop=2.0)
    assert (grid.size, grid.shape, grid.rate().shape) == (6, (2, 3), (6,))
    assert repr(grid) == "Events(1 spikes of 6 units, 0 to 2 ms)"


def test_no_events():
    events = Events([], [], size=2, stop=5.0)
    assert [train.tolist() for train in events.trains()] == [[], []]
    assert events.rate().tolist() == [0.0, 0.0]
    assert np.isnan(events.cv()).all()
    assert len(events.between(1.0, 2.0)) == 0
    assert Events([], []).size == 0
    assert Events([], []).trains() == []
    with pytest.raises(OptionError, match="without units"):
        dp.measures.rate_over_time(Events([], [], stop=2.0), 1.0)


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 2**32 - 1),
    st.sampled_from([0.1, 0.025, 0.001, 1.0 / 3.0]),
    st.sampled_from([0.0, 2.5, -7.0, 1e9]),
    st.lists(st.integers(0, 60), max_size=4),
)
def test_windows_that_follow_each_other_share_no_spike_and_lose_none(seed, dt, t0, cuts):
    rng = np.random.default_rng(seed)
    step, unit = np.nonzero(rng.random((60, 3)) < 0.2)
    events = Events(t0 + (step + 1) * dt, unit, size=3, start=t0, stop=t0 + 60 * dt)
    ends = [0, *sorted(cuts), 60]
    parts = [events.between(t0 + a * dt, t0 + b * dt) for a, b in pairwise(ends)]
    for part, (a, b) in zip(parts, pairwise(ends), strict=True):
        np.testing.assert_array_equal(part.t, events.t[(step >= a) & (step < b)])
        assert part.duration == pytest.approx((b - a) * dt, abs=1e-12 + 1e-15 * abs(t0))
    np.testing.assert_array_equal(np.concatenate([part.i for part in parts]), events.i)


def test_windows_reach_no_further_than_the_recording():
    events = Events([1.0, 2.0], [0, 1], start=0.5, stop=3.0)
    part = events.between(0.5, 1.5)
    assert (part.start, part.stop, part.t.tolist(), part.size) == (0.5, 1.5, [1.0], 2)
    assert np.shares_memory(part.t, events.t)
    assert events.between(0.5, 3.0 * (1.0 + 1e-12)).stop == 3.0
    for window in [(-10.0, 1.5), (1.0, 3.1), (5.0, 6.0)]:
        with pytest.raises(OptionError, match=r"recorded from 0\.5 to 3 ms.*stop="):
            events.between(*window)
        with pytest.raises(OptionError, match=r"recorded from 0\.5 to 3 ms"):
            dp.measures.rate(events, *window)


def test_a_pair_was_recorded_for_as_long_as_its_rate_is_asked_for():
    pair = [1.0, 2.0, 4.5], [0, 1, 0]
    np.testing.assert_allclose(dp.measures.rate(pair, stop=10.0), [200.0, 100.0])
    np.testing.assert_allclose(dp.measures.rate(pair, -10.0, 10.0), [100.0, 50.0])
    np.testing.assert_allclose(dp.measures.rate(pair, 0.0, 4.0), [250.0, 250.0])
    np.testing.assert_allclose(dp.measures.rate(pair), [2 / 4.5e-3, 1 / 4.5e-3])


def test_units_of_a_batch_are_measured_sample_by_sample():
    rng = np.random.default_rng(1)
    step, sample, unit = np.nonzero(rng.random((200, 2, 3)) < 0.1)
    events = Events(step + 1.0, unit, size=3, stop=200.0, sample=sample, batch_size=2)
    assert events.rate().shape == events.cv().shape == (2, 3)
    assert dp.measures.counts(events, 50.0).shape == (4, 2, 3)
    for b in range(2):
        one = events[b]
        np.testing.assert_array_equal(one.t, step[sample == b] + 1.0)
        np.testing.assert_array_equal(one.i, unit[sample == b])
        np.testing.assert_array_equal(events.rate()[b], one.rate())
        np.testing.assert_array_equal(events.cv()[b], one.cv())
        np.testing.assert_allclose(dp.measures.cv2(events)[b], dp.measures.cv2(one))
        np.testing.assert_array_equal(dp.measures.fano(events, 20.0)[b], dp.measures.fano(one, 20.0))
        for whole, own in zip(events.isi()[b], one.isi(), strict=True):
            np.testing.assert_array_equal(whole, own)
    each = [dp.measures.rate_over_time(events[b], 50.0)[1] for b in range(2)]
    np.testing.assert_allclose(dp.measures.rate_over_time(events, 50.0)[1], np.mean(each, axis=0))
    np.testing.assert_array_equal(events[-1].t, events[1].t)
    assert "batch_size=2" in repr(events)
    np.testing.assert_array_equal(events.between(50.0, 90.0)[1].t, events[1].between(50.0, 90.0).t)
    with pytest.raises(IndexError, match="the batch has 2"):
        events[2]
    with pytest.raises(OptionError, match="one sample"):
        dp.measures.correlation(events, 20.0)


@pytest.mark.parametrize(
    ("given", "options", "error", "match"),
    [
        (([1.0], [0, 1]), {}, ShapeError, "1 times, 2 units"),
        (([1.0], [0]), {"sample": [0, 1], "batch_size": 2}, ShapeError, "and 2 samples"),
        (([[1.0]], [[0]]), {}, ShapeError, "in one row"),
        (([np.nan], [0]), {}, ShapeError, "finite"),
        (([1.0], [0.5]), {}, OptionError, "i of dtype float64"),
        (([1.0], [3]), {"size": 3}, OptionError, "units 0 to 2, but there are spikes of 3 to 3"),
        (([1.0], [-1]), {"size": 3}, OptionError, "units 0 to 2"),
        (([1.0], [0]), {"sample": [2], "batch_size": 2}, OptionError, "samples 0 to 1"),
        (([1.0], [0]), {"sample": [0]}, OptionError, "need both"),
        (([1.0], [0]), {"batch_size": 1}, OptionError, "need both"),
        (
            ([1.0, 7.0], [0, 0]),
            {"stop": 5.0},
            OptionError,
            "5 ms were expected, but there are spikes from 1 to 7",
        ),
        (([0.0], [0]), {"stop": 5.0}, OptionError, "after 0 ms"),
        (([], []), {"start": 2.0, "stop": 1.0}, OptionError, "comes last"),
    ],
)
def test_what_is_no_train_of_spikes_is_refused(given, options, error, match):
    with pytest.raises(error, match=match):
        Events(*given, **options)


def test_a_batch_is_needed_for_a_sample():
    with pytest.raises(OptionError, match="these events have none"):
        Events([1.0], [0])[0]


def test_times_in_single_precision_are_the_decimals_that_they_stand_for():
    for t in (np.array([0.3, 0.7]), np.array([0.3, 0.7], np.float32)):
        found = dp.measures.counts(Events(t, [0, 0], stop=1.0), 0.1)[:, 0]
        assert found.tolist() == [0, 0, 1, 0, 0, 0, 1, 0, 0, 0]
    with unchecked():
        short = Events([], [], size=1, start=np.float32(0.1), stop=np.float32(0.7))
    assert short.duration == pytest.approx(0.6, abs=1e-15)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint64, np.int16])
def test_indices_are_whole_numbers_of_any_dtype(dtype):
    i = np.array([0, 3, 0], dtype)
    events = Events([0.5, 1.5, 1.7], i, sample=np.array([0, 1, 1], dtype), batch_size=2, stop=2.0)
    assert dp.measures.counts(events, 1.0)[:, 1].tolist() == [[0, 0, 0, 0], [1, 0, 0, 1]]
    assert dp.measures.counts(([1.0, 2.0], np.array([0, 3], dtype)), 1.0).sum() == 2


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"size": 2.5}, "size=.*2.5.* must be a whole number"),
        ({"size": (2, -1)}, "size=.*-1"),
        ({"size": 2, "start": "a"}, "start='a' must be a time"),
        ({"size": 2, "stop": np.nan}, "stop=nan must be a time"),
        ({"size": 2, "sample": [0], "batch_size": 1.5}, "batch_size=1.5"),
    ],
)
def test_events_are_of_whole_units_and_between_times(options, said):
    with unchecked(), pytest.raises(OptionError, match=said):
        Events([1.0], [0], **options)


@pytest.mark.parametrize("given", [np.arange(3.0), 3, None, ([1.0],), "ab"])
def test_what_are_no_events_is_refused_by_measures(given):
    for measure in (dp.measures.cv, dp.measures.isi, dp.measures.rate, lambda events: dp.measures.counts(events, 1.0)):
        with pytest.raises((OptionError, ShapeError), match=r"Spikes are the Events of a population|Times of spikes"):
            measure(given)


@pytest.mark.parametrize("bin", [None, "a", True, [1.0], 1j])
def test_the_length_of_a_window_is_a_number(bin):
    with unchecked(), pytest.raises(OptionError, match="must be a positive length of time"):
        dp.measures.counts(Events([1.0], [0], stop=3.0), bin)
