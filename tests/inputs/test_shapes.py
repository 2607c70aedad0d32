"""Inputs as functions of time, against NumPy and the equations in their docstrings."""

from fractions import Fraction

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

import dynplug as dp
from dynplug.errors import DurationError, KeyRequiredError, OptionError, ParameterError
from dynplug.inputs.input import as_time

pytestmark = pytest.mark.quick
GRID = [Fraction(i, 10) for i in range(200)]  # steps of 0.1 ms, exactly


def values(made, duration=20.0, dt=0.1, **options):
    return np.asarray(made.sample(duration, dt=dt, **options))


def times(duration=20.0, dt=0.1, t0=0.0):
    return t0 + dt * np.arange(round(duration / dt))


tenths = st.integers(-50, 250).map(lambda n: Fraction(n, 10))


@settings(max_examples=40, deadline=None)
@given(tenths, st.integers(1, 100), st.sampled_from([0, Fraction(7, 10), -3]))
def test_a_step_is_on_from_its_start_until_before_its_stop(start, steps, t0):
    stop = start + Fraction(steps, 10)
    want = [2.0 if start <= t0 + t < stop else 0.0 for t in GRID]
    got = values(dp.inputs.step(2.0, float(start), float(stop)), t0=float(t0))
    np.testing.assert_array_equal(got, np.array(want, np.float32))


def test_limits_between_steps_count_from_the_next_step():
    got = values(dp.inputs.step(1.0, 0.05, 0.35), 0.6)
    assert got.tolist() == [0.0, 1.0, 1.0, 1.0, 0.0, 0.0]


def test_numbers_of_numpy_are_times_too():
    single = dp.inputs.constant(1.0).between(np.float32(10.1), np.int64(12))
    np.testing.assert_array_equal(values(single), values(dp.inputs.step(1, 10.1, 12)))


def test_a_step_without_an_end_lasts():
    assert values(dp.inputs.step(1.5, 19.9)).nonzero()[0].tolist() == [199]
    assert (values(dp.inputs.step(1.5, -1e9)) == 1.5).all()
    assert not values(dp.inputs.step(1.5, 1e12)).any()


def test_a_step_is_exact_after_days():
    """At 10^8 ms single precision cannot tell steps of 0.1 ms apart."""
    inside = dp.inputs.step(1.0, 1e8 + 0.3, 1e8 + 0.5)
    ctx = [dp.Context(dt=0.1, i=10**9 + n) for n in range(7)]
    assert [float(inside(c)) for c in ctx] == [0, 0, 0, 1, 1, 0, 0]


def test_a_constant_is_the_same_at_all_times():
    assert (values(dp.inputs.constant(0.25)) == 0.25).all()


def test_a_ramp_is_linear_and_then_off():
    t = times()
    want = np.where((t > 4.95) & (t < 14.95), 1.0 + 2.0 * (t - 5.0) / 10.0, 0.0)
    np.testing.assert_allclose(values(dp.inputs.ramp(1.0, 3.0, 5.0, 15.0)), want, atol=1e-6)


def test_a_sine_has_amplitude_frequency_and_phase():
    want = 2.0 * np.sin(2 * np.pi * (0.04 * times() + 0.1))
    np.testing.assert_allclose(values(dp.inputs.sine(2.0, 0.04, 0.1)), want, atol=1e-5)


def test_a_sine_is_exact_after_hours():
    i, f = 10**9 + 7, 0.04321
    cycles = Fraction(f) * Fraction(0.1) * i % 1
    got = dp.inputs.sine(1.0, f)(dp.Context(dt=0.1, i=i))
    assert float(got) == pytest.approx(np.sin(2 * np.pi * float(cycles)), abs=1e-5)


def test_the_frequency_of_a_chirp_is_the_derivative_of_its_phase():
    t = times(200.0)
    s = t - 10.0
    want = np.where((t > 9.95) & (t < 109.95), 3.0 * np.sin(2 * np.pi * (0.02 * s + 0.5 * 0.08 * s**2 / 100.0)), 0.0)
    got = values(dp.inputs.chirp(3.0, 0.02, 0.1, 10.0, 110.0), 200.0)
    np.testing.assert_allclose(got, want, atol=2e-4)
    crossings = np.flatnonzero((got[:-1] < 0) & (got[1:] >= 0))
    np.testing.assert_allclose(10.0 / np.diff(crossings)[-1], 0.1, rtol=0.05)


