"""Steps are counted rightly or not at all, and times are those of the index, however long a run has gone on."""

from fractions import Fraction

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

import dynplug as dp
from dynplug.errors import DurationError, OptionError

INDICES = st.integers(0, 2**31 - 1)


class Reads(dp.DynamicalSystem):
    """Puts out what a function reads of the context."""

    function: object = eqx.field(static=True)

    def init_state(self, ctx):
        return None

    def update(self, state, x, ctx):
        return None, self.function(ctx)


def read(function, i0, dt=0.01, t0=0.0, steps=1000):
    return np.asarray(dp.LoopOverTime(Reads(function), dt=dt, t0=t0, i0=i0)(np.zeros((steps, 1)))[1], float)


@settings(max_examples=60, deadline=None)
@given(i=INDICES, frequency=st.floats(-50, 50), t0=st.floats(-1e7, 1e7), dt=st.sampled_from([0.01, 0.1, 0.025, 1.0]))
def test_the_phase_is_that_of_the_index_in_whole_numbers(i, frequency, t0, dt):
    ctx = dp.Context(dt=dt, t0=t0, i=i)
    off = Fraction(frequency * dt) * i + Fraction(frequency * t0) - Fraction(float(ctx.phase(frequency)))
    assert abs(off - round(off)) < 1e-6


@settings(max_examples=60, deadline=None)
@given(i=INDICES, back=st.integers(-1000, 1000), t0=st.floats(-1e3, 1e3), dt=st.sampled_from([0.01, 0.1, 1.0]))
def test_the_time_since_another_is_good_to_a_thousandth_of_a_step(i, back, t0, dt):
    passed = dp.Context(dt=dt, t0=t0, i=i).since(t0 + (i - back) * dt)
    assert abs(float(passed) - back * dt) < 1e-3 * dt


@pytest.mark.claim(
    "clock-phase",
    "A sine computed from ctx.phase keeps its phase for 2³¹ steps in single precision",
    tolerance=1e-5,
    reference="Python's fractions",
    components=("runner:LoopOverTime",),
)
@pytest.mark.parametrize("i0", [0, 10**7, 10**9, 2**31 - 1001])
def test_a_sine_keeps_its_phase_for_hours(i0, measured):
    found = read(lambda ctx: jnp.sin(2 * jnp.pi * ctx.phase(0.04)), i0)
    wanted = np.sin(2 * np.pi * np.array([float(Fraction(0.04 * 0.01) * (i0 + n) % 1) for n in range(1000)]))
    measured.difference(found, wanted)


@pytest.mark.parametrize(("i0", "t0", "dt"), [(10**8, 0.0, 0.01), (0, 600e3, 0.01), (2**30, 0.0, 1.0), (0, -1e9, 0.1)])
def test_a_time_that_cannot_tell_steps_apart_is_refused_where_it_is_read(i0, t0, dt):
    with pytest.raises(OptionError, match=r"reads ctx.t.*ctx.phase\(frequency\) or ctx.since\(time\)"):
        read(lambda ctx: ctx.t, i0, dt, t0)
    assert np.isfinite(read(lambda ctx: ctx.since(0.0), i0, dt, t0)).all()
    monitors = {"t": lambda state, ctx: ctx.t}
    run = dp.DSRunner(dp.neurons.LIF(1), monitors=monitors, dt=dt, t0=t0 + i0 * dt, progress_bar=False)
    with pytest.raises(OptionError, match=r"reads ctx.t"):
        run.run(10 * dt)
    dp.DSRunner(dp.neurons.LIF(1), dt=dt, t0=t0 + i0 * dt, progress_bar=False).run(10 * dt)  # does not read it


@pytest.mark.parametrize(("i0", "dt"), [(0, 0.01), (10**5, 0.01), (10**5, 1.0)])
def test_a_time_that_is_read_is_good_to_a_tenth_of_a_step(i0, dt):
    np.testing.assert_allclose(read(lambda ctx: ctx.t, i0, dt), (i0 + np.arange(1000)) * dt, rtol=0, atol=0.15 * dt)


@pytest.mark.claim(
    "clock-time",
    "In double precision the time is that of the index for 2³¹ steps (relative)",
    tolerance=1e-14,
    reference="NumPy",
    components=("runner:LoopOverTime",),
)
def test_double_precision_tells_the_time_for_weeks(x64, measured):
    found = read(lambda ctx: ctx.t, 2**31 - 1001, 0.01)
    measured.relative(found, (2**31 - 1001 + np.arange(1000)) * 0.01)


def test_no_run_passes_the_last_step_that_can_be_counted():
    run = dp.DSRunner(dp.neurons.LIF(1), monitors=["V"], dt=0.1, progress_bar=False)
    run.run(1.0)
    before = run.state = eqx.tree_at(lambda s: s.i, run.state, jnp.asarray(2**31 - 5, jnp.int32))
    with pytest.raises(DurationError, match="reaches step 2147483653, but steps are counted up to 2147483647"):
        run.run(1.0)
    assert run.state is before
    run.run(0.4)
    loop = dp.LoopOverTime(dp.neurons.LIF(1), dt=0.1)
    xs = jnp.ones((10, 1))
    for call in (lambda: loop(xs, before), lambda: loop(xs, i0=2**31 - 5), lambda: loop(xs, i0=2**40)):
        with pytest.raises(DurationError, match="steps are counted up to"):
            call()


@pytest.mark.parametrize("frequency", [np.nan, np.inf])
def test_a_frequency_is_a_number(frequency):
    with pytest.raises(OptionError, match="frequency="):
        dp.Context(dt=1.0).phase(frequency)


def test_a_trainer_refuses_the_time_of_a_sequence_that_is_too_long():
    model = Reads(lambda ctx: ctx.t[None]) >> dp.layers.Dense(1, 1, W_initializer=1.0)
    t = dp.BPTT(model, "mse", dt=0.01, t0=1e6, logger=None, progress_bar=False)
    with pytest.raises(OptionError, match=r"reads ctx\.t"):
        t.predict(np.zeros((2, 5, 1), np.float32))
    assert jax.tree.leaves(t.target)


@pytest.mark.parametrize("dt", [0.05, 0.02, 0.025, 0.01, 0.3])
@pytest.mark.parametrize("t0", [0.0, 0.1])
def test_a_decimal_time_begins_in_its_own_step(dt, t0):
    for i in (1, 3, 7, 14, 28, 56, 1999):
        assert float(dp.Context(dt=dt, i=i, t0=t0).since(float(f"{t0 + i * dt:.6g}"))) == 0.0


def test_a_traced_frequency_is_refused_by_the_path_of_its_system():
    loop = dp.LoopOverTime(dp.Sequential(source=Reads(lambda ctx: ctx.phase(ctx.t))), dt=1.0)
    with pytest.raises((OptionError, TypeError), match="frequency"):
        loop(jnp.zeros((3, 1)))
    ctx = dp.Context(dt=1.0, path="source")
    with pytest.raises(OptionError, match=r"source: frequency=nan.*in a static field"):
        ctx.phase(float("nan"))


@pytest.mark.parametrize("dtype", [jnp.float16, jnp.bfloat16])
def test_a_time_that_fits_a_half_is_no_infinity_on_the_way(dtype):
    passed = dp.Context(dt=0.1, i=100_000, dtype=dtype).since(10.0)
    np.testing.assert_allclose(float(passed), 9990.0, rtol=4e-3)
