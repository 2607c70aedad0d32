"""The loop over time against a plain Python loop, for random systems."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

import dynplug as dp
from dynplug.errors import DurationError, StateError
from dynplug.timeloop import Loop, RunState, step_count

pytestmark = pytest.mark.quick


class Probe(dp.DynamicalSystem):
    """Puts out all that a step is told."""

    def init_state(self, ctx):
        return {"sum": jnp.zeros((), ctx.dtype)}

    def update(self, state, x, ctx):
        noise = jnp.zeros(()) if ctx.key is None else jax.random.normal(ctx.key)
        total = state["sum"] + (0.0 if x is None else x)
        return {"sum": total}, {"t": ctx.t, "i": ctx.i, "noise": noise, "sum": total}


@settings(max_examples=30, deadline=None)
@given(
    n=st.integers(1, 12),
    i0=st.integers(0, 10_000),
    dt=st.sampled_from([0.01, 0.1, 0.5, 1.0]),
    t0=st.sampled_from([0.0, -5.0, 100.0]),
)
def test_time_is_computed_from_the_index(n, i0, dt, t0):
    loop = Loop(dt, t0)
    state, (out, _) = loop.advance(Probe(), loop.start(Probe(), i0=i0), None, n)
    i = i0 + np.arange(n)
    np.testing.assert_array_equal(out["i"], i)
    np.testing.assert_allclose(out["t"], t0 + i * dt, rtol=1e-6, atol=1e-5)
    assert int(state.i) == i0 + n


def test_time_does_not_drift_over_a_million_steps():
    loop = Loop(0.01)
    state = RunState(jnp.asarray(1_000_000, jnp.int32), Probe().init_state(dp.Context(dt=0.01)))
    _, (out, _) = loop.advance(Probe(), state, None, 2)
    np.testing.assert_allclose(out["t"], [10_000.0, 10_000.01], rtol=1e-7)


@eqx.filter_jit
def updated(system, state, x, dt, i, key):
    return system.update(state, x, dp.Context(dt=dt, t=i * dt, i=i, key=key, fit=True))


def reference(system, xs, dt, key, batch):
    """Step by step in Python, sample by sample."""
    outs = []
    for b in range(batch):
        state, rows = system.init_state(dp.Context(dt=dt)), []
        for i in range(len(xs)):
            step_key = jax.random.split(jax.random.fold_in(key, i), batch)[b]
            state, out = updated(system, state, xs[i, b], dt, jnp.asarray(i), step_key)
            rows.append(out)
        outs.append(jnp.stack(rows))
    return jnp.stack(outs, axis=1)


def test_a_batch_is_each_sample_alone(getkey):
    net = (
        dp.layers.Dense(3, 8, key=getkey(), W_initializer=dp.initializers.Normal(3.0))
        >> dp.synapses.Exponential(8)
        >> dp.neurons.ALIF(8, tau=5.0)
        >> dp.layers.Dropout(0.3)
        >> dp.layers.GRUCell(8, 4, key=getkey())
    )
    xs, key = jax.random.normal(getkey(), (7, 2, 3)), getkey()
    loop = Loop(0.5, batched=True, fit=True)
    _, (out, _) = loop.advance(net, loop.start(net, batch_size=2), xs, 7, key=key)
    np.testing.assert_allclose(out, reference(net, xs, 0.5, key, 2), rtol=2e-5, atol=1e-6)


@eqx.filter_jit  # as many programs as there are lengths
def advanced(loop, state, xs, key):
    return loop.advance(Probe(), state, xs, len(xs), key=key)


@settings(max_examples=20, deadline=None)
@given(cuts=st.sets(st.integers(1, 6)))
def test_a_run_in_pieces_is_the_run_in_one(cuts):
    loop, key = Loop(0.1), jax.random.key(3)
    start = loop.start(Probe())
    whole_state, (whole, _) = advanced(loop, start, np.arange(7.0, dtype=np.float32), key)
    state, pieces = start, []
    for xs in np.split(np.arange(7.0, dtype=np.float32), sorted(cuts)):
        state, (out, _) = advanced(loop, state, xs, key)
        pieces.append(out)
    joined = jax.tree.map(lambda *p: np.concatenate(p), *pieces)
    for a, b in zip(jax.tree.leaves((whole, whole_state)), jax.tree.leaves((joined, state)), strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_held_input_is_the_same_at_every_step():
    loop = Loop(1.0)
    _, (out, _) = loop.advance(Probe(), loop.start(Probe()), jnp.asarray(2.0), 4, hold=True)
    np.testing.assert_array_equal(out["sum"], [2.0, 4.0, 6.0, 8.0])


def test_samples_of_a_batch_and_steps_have_randomness_of_their_own():
    loop = Loop(1.0, batched=True)
    _, (out, _) = loop.advance(Probe(), loop.start(Probe(), batch_size=3), None, 4, key=jax.random.key(0))
    assert len(np.unique(out["noise"])) == 12


class Drifting(dp.DynamicalSystem):
    """A system that breaks the contract: what its state becomes is up to the test."""

    new: object = eqx.field(static=True)

    def init_state(self, ctx):
        return {"V": jnp.zeros(3), "n": jnp.zeros((), jnp.int32)}

    def update(self, state, x, ctx):
        return self.new(state), None


@pytest.mark.parametrize(
    ("new", "said"),
    [
        (lambda s: {**s, "V": s["V"].astype(jnp.float16)}, r"'V' goes from float32\[3\] to float16\[3\]"),
        (lambda s: {**s, "V": s["V"][:2]}, r"'V' goes from float32\[3\] to float32\[2\]"),
        (lambda s: {"V": s["V"]}, r"appear or disappear: \['n'\]"),
        (lambda s: {**s, "extra": s["V"]}, r"appear or disappear: \['extra'\]"),
    ],
)
def test_a_state_that_changes_is_named(new, said):
    with pytest.raises(StateError, match=said):
        dp.LoopOverTime(Drifting(new), dt=1.0)(3.0)


@pytest.mark.parametrize(
    ("duration", "dt", "n"), [(0.3, 0.1, 3), (0.6, 0.1, 6), (0.7, 0.1, 7), (100.0, 0.01, 10_000), (1.0, 1.0, 1)]
)
def test_durations_are_rounded_to_steps_and_none_is_lost(duration, dt, n):
    assert step_count(duration, dt) == n


@pytest.mark.parametrize("duration", [0.0, -1.0, 0.25, float("nan"), float("inf")])
def test_durations_that_make_no_whole_number_of_steps_are_refused(duration):
    with pytest.raises(DurationError, match="whole number of steps"):
        step_count(duration, 0.1)


def test_states_take_the_dtype_of_parameters(x64):
    single = dp.layers.Dense(2, 3, W_initializer=jnp.ones((3, 2), jnp.float32), b_initializer=None)
    for weight, dtype in ((single, jnp.float32), (dp.layers.Dense(2, 3, W_initializer=1.0), jnp.float64)):
        net = weight >> dp.neurons.LIF(3)
        state, out = dp.LoopOverTime(net, dt=1.0)(np.ones((4, 2)))
        assert out.dtype == state["1.V"].dtype == dtype
