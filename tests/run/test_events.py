"""No spike is lost where not every step is recorded."""

import dataclasses
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

import dynplug as dp
from dynplug.core import events
from dynplug.errors import StateError
from dynplug.run import chunked as chunks

STEPS = 60
X = np.asarray(jax.random.uniform(jax.random.key(1), (STEPS, 2, 3), maxval=4.0))


class SynapseState(eqx.Module):
    g: jax.Array
    released: jax.Array | None = dp.event()
    count: jax.Array | None = dp.discrete()


class Releasing(dp.DynamicalSystem):
    """Somebody's system: it declares an event, puts out another, and counts its steps."""

    def init_state(self, ctx: dp.Context) -> Any:
        return SynapseState(jnp.zeros(3, ctx.dtype), jnp.zeros(3, bool), jnp.zeros((), jnp.int32))

    def update(self, state: Any, x: Any, ctx: dp.Context) -> Any:
        released = x > 0
        return SynapseState(0.5 * state.g + x, released, state.count + 1), (released, 2.0 * x)


def cell():
    return dp.neurons.LIF(3, tau=5.0)


def network():
    return dp.Sequential(a=cell(), pick=lambda s: 3.0 * s[:2], b=dp.neurons.IF(2))


MONITORS = {
    "V": "V",
    "spike": "spike",
    "two": ("spike", [2, 0]),
    "one": ("spike", 1),
    "most": ("spike", slice(1, None)),
}


def record(target, every, parts=(STEPS,), x=X[:, 0], monitors=MONITORS, **options):
    """All rows of runs one after the other, and the runner."""
    options = {"dt": 0.5, "progress_bar": False, "chunk": 16, **options}
    r = dp.DSRunner(target, monitors=monitors, record_every=every, **options)
    got, start = [], 0
    for steps in parts:
        out = r.run(
            inputs=x[:, start : start + steps] if options.get("data_first_axis") == "B" else x[start : start + steps]
        )
        got.append((out, dict(r.mon)))
        start += steps
    axis = 1 if options.get("data_first_axis") == "B" else 0
    return jax.tree.map(lambda *rows: np.concatenate([np.asarray(a) for a in rows], axis), *got), r


def counted(rows, every, axis=0):
    """The sums of each step's rows over whole intervals, by NumPy."""
    rows = np.moveaxis(rows, axis, 0)
    sums = [rows[k : k + every].sum(0) for k in range(0, len(rows) - every + 1, every)]
    return np.moveaxis(np.array(sums).reshape(-1, *rows.shape[1:]), 0, axis)


@pytest.fixture(scope="module")
def each_step():
    return record(cell(), 1)[0]


@pytest.mark.claim(
    "ds-runner-events",
    "No spike is lost or counted twice where only each second, seventh or twenty-fifth step is recorded",
    tolerance=0.0,
    unit="spikes",
    reference="NumPy's sums of all steps",
    components=("runner:DSRunner",),
)
@pytest.mark.parametrize("where", ["device", "numpy", "host", "files"])
@pytest.mark.parametrize("every", [2, 7, 25])
def test_spikes_are_counted_and_potentials_sampled(each_step, where, every, tmp_path, measured):
    options = {
        "device": {"numpy_mon_after_run": False},
        "numpy": {},
        "host": {"memory_efficient": True},
        "files": {"record_to": tmp_path},
    }[where]
    out, mon = each_step
    (found, seen), _ = record(cell(), every, (13, 20, 27), **options)
    assert out.sum() > 10
    measured.difference(found, counted(out, every))
    for name in MONITORS:
        expected = mon["V"][every - 1 :: every] if name == "V" else counted(mon[name], every)
        np.testing.assert_allclose(seen[name], expected, rtol=1e-6)
    if where == "files":
        np.testing.assert_array_equal(np.load(tmp_path / "spike.npy"), seen["spike"])


@pytest.mark.slow
@settings(max_examples=30, deadline=None)
@given(  # few numbers, as each is a shape that is compiled
    st.sampled_from([2, 3, 7, 12]),
    st.lists(st.sampled_from([1, 2, 5, 11]), min_size=1, max_size=6),
    st.integers(0, 2**32 - 1),
)
def test_nothing_is_lost_and_nothing_counted_twice_however_steps_are_cut(every, parts, seed):
    happened = np.random.default_rng(seed).integers(0, 2, (sum(parts), 2)).astype(np.float32)
    state, start, found = chunks.RunState(jnp.asarray(0), None), 0, []
    for steps in parts:
        offset = min((-start - 1) % every, steps)
        rows = chunks.Rows(jnp.asarray(happened[start : start + steps]), None)
        thinned = chunks._thinned(dataclasses.replace(state, events=None), rows, steps, offset, every)
        state, rows = thinned if state.events is None else chunks._go_on(state.events, *thinned)
        found.append(rows.counted)
        start += steps
    np.testing.assert_array_equal(np.concatenate(found), counted(happened, every))
    waiting = 0.0 if state.events is None else state.events
    np.testing.assert_array_equal(np.concatenate(found).sum(0) + waiting, happened.sum(0))
    assert (state.events is None) == (start % every == 0)


