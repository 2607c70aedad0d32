"""Spikes that are recorded as events are those that happened, however a run is cut, batched, kept and broken off."""

import tempfile
from pathlib import Path
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

import dynplug as dp
import dynplug.run.ds_runner as ds_runner
from dynplug.errors import DataError, OptionError, UnknownNameError, UnknownPathError
from dynplug.run.spike_bits import pack, unpack
from dynplug.run.spike_records import SpikeRecorder

X = (np.random.default_rng(0).random((23, 5)) < 0.3).astype(np.float32)


class EchoState(eqx.Module):
    level: jax.Array
    spike: jax.Array | None = dp.discrete()
    released: jax.Array | None = dp.event()


class Echo(dp.DynamicalSystem):
    """A system whose spikes are its input, so that what is to be recorded is known without it."""

    size: tuple[int, ...] = eqx.field(static=True, default=(5,))

    def init_state(self, ctx: dp.Context) -> Any:
        zero = jnp.zeros(self.size, ctx.dtype)
        return EchoState(zero, zero, zero > 0)

    def update(self, state: Any, x: Any, ctx: dp.Context) -> Any:
        return EchoState(0.5 * state.level + x, x, x == 0), x


class Pair(dp.DynamicalSystem):
    """Two populations, one of which has a part called as its field is."""

    def init_state(self, ctx: dp.Context) -> Any:
        return {name: Echo().init_state(ctx) for name in ("E", "I")} | {"rest": jnp.zeros(2, ctx.dtype)}

    def update(self, state: Any, x: Any, ctx: dp.Context) -> Any:
        E, _ = Echo().update(state["E"], x, ctx)
        inhibitory, _ = Echo().update(state["I"], x[::-1], ctx)
        return {"E": E, "I": inhibitory, "rest": state["rest"]}, x


def runner(target=None, **options):
    defaults = {"spikes": True, "dt": 0.1, "progress_bar": False, "chunk": 4, "return_outputs": False}
    return dp.DSRunner(Echo() if target is None else target, **{**defaults, **options})


def same(events, spikes, *, t0=0.0, dt=0.1, first=0):
    """Assert that events are NumPy's nonzero entries of spikes (time, units) or (time, samples, units)."""
    step, *sample, unit = np.nonzero(spikes)
    np.testing.assert_array_equal(events.t, t0 + (first + step + 1) * dt)
    np.testing.assert_array_equal(events.i, unit)
    if sample:
        np.testing.assert_array_equal(events.sample, sample[0])
    assert events.start == t0 + first * dt
    assert events.stop == t0 + (first + len(spikes)) * dt


@pytest.mark.slow
@settings(max_examples=25, deadline=None)
@given(
    st.integers(0, 2**32 - 1),
    st.sampled_from([(1,), (63,), (4, 9)]),
    st.lists(st.integers(1, 15), min_size=1, max_size=3),
    st.sampled_from([1, 3, 5]),  # with what is left, five lengths of chunks, each of which is compiled
    st.sampled_from([1, 3, 40]),
    st.sampled_from([None, "T", "B"]),
    st.booleans(),
)
def test_events_are_what_happened_however_a_run_is_cut_batched_and_kept(seed, size, parts, chunk, every, axis, filed):
    rng = np.random.default_rng(seed)
    samples = () if axis is None else (3,)
    x = (rng.random((sum(parts), *samples, *size)) < rng.choice([0.02, 0.5, 1.0])).astype(np.float32)
    flat = x.reshape(len(x), *samples, -1)
    with tempfile.TemporaryDirectory() as folder:
        options = {"t0": 7.5, "chunk": chunk, "record_every": every, "data_first_axis": axis}
        r = runner(Echo(size), monitors=["spike"], record_to=folder if filed else None, **options)
        first = 0
        for steps in parts:
            now = slice(first, first + steps)
            r.run(inputs=x[now].swapaxes(0, 1) if axis == "B" else x[now])
            events = r.spikes["spike"]
            same(events, flat[now], t0=7.5, first=first)
            assert (events.shape, events.batch_size) == (size, samples[0] if samples else None)
            assert isinstance(events.t, np.memmap) == (filed and bool(flat[now].any()))
            first += steps
        if filed:
            np.testing.assert_array_equal(np.load(Path(folder) / "spikes" / "spike.i.npy"), np.nonzero(flat)[-1])


