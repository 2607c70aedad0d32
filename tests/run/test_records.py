"""Records: their contents, interval and storage, also if a run is interrupted."""

import os
import signal
import subprocess
import sys
import textwrap
import time

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from started import started

import dynplug as dp
import dynplug.run.ds_runner as ds_runner
from dynplug.errors import DataError, OptionError, UnknownNameError

X = np.asarray(jax.random.uniform(jax.random.key(0), (23, 3), maxval=4.0))


def runner(**options):
    defaults = {"monitors": ["V", "spike"], "dt": 0.5, "progress_bar": False, "chunk": 4}
    return dp.DSRunner(dp.neurons.LIF(3, tau=5.0), **{**defaults, **options})


def whole():
    r = runner(chunk=100)
    return r.run(inputs=X), r.mon


@pytest.mark.parametrize("every", [2, 3, 5, 7, 30])
def test_every_so_many_steps_counted_from_step_zero_through_runs(every):
    out, mon = whole()
    kept = slice(every - 1, None, every)
    count = np.add.reduceat(out, np.arange(0, 23, every))[: 23 // every]
    for chunk in (4, 100):
        r = runner(record_every=every, chunk=chunk)
        got = [(r.run(inputs=part), r.mon["V"], r.mon.ts) for part in (X[:9], X[9:])]
        parts = [np.concatenate(part) for part in zip(*got, strict=True)]
        for have, want in zip(parts, (count, mon["V"][kept], mon.ts[kept]), strict=True):
            np.testing.assert_allclose(have, want, rtol=1e-6)


def test_records_that_leave_the_device_are_the_same_and_no_view_of_it(monkeypatch):
    out, mon = whole()
    moved, real = [], ds_runner.OnHost.append

    def append(self, row, rows, times):
        moved.append(row)
        real(self, row, rows, times)

    monkeypatch.setattr(ds_runner.OnHost, "append", append)
    r = runner(memory_efficient=True)
    np.testing.assert_allclose(r.run(inputs=X), out, rtol=1e-6)
    np.testing.assert_allclose(r.mon["V"], mon["V"], rtol=1e-6)
    assert moved == [0, 4, 8, 12, 16, 20]  # chunk by chunk
    assert r.mon["V"].flags.writeable
    runner().run(inputs=X)
    assert len(moved) == 6


def test_numpy_or_the_device():
    assert isinstance(runner().run(inputs=X), np.ndarray)
    r = runner(numpy_mon_after_run=False)
    assert isinstance(r.run(inputs=X), jax.Array)
    assert isinstance(r.mon["V"], jax.Array)
    np.testing.assert_allclose(r.mon["V"], whole()[1]["V"], rtol=1e-6)
    for off in ({"memory_efficient": True}, {"record_to": "somewhere"}):
        with pytest.raises(OptionError, match="choose one"):
            runner(numpy_mon_after_run=False, **off)


def test_files_grow_with_the_run_and_go_on_with_the_next(tmp_path):
    out, mon = whole()
    folder = tmp_path / "deep" / "er"
    r = runner(record_to=folder)
    first = r.run(inputs=X[:9])
    V = r.mon["V"]
    assert isinstance(V, np.memmap)
    assert isinstance(first, np.memmap)
    second = r.run(inputs=X[9:])
    np.testing.assert_allclose(first, out[:9], rtol=1e-6)
    np.testing.assert_allclose(V, mon["V"][:9], rtol=1e-6)
    np.testing.assert_allclose(second, out[9:], rtol=1e-6)
    np.testing.assert_allclose(r.mon["spike"], mon["spike"][9:], rtol=1e-6)
    assert sorted(p.name for p in folder.iterdir()) == ["V.npy", "output.npy", "spike.npy", "ts.npy"]
    np.testing.assert_allclose(np.load(folder / "V.npy"), mon["V"], rtol=1e-6)
    np.testing.assert_allclose(np.load(folder / "output.npy"), out, rtol=1e-6)
    np.testing.assert_allclose(np.load(folder / "ts.npy"), mon.ts)


def test_files_are_never_written_over(tmp_path):
    r = runner(record_to=tmp_path)
    r.run(inputs=X)
    before = np.load(tmp_path / "V.npy")
    with pytest.raises(DataError, match="exists, and a new run would overwrite it"):
        r.run(inputs=X, reset_state=True)
    with pytest.raises(DataError, match="move it away"):
        runner(record_to=tmp_path).run(inputs=X)
    np.testing.assert_array_equal(np.load(tmp_path / "V.npy"), before)
    other = dp.DSRunner(dp.neurons.LIF(2), monitors=["V"], dt=0.5, record_to=tmp_path, progress_bar=False)
    other.state = dp.LoopOverTime(other.target, dt=0.5).reset_state(i0=23)
    with pytest.raises(DataError, match=r"holds 23 rows of float32\[3\]; this run has rows of float32\[2\]"):
        other.run(1.0)


def test_a_run_that_goes_back_to_a_saved_state_replaces_what_came_after_it(tmp_path):
    r = runner(record_to=tmp_path)
    r.run(inputs=X[:8])
    saved = r.state
    r.run(inputs=X[8:])  # and here the process dies
    again = runner(record_to=tmp_path)
    again.state = saved
    again.run(inputs=X[8:12])
    _, mon = whole()
    np.testing.assert_allclose(np.load(tmp_path / "V.npy"), mon["V"][:12], rtol=1e-6)
    np.testing.assert_allclose(np.load(tmp_path / "ts.npy"), mon.ts[:12])


def test_files_of_any_tree_and_any_number_of_rows(tmp_path):
    net = dp.Sequential(cell=dp.neurons.LIF(2), both=lambda x: {"x": x, "twice": (2.0 * x,)})
    monitors = {"all": "cell", "sum": lambda state: jnp.sum(state["cell"].V)}
    r = dp.DSRunner(net, monitors=monitors, dt=0.5, record_to=tmp_path, progress_bar=False, record_every=4)
    out = r.run(1.0)
    assert out["x"].shape == (0, 2)
    assert not list(tmp_path.iterdir())
    out = r.run(inputs=np.full((6, 2), 3.0, np.float32))
    names = {"all.V", "all.spike", "output.twice.0", "output.x", "sum", "ts"}
    assert {p.stem for p in tmp_path.iterdir()} == names
    assert out["twice"][0].shape == (2, 2)
    np.testing.assert_allclose(r.mon["sum"], r.mon["all"].V.sum(1), rtol=1e-6)
    np.testing.assert_allclose(r.mon.ts, [2.0, 4.0])


@pytest.mark.parametrize("name", ["output", "a/b", "..", ""])
def test_monitors_that_cannot_be_files_are_refused(name, tmp_path):
    with pytest.raises(OptionError, match="is not a valid file name"):
        runner(monitors={name: "V"} if name else {"": lambda state: state.V}, record_to=tmp_path)


def test_batches_in_files_are_time_first_and_come_back_as_asked(tmp_path):
    x = np.stack([X, 2 * X])
    plain, filed = runner(data_first_axis="B"), runner(data_first_axis="B", record_to=tmp_path)
    np.testing.assert_allclose(plain.run(inputs=x), filed.run(inputs=x), rtol=1e-6)
    assert filed.mon["V"].shape == (2, 23, 3)
    assert np.load(tmp_path / "V.npy").shape == (23, 2, 3)


def interrupt_at(monkeypatch, where, call):
    """Break off the `call`-th call of a function of the runner, and mend it."""
    real, calls = getattr(*where), []

    def interrupted(*args):
        calls.append(1)
        if len(calls) == call:
            raise KeyboardInterrupt
        return real(*args)

    monkeypatch.setattr(*where, interrupted)


@pytest.mark.parametrize("keeping", ["device", "host", "files"])
@pytest.mark.parametrize("place", ["advance", "block", "append"])
@pytest.mark.parametrize("call", [1, 2, 3, 5])
def test_an_interrupt_keeps_what_was_recorded_and_the_run_goes_on(keeping, place, call, monkeypatch, tmp_path):
    out, mon = whole()
    options = {"device": {}, "host": {"memory_efficient": True}, "files": {"record_to": tmp_path}}[keeping]
    recorder = {"device": ds_runner.OnDevice, "host": ds_runner.OnHost, "files": ds_runner.InFiles}[keeping]
    where = {
        "advance": (ds_runner, "advance"),
        "block": (ds_runner.jax, "block_until_ready"),
        "append": (recorder, "append"),
    }[place]
    r = runner(**options)
    with monkeypatch.context() as patch:
        interrupt_at(patch, where, call)
        with pytest.raises(KeyboardInterrupt):
            r.run(inputs=X)
    done = int(r.state.i)
    assert done == len(r.mon.ts) == 4 * (call - 1 if place == "advance" else call)  # a chunk under way is waited for
    if done:
        np.testing.assert_allclose(r.mon["V"], mon["V"][:done], rtol=1e-6)
    rest = r.run(inputs=X[done:])
    np.testing.assert_allclose(rest, out[done:], rtol=1e-6)
    np.testing.assert_allclose(r.mon.ts, mon.ts[done:])
    if keeping == "files":
        np.testing.assert_allclose(np.load(tmp_path / "V.npy"), mon["V"], rtol=1e-6)


def test_an_iterator_serves_a_run_that_was_broken_off(monkeypatch):
    out, _ = whole()
    r = runner(inputs=[("input", iter(X), "iter")])
    with monkeypatch.context() as patch:
        interrupt_at(patch, (ds_runner, "advance"), 3)
        with pytest.raises(KeyboardInterrupt):
            r.run(11.5)
    assert int(r.state.i) == 8
    np.testing.assert_allclose(r.run(7.5), out[8:], rtol=1e-6)


def test_records_of_an_interrupt_before_the_first_chunk_are_empty(monkeypatch):
    r = runner()
    interrupt_at(monkeypatch, (ds_runner, "advance"), 1)
    with pytest.raises(KeyboardInterrupt):
        r.run(inputs=X)
    assert len(r.mon["ts"]) == 0
    with pytest.raises(UnknownNameError):
        r.mon["V"]


CHILD = """
    import signal, sys, numpy as np, dynplug as dp
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs start with it ignored
    r = dp.DSRunner(dp.neurons.HH(200), monitors=["V"], dt=0.01, chunk=500, progress_bar=False, record_to=sys.argv[1])
    r.run(5.0, inputs=10.0)
    print("going", flush=True)
    try:
        r.run(100_000.0, inputs=10.0)
    except KeyboardInterrupt:
        done = int(r.state.i)
        assert len(r.mon["V"]) == len(r.mon.ts) == done - 500, (len(r.mon["V"]), done)
        r.run(1.0, inputs=10.0)
        print(done, flush=True)
"""


def wait_for_rows(child, folder, count=1500, seconds=120):
    """Wait until a process has written so many rows; stop it and fail if it ends before, or takes too long."""
    end = time.monotonic() + seconds
    while not (folder / "V.npy").exists() or np.load(folder / "ts.npy").size < count:
        if child.poll() is not None or time.monotonic() > end:
            child.kill()
            pytest.fail(f"fewer than {count} rows after {seconds} s, or the process ended: {child.poll()}")
        time.sleep(0.01)


@pytest.mark.skipif(not hasattr(signal, "SIGINT") or os.name != "posix", reason="signals of POSIX")
def test_ctrl_c_on_a_real_process(tmp_path):
    code = textwrap.dedent(CHILD)
    with started([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout.readline() == "going\n"
        wait_for_rows(child, tmp_path)
        child.send_signal(signal.SIGINT)
        told, _ = child.communicate()
    assert child.returncode == 0
    done = int(told)
    V, ts = np.load(tmp_path / "V.npy"), np.load(tmp_path / "ts.npy")
    assert len(V) == len(ts) == done + 100
    r = dp.DSRunner(dp.neurons.HH(200), monitors=["V"], dt=0.01, chunk=500, progress_bar=False)
    r.run((done + 100) * 0.01, inputs=10.0)
    np.testing.assert_allclose(V, r.mon["V"], atol=1e-3)
    np.testing.assert_allclose(ts, r.mon.ts)


@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
def test_files_are_whole_after_a_kill(tmp_path):
    command = [sys.executable, "-c", textwrap.dedent(CHILD), str(tmp_path)]
    with started(command, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout.readline() == "going\n"
        wait_for_rows(child, tmp_path)
        child.kill()
    rows = len(np.load(tmp_path / "ts.npy"))
    V = np.load(tmp_path / "V.npy")
    assert len(V) >= rows >= 1500
    assert np.isfinite(V).all()
    assert (V[rows - 1] != 0).all()