def test_a_run_that_ends_with_a_record_leaves_nothing_to_count():
    assert record(cell(), 7, (28,))[1].state.events is None
    assert record(cell(), 7, (20, 8))[1].state.events is None
    assert record(cell(), 7, (20,))[1].state.events is not None


@pytest.mark.parametrize("axis", ["T", "B"])
def test_batches(axis):
    x = np.swapaxes(X, 0, 1) if axis == "B" else X
    time = 1 if axis == "B" else 0
    out, mon = record(cell(), 1, x=x, data_first_axis=axis)[0]
    found, seen = record(cell(), 7, (25, 35), x=x, data_first_axis=axis)[0]
    np.testing.assert_array_equal(found, counted(out, 7, time))
    np.testing.assert_array_equal(seen["most"], counted(mon["most"], 7, time))


def test_what_counts_in_a_model_of_parts():
    """A part's whole state is seen by leaves; a function sees one step; what is computed from spikes is a value."""
    monitors = {"a": "a", "b": "b.spike", "is": lambda s: s["a"].spike, "sum": lambda s: s["a"].spike.sum()}
    out, mon = record(network(), 1, monitors=monitors)[0]
    found, seen = record(network(), 4, (30, 30), monitors=monitors)[0]
    np.testing.assert_array_equal(found, counted(out, 4))
    np.testing.assert_array_equal(seen["a"].spike, counted(mon["a"].spike, 4))
    np.testing.assert_allclose(seen["a"].V, mon["a"].V[3::4], rtol=1e-6)
    np.testing.assert_array_equal(seen["b"], counted(mon["b"], 4))
    np.testing.assert_array_equal(seen["is"], seen["a"].spike)
    np.testing.assert_array_equal(seen["sum"], mon["sum"][3::4])


def test_what_a_state_declares_is_counted_booleans_as_numbers():
    monitors = ["g", "released", "count"]
    x = X[:, 0] - 2.0
    out, mon = record(Releasing(), 1, x=x, monitors=monitors)[0]
    (released, twice), seen = record(Releasing(), 6, (31, 29), x=x, monitors=monitors)[0]
    assert out[0].dtype == bool
    assert released.dtype == seen["released"].dtype == np.int32
    np.testing.assert_array_equal(released, counted(out[0].astype(int), 6))
    np.testing.assert_array_equal(seen["released"], released)
    np.testing.assert_array_equal(twice, out[1][5::6])
    np.testing.assert_array_equal(seen["count"], np.arange(6, 61, 6))
    np.testing.assert_allclose(seen["g"], mon["g"][5::6])


def test_events_of_a_state_by_path():
    class Odd(eqx.Module):
        V: Any
        spike: Any = dp.discrete()
        jumps: Any = dp.event()

    state = {"a": Odd(1.0, 2.0, (3.0, 4.0)), "spike": Odd(5.0, None), "b": {"spike": 6.0, "x": 7.0}}
    assert events(state) == {"a.spike": 2.0, "a.jumps.0": 3.0, "a.jumps.1": 4.0, "b.spike": 6.0}
    assert dp.continuous(state["a"]).jumps is None


def test_a_state_goes_on_where_it_was_saved():
    (whole, _), _ = record(cell(), 7)
    (first, _), r = record(cell(), 7, (24,))
    saved = r.state
    r.run(inputs=X[24:40, 0])
    r.state = saved
    rest = r.run(inputs=X[24:, 0])
    np.testing.assert_array_equal(np.concatenate([first, rest]), whole)
    r.run(inputs=X[:, 0], reset_state=True)
    assert int(r.state.i) == STEPS


def test_a_state_of_a_runner_with_other_monitors_is_refused_in_the_midst_of_an_interval():
    _, r = record(cell(), 7, (24,))
    other = dp.DSRunner(cell(), record_every=7, dt=0.5, progress_bar=False)
    other.state = r.state
    with pytest.raises(StateError, match="other monitors"):
        other.run(inputs=X[24:, 0])
    other.state = dataclasses.replace(r.state, events=None)
    assert len(other.run(inputs=X[24:, 0])) == 5


@pytest.mark.slow
def test_chunks_of_one_size_are_one_program(monkeypatch):
    traced, real = [], chunks.Parted.update
    monkeypatch.setattr(chunks.Parted, "update", lambda *args: (traced.append(1), real(*args))[1])
    record(cell(), 4, (16,), monitors=["spike"])
    once = len(traced)
    jax.clear_caches()
    traced.clear()
    record(cell(), 4, (16, 16, 16), monitors=["spike"])
    assert len(traced) == once
