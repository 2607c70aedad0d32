"""Delays as systems in the model and values in its state, without registration by name."""

import numpy as np
import pytest

import dynplug as dp

STEPS, DT = 4, 0.5
X = np.random.default_rng(0).random((20, 3)).astype(np.float32)


@pytest.fixture
def loop():
    model = dp.Sequential(double=lambda x: 2.0 * x, late=dp.layers.Delay(3, STEPS * DT))
    return dp.LoopOverTime(model, dt=DT)


def test_a_delay_gives_what_it_was_given_some_steps_ago(loop):
    state, out = loop(X)
    np.testing.assert_array_equal(out[STEPS:], 2.0 * X[:-STEPS])
    assert not out[:STEPS].any()
    again, rest = loop(X, state)
    np.testing.assert_array_equal(rest[:STEPS], 2.0 * X[-STEPS:])
    assert int(again.i) == 2 * len(X)


@pytest.mark.parametrize("end", [5, 7, 20])
def test_any_value_of_the_last_steps_is_read_from_the_state_by_its_path(loop, end):
    state, _ = loop(X[:end])
    buffer = state["late.buffer"]
    for ago in range(STEPS + 1):
        np.testing.assert_array_equal(buffer[(state.i - 1 - ago) % len(buffer)], 2.0 * X[end - 1 - ago])
        assert buffer[(state.i - 1 - ago) % len(buffer), 1] == 2.0 * X[end - 1 - ago, 1]


def test_a_new_state_has_forgotten_all(loop):
    assert loop(X)[0]["late.buffer"].all()
    assert not loop.reset_state()["late.buffer"].any()
    batched = dp.LoopOverTime(loop.target, dt=DT, data_first_axis="B")
    assert batched.reset_state(2)["late.buffer"].shape == (2, STEPS + 1, 3)
    np.testing.assert_array_equal(batched(np.stack([X, -X]))[1][1], -loop(X)[1])