@settings(max_examples=30, deadline=None)
@given(st.lists(tenths, min_size=1, max_size=6), st.integers(1, 30))
def test_pulses_are_on_where_any_of_them_is(starts, steps):
    width = Fraction(steps, 10)
    want = [1.0 if any(start <= t < start + width for start in starts) else 0.0 for t in GRID]
    got = values(dp.inputs.pulses(1.0, [float(s) for s in starts], float(width)))
    np.testing.assert_array_equal(got, np.array(want, np.float32))


def test_times_in_single_precision_are_the_decimals_that_they_stand_for():
    exact, single = (dp.inputs.pulses(1.0, np.arange(100.1, 400.0, 0.3).astype(t), 0.1) for t in (float, np.float32))
    np.testing.assert_array_equal(values(single, 400.0), values(exact, 400.0))
    assert values(single, 400.0).sum() == len(np.arange(100.1, 400.0, 0.3))


def test_a_pulse_between_two_steps_is_refused():
    with pytest.raises(DurationError, match=r"pulse at 1\.02 ms, of 0\.05 ms, falls between two steps of dt=0\.1"):
        values(dp.inputs.pulses(1.0, [0.5, 1.02], 0.05))


def test_white_noise_has_an_integral_whatever_the_step():
    for dt in (0.1, 0.4):
        noise = values(dp.inputs.white_noise(0.3, 2000), 20.0, dt, key=jax.random.key(0))
        assert noise.shape == (round(20.0 / dt), 2000)
        np.testing.assert_allclose((noise.sum(0) * dt).std(), 0.3 * 20.0**0.5, rtol=0.06)  # 4 standard errors
        np.testing.assert_allclose(noise.std(), 0.3 / dt**0.5, rtol=0.02)
        assert abs(np.mean(noise[1:] * noise[:-1])) < 0.02 * noise.var()


def test_noise_is_one_number_for_all_or_one_per_unit():
    key = jax.random.key(1)
    assert values(dp.inputs.white_noise(0.3), key=key).shape == (200,)
    own = values(dp.inputs.white_noise([0.1, 1.0]), key=key)
    np.testing.assert_allclose(own.std(0), np.array([0.1, 1.0]) / 0.1**0.5, rtol=0.2)
    assert values(dp.inputs.white_noise(0.3, (2, 3)), key=key).shape == (200, 2, 3)
    with pytest.raises(KeyRequiredError):
        values(dp.inputs.white_noise(0.3))
    with pytest.raises(ParameterError, match="one per unit"):
        dp.inputs.white_noise([0.1, 0.2, 0.3], 2)


def test_parts_draw_their_own_numbers():
    one, key = dp.inputs.white_noise(1.0), jax.random.key(2)
    both = values(one + one, 200.0, 1.0, key=key)
    assert both.std() == pytest.approx(2.0**0.5, rel=0.15)  # 2 if they were the same
    assert (values(one, 200.0, 1.0, key=key) != values(one, 200.0, 1.0, key=jax.random.key(3))).all()


def test_inputs_add_scale_and_multiply():
    a, b = dp.inputs.ramp(0.0, 2.0, 0.0, 20.0), dp.inputs.sine(1.0, 0.1)
    A, B = values(a), values(b)
    for made, want in [
        (a + b, A + B),
        (a - b, A - B),
        (a * b, A * B),
        (-a, -A),
        (2.0 * a + 1, 2.0 * A + 1.0),
        (1 - a, 1.0 - A),
        (1 + a * 3, 1.0 + 3.0 * A),
    ]:
        np.testing.assert_allclose(values(made), want, atol=1e-6)
    for row in ([1.0, 3.0], np.array([1.0, 3.0]), jnp.array([1.0, 3.0])):
        np.testing.assert_allclose(values(row * a), A[:, None] * np.array([1.0, 3.0]), rtol=1e-6)
        np.testing.assert_allclose(values(a + row), A[:, None] + np.array([1.0, 3.0]), rtol=1e-6)


