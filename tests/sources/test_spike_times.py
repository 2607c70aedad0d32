"""Given spikes arrive in the steps in which they fall."""

from decimal import Decimal

import jax
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

import dynplug as dp
from dynplug.errors import ParameterError


def spikes_of(size, times, indices, duration=20.0, dt=0.1, **options):
    source = dp.sources.SpikeTimes(size, times, indices)
    return np.asarray(dp.LoopOverTime(source, dt=dt, jit=False, **options)(duration)[1])


trains = st.dictionaries(
    st.tuples(st.integers(0, 3), st.integers(-20, 220)),  # the unit, and the step of 0.1 ms
    st.sampled_from([Decimal(0), Decimal("0.04"), Decimal("0.099")]),  # the time within it
    max_size=30,
)


@pytest.mark.claim(
    "spike-times-steps",
    "Given spike times arrive in the steps in which they fall, also decimal ones on the grid",
    tolerance=0.0,
    unit="spikes",
    reference="decimal arithmetic",
    components=("source:SpikeTimes",),
)
def test_spikes_fall_into_their_steps(measured):
    @settings(max_examples=15, deadline=None)
    @given(trains)
    def held(train):
        measured(wrong_spikes(train))

    held()


def wrong_spikes(train):
    """The number of spikes that arrive in another step than decimal arithmetic says, or not at all."""
    want = np.zeros((200, 4))
    for unit, step in train:
        if 0 <= step < 200:
            want[step, unit] = 1.0
    times = [float(Decimal(step) / 10 + within) for (_, step), within in train.items()]
    got = spikes_of(4, times, [unit for unit, _ in train])
    return np.abs(got - want).sum()


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("dt", [0.1, 0.05, 0.7])
def test_times_on_the_grid_are_taken_as_decimals(dtype, dt):
    steps = np.arange(3, 3000, 7)
    times = np.array([float(Decimal(str(dt)) * int(step)) for step in steps]).astype(dtype)
    source = dp.sources.SpikeTimes(1, times, np.zeros(len(times), int))
    _, spikes = dp.LoopOverTime(source, dt=dt)(3000 * dt)
    np.testing.assert_array_equal(np.flatnonzero(spikes), steps)


def test_a_run_may_start_at_another_time_and_go_on():
    source = dp.sources.SpikeTimes(2, [100.0, 100.2, 99.9, 101.0], [0, 1, 1, 0])
    runner = dp.DSRunner(source, monitors=["spike"], t0=100.0, dt=0.1, progress_bar=False)
    one, two = runner.run(0.3), runner.run(1.0)
    both = np.concatenate([one, two])
    assert [tuple(at) for at in np.argwhere(both)] == [(0, 0), (2, 1), (10, 0)]


def test_units_of_a_grid_are_counted_in_rows():
    assert np.argwhere(spikes_of((2, 3), [0.5], [4], 1.0)).tolist() == [[5, 1, 1]]


def test_many_spikes_in_one_step_and_none_at_all():
    got = spikes_of(50, np.full(50, 0.31), np.arange(50), 1.0)
    assert got.sum(1).tolist() == [0.0] * 3 + [50.0] + [0.0] * 6
    assert not spikes_of(3, [], [], 1.0).any()
    assert not spikes_of(3, [-1.0, 50.0, 1e12], [0, 1, 1], 1.0).any()


def test_a_batch_gets_the_same():
    source = dp.sources.SpikeTimes(2, [0.2], [1])
    loop = dp.LoopOverTime(source, dt=0.1, data_first_axis="B")
    _, spikes = loop(1.0, loop.reset_state(3))
    assert np.argwhere(spikes).tolist() == [[n, 2, 1] for n in range(3)]


def test_two_spikes_in_one_step_are_counted_and_those_of_a_finer_one_are_apart():
    times, indices = [0.5, 1.51, 1.58, 1.58], [1, 1, 1, 0]
    assert np.argwhere(spikes_of(2, times, indices, 2.0, dt=0.05)).tolist() == [[10, 1], [30, 1], [31, 0], [31, 1]]
    coarse = spikes_of(2, times, indices, 2.0)
    assert coarse[15].tolist() == [1.0, 2.0]
    assert coarse.sum() == 4.0
    runner = dp.DSRunner(
        dp.sources.SpikeTimes(2, times, indices), monitors=["spike"], record_every=20, dt=0.1, progress_bar=False
    )
    runner.run(2.0)
    assert runner.mon["spike"].tolist() == [[1.0, 3.0]]


@pytest.mark.parametrize(
    ("times", "indices", "said"),
    [
        ([0.1, 0.2], [0], "2 times and 1 indices"),
        ([0.1], [2], "index 2, but units are counted from 0 to 1"),
        ([0.1], [-1], "index -1"),
        ([0.1], [0.0], "whole numbers"),
        ([np.nan], [0], "finite"),
        (["a"], [0], "times"),
    ],
)
def test_what_is_wrong_is_said(times, indices, said):
    with pytest.raises(ParameterError, match=said):
        dp.sources.SpikeTimes(2, times, indices)


def test_it_needs_no_key_and_its_text_is_short():
    source = dp.sources.SpikeTimes(2, np.arange(1000.0), np.zeros(1000, int))
    assert len(repr(source)) < 60
    assert hash(jax.tree.structure(source)) == hash(jax.tree.structure(dp.sources.SpikeTimes(2, *_same())))


def _same():
    return np.arange(1000.0), np.zeros(1000, int)
