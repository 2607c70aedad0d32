"""Records are copied to the host in the background, while the device computes the next chunk."""

import jax
import numpy as np
import pytest

import dynplug as dp
from dynplug.run import ds_runner, records, spike_records


@pytest.fixture
def calls(monkeypatch):
    """The order in which a run dispatches chunks, begins copies and reads them, and what is copied."""
    order, copied = [], []

    def noted(where, name, note):
        original = getattr(where, name)

        def call(*args, **kwargs):
            order.append(note)
            if note == "copy":
                copied.append(args[0])
            return original(*args, **kwargs)

        monkeypatch.setattr(where, name, call)

    noted(ds_runner, "advance", "dispatch")
    noted(ds_runner, "copy_in_background", "copy")
    noted(spike_records.SpikeRecorder, "append", "read")
    for recorder in (records.OnDevice, records.OnHost):
        noted(recorder, "append", "read")
    return order, copied


def run(**options):
    runner = dp.DSRunner(
        dp.neurons.LIF(40, tau=10.0), monitors=["V"], spikes=True, dt=1.0, chunk=10, progress_bar=False, **options
    )
    runner.run(30.0, inputs=30.0)
    return runner


@pytest.mark.parametrize("memory_efficient", [False, True])
def test_a_chunk_is_read_after_the_next_one_was_dispatched(memory_efficient, calls):
    order, copied = calls
    run(memory_efficient=memory_efficient)
    assert order == ["dispatch", "copy", *["dispatch", "copy", "read", "read"] * 2, "read", "read"]
    # At most two chunks' worth are copied at a time: each chunk's own rows, and nothing else.
    spikes, flags, rows = copied[0]
    assert jax.tree.map(np.shape, rows) == (None, {"V": (10, 40)})
    assert [(a.shape, a.dtype.name) for a in jax.tree.leaves(spikes)] == [((10, 2), "uint32")]  # 31 bits in a word
    assert flags.shape == (2,)


def test_records_that_stay_on_the_device_are_not_copied(calls):
    _, copied = calls
    runner = run(numpy_mon_after_run=False)
    assert isinstance(runner.mon["V"], jax.Array)
    assert all(rows is None for _, _, rows in copied)
    assert all(jax.tree.leaves(spikes) for spikes, _, _ in copied)


def test_chunks_give_bit_by_bit_what_one_of_all_steps_gives():
    """Whatever was copied meanwhile is of its own chunk."""
    whole = dp.DSRunner(dp.neurons.LIF(40, tau=10.0), monitors=["V"], dt=1.0, progress_bar=False, return_outputs=False)
    whole.run(30.0, inputs=30.0)
    for options in ({}, {"memory_efficient": True}):
        np.testing.assert_array_equal(run(**options).mon["V"], whole.mon["V"])