@pytest.mark.claim(
    "ds-runner-spikes",
    "The events of a network's populations are the nonzero entries of their dense records, each at the end of its step",
    tolerance=0.0,
    unit="ms",
    reference="NumPy's nonzero",
    components=("runner:DSRunner",),
)
@pytest.mark.parametrize("jit", [True, False])
def test_events_of_a_network_are_those_of_its_dense_records(jit, measured):
    k1, k2 = jax.random.split(jax.random.key(0))
    net = dp.Sequential(
        a=dp.neurons.LIF(40, tau=5.0, tau_ref=1.0),
        w=dp.layers.Dense(40, 33, key=k1),
        b=dp.Recurrent(dp.neurons.IF(33), dp.layers.Dense(33, 33, key=k2)),
    )
    spikes = {"first": "a", "second": "b.system.spike"}
    r = runner(net, spikes=spikes, monitors=["a.spike", "b.system.spike"], jit=jit, chunk=20, dt=0.5)
    r.run(30.0, inputs=np.linspace(0.5, 4.0, 40).astype(np.float32))
    for name, monitor in (("first", "a.spike"), ("second", "b.system.spike")):
        step, unit = np.nonzero(r.mon[monitor])
        assert len(step) > 20
        measured.difference(r.spikes[name].t, r.mon.ts[step])
        np.testing.assert_array_equal(r.spikes[name].i, unit)


pack_all = jax.jit(jax.vmap(jax.vmap(pack)))