@pytest.mark.parametrize(
    "make",
    [
        lambda A: dp.inputs.constant(A),
        lambda A: dp.inputs.step(A, 2.0, 8.0),
        lambda A: dp.inputs.ramp(A, A, 2.0, 8.0),
        lambda A: dp.inputs.sine(A, 0.1),
        lambda A: dp.inputs.chirp(A, 0.1, 0.2, 2.0, 8.0),
        lambda A: dp.inputs.pulses(A, [1.0, 2.0], 0.5),
    ],
    ids=["constant", "step", "ramp", "sine", "chirp", "pulses"],
)
def test_amplitudes_may_differ_by_unit_and_have_gradients(make):
    A = np.array([1.0, -2.0, 0.5], np.float32)
    want = values(make(1.0))[:, None] * A
    np.testing.assert_allclose(values(make(A)), want, rtol=1e-5, atol=1e-6)
    slope = jax.grad(lambda a: make(a).sample(20.0, dt=0.1).sum())(jnp.float32(1.0))
    np.testing.assert_allclose(slope, values(make(1.0)).sum(), rtol=1e-4, atol=1e-4)


def test_any_input_may_be_confined_to_a_window():
    t = times()
    got = values(dp.inputs.sine(1.0, 0.1).between(5.0, 15.0))
    np.testing.assert_allclose(got, np.where((t > 4.95) & (t < 14.95), np.sin(0.2 * np.pi * t), 0.0), atol=1e-5)
    assert values(dp.inputs.constant(1.0).between(stop=3.0)).sum() == 30


def test_values_have_the_dtype_of_the_context(x64):
    for dtype in (np.float32, np.float64):
        ctx = dp.Context(dt=0.1, i=3, key=jax.random.key(0), dtype=dtype)
        all_of_them = (
            dp.inputs.step(1.0, 0.0)
            + dp.inputs.ramp([0.0, 1.0], 1.0, 0.0, 1.0)
            + dp.inputs.sine(1.0, 0.1)
            + dp.inputs.chirp(1.0, 0.1, 0.2, 0.0, 1.0)
            + dp.inputs.pulses(1.0, [0.0], 1.0)
            + dp.inputs.white_noise(1.0)
        )
        assert all_of_them(ctx).dtype == dtype


@pytest.mark.parametrize(
    ("make", "error", "said"),
    [
        (lambda: dp.inputs.step(1.0, 5.0, 5.0), ParameterError, r"start=5\.0 ms must come before stop=5\.0"),
        (lambda: as_time("start", np.ones(2)), ParameterError, "start=.* must be a finite number of Python"),
        (lambda: dp.inputs.step("1", 0.0), ParameterError, "text '1'"),
        (lambda: dp.inputs.step(np.nan, 0.0), ParameterError, "finite"),
        (lambda: dp.inputs.ramp(0.0, 1.0, 2.0, 1.0), ParameterError, "must come before"),
        (lambda: dp.inputs.sine(1.0, np.inf), ParameterError, "frequency=inf"),
        (lambda: dp.inputs.pulses(1.0, [], 1.0), ParameterError, "one time or more"),
        (lambda: dp.inputs.pulses(1.0, [1.0], 0.0), ParameterError, "width above zero"),
        (lambda: dp.inputs.pulses(1.0, [1.0, np.inf], 1.0), ParameterError, "times must be finite"),
        (lambda: dp.inputs.pulses(1.0, 3.0, 1.0), ParameterError, "a list of numbers"),
        (lambda: dp.inputs.constant(1.0).sample(0.25, dt=0.1), DurationError, "whole number of steps"),
        (lambda: dp.inputs.constant(1.0).sample(1.0, dt=0.0), OptionError, "dt=0"),
        (lambda: dp.inputs.constant(lambda: 1.0), ParameterError, "function"),
    ],
)
def test_what_is_wrong_is_said(make, error, said):
    with pytest.raises(error, match=said):
        make()


def test_an_input_of_ones_own_is_a_subclass():
    class Square(dp.inputs.Input):
        half: float

        def __call__(self, ctx):
            return jnp.sign(jnp.sin(jnp.pi * ctx.t / self.half)).astype(ctx.dtype)

    got = values(2.0 * Square(2.0) + 1.0)
    assert set(got[1:19]) == {3.0}
    assert set(got[21:39]) == {-1.0}
