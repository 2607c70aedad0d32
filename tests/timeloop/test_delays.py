"""Delays in compiled loops against the same loops as `jax.lax.scan`, and against their definition."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

import dynplug as dp
from dynplug.errors import DurationError, ShapeError
from dynplug.timeloop import Loop, RunState


@pytest.mark.claim(
    "delay-exact",
    "A delay of d steps puts out the value of d steps ago, compiled or not, over random lengths",
    tolerance=0.0,
    reference="definition",
    components=("layer:Delay",),
)
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.integers(0, 6), length=st.integers(1, 9), i0=st.integers(0, 20), plain=st.booleans())
def test_the_value_of_d_steps_ago_arrives_exactly(measured, steps, length, i0, plain):
    delay = dp.layers.Delay(2, 0.5 * steps, initial=-1.0)
    x = np.random.default_rng(0).normal(size=(length, 2)).astype(np.float32)
    loop = dp.LoopOverTime(delay, dt=0.5, loop="plain" if plain else "auto")
    _, y = loop(x, i0=i0)
    before = np.full((steps, 2), -1.0, np.float32)
    measured.difference(y, np.concatenate([before, x])[:length])


def test_a_run_that_is_continued_and_what_the_delay_holds():
    delay = dp.layers.Delay(1, 3.0)
    loop = dp.LoopOverTime(delay, dt=1.0)
    x = jnp.arange(1.0, 12.0)[:, None]
    state, first = loop(x[:5])
    held = [float(delay.past(state.system, t, dp.Context(dt=1.0, i=state.i))[0]) for t in (0.0, 1.0, 2.0, 3.0)]
    assert held == [5.0, 4.0, 3.0, 2.0]
    _, second = loop(x[5:], state)
    np.testing.assert_array_equal(jnp.concatenate([first, second])[:, 0], [0, 0, 0, *range(1, 9)])
    with pytest.raises(DurationError, match=r"0 to 3\.0 ms"):
        delay.past(state.system, 4.0, dp.Context(dt=1.0))


class Feedback(dp.DynamicalSystem):
    """Units that receive their own past."""

    delay: dp.layers.Delay
    weight: jax.Array

    def init_state(self, ctx):
        return {"delay": self.delay.init_state(ctx), "V": jnp.zeros(3, ctx.dtype)}

    def update(self, state, x, ctx):
        delay, past = self.delay.update(state["delay"], state["V"], ctx)
        V = 0.9 * state["V"] + x + self.weight @ jnp.tanh(past)
        return {"delay": delay, "V": V}, V


class Forward(Feedback):
    """Units behind a delay."""

    def update(self, state, x, ctx):
        delay, past = self.delay.update(state["delay"], self.weight @ x, ctx)
        V = 0.9 * state["V"] + past
        return {"delay": delay, "V": V}, V


class Behind(Feedback):
    """A delay behind units that have a memory."""

    def update(self, state, x, ctx):
        V = 0.9 * state["V"] + self.weight @ x
        delay, past = self.delay.update(state["delay"], V, ctx)
        return {"delay": delay, "V": V}, past


def outcome(kind, steps, length, batched, **options):
    """Outputs, final state, and gradients of both for the model, the inputs and the first state."""
    rng = np.random.default_rng(0)
    model = kind(dp.layers.Delay(3, float(steps)), jnp.asarray(rng.normal(size=(3, 3))))
    x = jnp.asarray(rng.normal(size=(length, 2, 3) if batched else (length, 3)))
    loop = Loop(dt=1.0, batched=batched, **options)
    state = loop.start(model, batch_size=2 if batched else None, i0=2)
    begin = jax.tree.map(lambda v: v + 0.1 * jnp.arange(float(v.size)).reshape(v.shape), state.system)

    def total(weight, x, begin):
        own = kind(model.delay, weight)
        end, (out, _) = loop.advance(own, RunState(state.i, begin), x, length)
        rows = jnp.arange(1.0, steps + 2.0)[:, None]
        held = sum((rows * buffer**2).sum() for buffer in end.system["delay"].buffer.reshape(-1, steps + 1, 3))
        return (jnp.sin(out) * jnp.arange(float(out.size)).reshape(out.shape)).sum() + held, (end, out)

    return jax.jit(jax.value_and_grad(total, argnums=(0, 1, 2), has_aux=True))(model.weight, x, begin)


@functools.cache
def plain_outcome(*given):
    """The same by `jax.lax.scan`, which all options are compared with."""
    return outcome(*given, loop="plain")


@pytest.mark.claim(
    "delay-lax-scan",
    "Outputs, final state and gradients of delays in and out of cycles are those of jax.lax.scan (relative, "
    "and absolute below 1)",
    tolerance=1e-9,
    reference="jax.lax.scan",
    components=("layer:Delay", "runner:LoopOverTime"),
)
@pytest.mark.parametrize("options", [{}, {"loop": "step"}, {"remat": 2}], ids=str)
@pytest.mark.parametrize(
    ("kind", "steps", "length"), [(Feedback, 3, 8), (Feedback, 0, 3), (Forward, 3, 8), (Forward, 5, 3), (Behind, 3, 8)]
)
def test_delays_in_and_out_of_loops(kind, steps, length, options, x64, measured):
    batched = length == 8
    expected = plain_outcome(kind, steps, length, batched)
    found = outcome(kind, steps, length, batched, **options)
    for a, b in zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True):
        measured.relative(a, b, floor=1.0)


def test_a_delay_that_nothing_feeds_back_is_a_shift_and_one_that_feeds_back_makes_blocks():
    model = Forward(dp.layers.Delay(3, 4.0), jnp.ones((3, 3)))
    loop = Loop(dt=1.0)
    plan = loop.explain(model, loop.start(model), jnp.zeros((12, 3)), 12)
    assert "with delay.buffer as a shift" in plan
    model = Feedback(dp.layers.Delay(3, 4.0), jnp.ones((3, 3)))
    plan = loop.explain(model, loop.start(model), jnp.zeros((12, 3)), 12)
    assert "a delay of 4 steps feeds back" in plan
    assert "in chunks of 4" in plan


DELAY = dp.layers.Delay(2, 2.0)


class Odd(dp.DynamicalSystem):
    """A delay that is told another time."""

    def init_state(self, ctx):
        return DELAY.init_state(ctx)

    def update(self, state, x, ctx):
        return DELAY.update(state, x, dp.Context(dt=1.0, i=2 * ctx.i))


class Skips(Odd):
    """A delay that is told the time by a clock of its own, which goes twice as fast."""

    def init_state(self, ctx):
        return {"delay": DELAY.init_state(ctx), "i": jnp.asarray(0, jnp.int32)}

    def update(self, state, x, ctx):
        delay, past = DELAY.update(state["delay"], x, dp.Context(dt=1.0, i=state["i"]))
        return {"delay": delay, "i": state["i"] + 2}, past


class Shows(Odd):
    """A delay whose buffer is read by others."""

    def update(self, state, x, ctx):
        state, past = DELAY.update(state, x, ctx)
        return state, past + sum(v.sum() for v in jax.tree.leaves(state))


@pytest.mark.parametrize("kind", [Odd, Skips, Shows])
def test_a_delay_that_is_not_carried_as_one_is_computed_like_anything_else(kind):
    loop, x = Loop(dt=1.0), jnp.arange(10.0).reshape(5, 2)
    results = [Loop(dt=1.0, loop=s).advance(kind(), loop.start(kind()), x, 5)[1][0] for s in ("auto", "plain")]
    np.testing.assert_array_equal(*results)


def test_errors():
    with pytest.raises(DurationError, match="over 1 %"):
        dp.LoopOverTime(dp.layers.Delay(2, 1.3), dt=0.5)(jnp.zeros((3, 2)))
    with pytest.raises(DurationError, match="-1"):
        dp.LoopOverTime(dp.layers.Delay(2, -1.0), dt=0.5)(jnp.zeros((3, 2)))
    with pytest.raises(ShapeError, match=r"\(2,\)"):
        dp.LoopOverTime(dp.layers.Delay(2, 1.0), dt=0.5)(jnp.zeros((3, 4)))


def test_the_dtype_of_its_values_may_be_another():
    _, y = dp.LoopOverTime(dp.layers.Delay(2, 1.0, dtype=jnp.int8), dt=1.0)(jnp.ones((3, 2)))
    assert y.dtype == jnp.int8