@settings(max_examples=200, deadline=None)
@given(
    st.integers(0, 2**32 - 1),
    st.sampled_from([1, 30, 31, 32, 62, 63, 200]),
    st.integers(1, 2),
    st.sampled_from([0.0, 0.01, 0.3, 1.0]),
)
def test_bits_are_as_many_words_as_needed_and_give_back_what_they_were_made_of(seed, units, samples, share):
    spikes = np.random.default_rng(seed).random((4, samples, units)) < share
    words = np.asarray(pack_all(spikes))
    assert words.dtype == np.uint32
    assert words.shape == (4, samples, -(-units // 31))
    for found, expected in zip(unpack(words, units), np.nonzero(spikes), strict=True):
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("dtype", [bool, np.int8, np.int32, np.uint8, np.float16, np.float32])
def test_spikes_of_any_dtype(dtype):
    spikes = np.random.default_rng(3).integers(0, 2, (1, 1, 70)).astype(dtype)
    step, sample, unit = unpack(np.asarray(pack_all(spikes)), 70)
    np.testing.assert_array_equal(unit, np.nonzero(spikes)[2])
    assert not step.any()
    assert not sample.any()


@pytest.mark.parametrize("unit", [0, 61, 62, 69])
def test_a_strange_value_is_seen_wherever_it_is(unit):
    spikes = np.zeros((2, 1, 70), np.float32)
    spikes[1, 0, unit] = 3.0
    assert unpack(np.asarray(pack_all(spikes)), 70) is None


@pytest.mark.parametrize("value", [2.0, 0.5, -1.0, np.nan])
def test_what_is_no_event_is_refused_and_what_was_before_it_kept(value):
    x = X.copy()
    x[9, 3] = value
    r = runner()
    with pytest.raises(OptionError, match=r"'spike' has values other than 0 and 1 between 0\.8 and 1\.2 ms"):
        r.run(inputs=x)
    assert int(r.state.i) == 8
    same(r.spikes["spike"], X[:8])
    r.run(inputs=X[8:])
    same(r.spikes["spike"], X[8:], first=8)


@pytest.mark.parametrize(
    ("spikes", "found"),
    [
        (["E", "I"], {"E": "E.spike", "I": "I.spike"}),
        (("E.spike",), {"E.spike": "E.spike"}),
        ({"excitatory": "E", "quiet": "I.released"}, {"excitatory": "E.spike", "quiet": "I.released"}),
        (True, {"E": "E.spike", "I": "I.spike"}),
        (None, {}),
        (False, {}),
        ([], {}),
    ],
)
def test_populations_are_named_by_paths_of_systems_or_fields(spikes, found):
    r = runner(Pair(), spikes=spikes, monitors=["E.spike", "I.spike", "I.released"])
    r.run(inputs=X)
    assert list(r.spikes) == list(found)
    for name, path in found.items():
        same(r.spikes[name], np.asarray(r.mon[path]))


def test_spikes_are_attributes_too_and_unknown_ones_answered():
    r = runner(Pair(), spikes=["E"])
    assert r.spikes == {}
    with pytest.raises(UnknownNameError, match="and run"):
        r.spikes["E"]
    r.run(inputs=X)
    assert r.spikes.E is r.spikes["E"]
    with pytest.raises(UnknownNameError, match=r"spikes of 'e' are not recorded\. Did you mean 'E'"):
        r.spikes["e"]
    assert not hasattr(r.spikes, "__array__")


@pytest.mark.parametrize(
    ("target", "spikes", "error", "match"),
    [
        (Pair(), ["EE"], UnknownPathError, "no 'EE'. Did you mean 'E'"),
        (Pair(), ["E.spikes"], UnknownPathError, "Did you mean 'spike'"),
        (Pair(), ["rest"], UnknownPathError, "the state at 'rest' has no field 'spike'"),
        (Pair(), ["E.level"], UnknownPathError, "the state at 'E.level' has no field 'spike'"),
        (
            dp.Sequential(a=dp.Recurrent(dp.neurons.IF(2), dp.layers.Dense(2, 2, key=jax.random.key(0)))),
            ["a"],
            UnknownPathError,
            "the state at 'a' has no field 'spike'. Known: a.system",
        ),
        (dp.neurons.LeakyIntegrator(3), True, UnknownPathError, "no part of the model has a state with a field"),
        (Pair(), "E", OptionError, "spikes='E': give a list"),
        (Pair(), 3, OptionError, "spikes=3: give a list"),
        (Pair(), [3], OptionError, "3 is no path"),
        (Pair(), {"E": 0}, OptionError, "0 is no path"),
    ],
)
def test_mistakes_are_answered_when_the_runner_is_made(target, spikes, error, match):
    with pytest.raises(error, match=match):
        runner(target, spikes=spikes)


def test_a_restart_begins_at_step_zero_again():
    r = runner()
    r.run(inputs=X[:10])
    r.run(inputs=X, reset_state=True)
    same(r.spikes["spike"], X)
    r.reset_state()
    r.run(inputs=X[5:])
    same(r.spikes["spike"], X[5:])


def test_a_duration_of_a_batch_and_of_one_sample():
    cell = dp.neurons.LIF(6, tau=5.0)
    r = runner(cell, data_first_axis="B", monitors=["spike"])
    r.reset_state(2)
    r.run(4.0, inputs=np.linspace(2.0, 9.0, 6).astype(np.float32))
    same(r.spikes["spike"], np.asarray(r.mon["spike"]).swapaxes(0, 1))
    assert len(r.spikes["spike"][1]) == len(r.spikes["spike"]) / 2 > 0


@pytest.mark.parametrize("keeping", ["memory", "files"])
@pytest.mark.parametrize("place", ["advance", "block", "spikes", "rows"])
@pytest.mark.parametrize("call", [1, 2, 4])
def test_an_interrupt_keeps_the_events_of_what_was_run_and_the_run_goes_on(keeping, place, call, monkeypatch, tmp_path):
    where = {
        "advance": (ds_runner, "advance"),
        "block": (ds_runner.jax, "block_until_ready"),
        "spikes": (SpikeRecorder, "append"),
        "rows": ({"memory": ds_runner.OnDevice, "files": ds_runner.InFiles}[keeping], "append"),
    }[place]
    real, calls = getattr(*where), []

    def interrupted(*args):
        calls.append(1)
        if len(calls) == call:
            if place == "spikes":
                real(*args)  # stored, but nobody knows
            raise KeyboardInterrupt
        return real(*args)

    r = runner(record_to=tmp_path if keeping == "files" else None)
    with monkeypatch.context() as patch:
        patch.setattr(*where, interrupted)
        with pytest.raises(KeyboardInterrupt):
            r.run(inputs=X)
    done = int(r.state.i)
    assert done == 4 * (call - 1 if place == "advance" else call)
    same(r.spikes["spike"], X[:done])
    r.run(inputs=X[done:])
    same(r.spikes["spike"], X[done:], first=done)
    if keeping == "files":
        np.testing.assert_array_equal(np.load(tmp_path / "spikes" / "spike.i.npy"), np.nonzero(X)[1])


def test_files_are_never_written_over_and_a_saved_state_goes_on_in_them(tmp_path):
    r = runner(record_to=tmp_path, record_every=100)  # no row, so no other file
    r.run(inputs=X[:8])
    saved = r.state
    r.run(inputs=X[8:])  # and here the process dies
    assert {p.name for p in tmp_path.rglob("*.npy")} == {"spike.i.npy", "spike.t.npy"}
    with pytest.raises(DataError, match=r"spike\.i\.npy exists, and a new run would overwrite it"):
        runner(record_to=tmp_path).run(inputs=X)
    again = runner(record_to=tmp_path)
    again.state = saved
    again.run(inputs=X[8:12])
    same(again.spikes["spike"], X[8:12], first=8)
    step, unit = np.nonzero(X[:12])
    np.testing.assert_array_equal(np.load(tmp_path / "spikes" / "spike.t.npy"), (step + 1) * 0.1)
    np.testing.assert_array_equal(np.load(tmp_path / "spikes" / "spike.i.npy"), unit)


def test_silence_in_files(tmp_path):
    r = runner(record_to=tmp_path)
    r.run(inputs=0 * X)
    assert len(r.spikes["spike"]) == 0
    assert np.load(tmp_path / "spikes" / "spike.t.npy").shape == (0,)


def test_names_that_cannot_be_files_are_refused_only_where_they_would_be(tmp_path):
    runner(Pair(), spikes={"a/b": "E", "output": "I"})
    runner(Pair(), spikes={"output": "I"}, record_to=tmp_path)  # the output's file is in another folder
    with pytest.raises(OptionError, match="'a/b' is not a valid file name"):
        runner(Pair(), spikes={"a/b": "E"}, record_to=tmp_path)


def test_events_are_not_copied_when_they_are_read_from_files(tmp_path):
    r = runner(record_to=tmp_path)
    r.run(inputs=X)
    events = r.spikes["spike"]
    for array in (events.t, events.i, events.between(0.5, 1.5).t):
        assert isinstance(array, np.memmap)


def test_no_dense_array_of_spikes_leaves_the_loop():
    """A chunk of 3100 units sends the host a hundred words a step."""
    r = runner(dp.neurons.LIF(3100), chunk=10)
    seen = []
    real = SpikeRecorder.append

    def append(self, first, bits):
        seen.append({name: (np.asarray(words).shape, words.dtype) for name, words in bits.items()})
        real(self, first, bits)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(SpikeRecorder, "append", append)
        r.run(2.0, inputs=3.0)
    assert seen == [{"spike": ((10, 100), np.uint32)}] * 2
