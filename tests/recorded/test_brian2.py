"""Numbers of Brian2 2.9.0, recorded by `brian2_values.py`."""

from pathlib import Path

import jax.numpy as jnp
import numpy as np
import pytest

import dynplug as dp

FOUND = np.load(Path(__file__).with_name("brian2.npz"))
REFERENCE = "Brian2 2.9.0, tests/recorded/brian2_values.py"
DT = 0.1


@pytest.fixture
def runner(x64):
    cells = dp.neurons.LIF(4, tau=20.0, R=10.0, V_rest=-70.0, V_reset=-60.0, V_th=-50.0)
    runner = dp.DSRunner(cells, monitors=["V"], spikes=True, dt=DT, progress_bar=False)
    runner.run(200.0, inputs=FOUND["lif:current"])
    return runner


@pytest.mark.claim(
    "brian2-lif-times",
    "The spikes of LIF are in the steps in which Brian2 has them",
    tolerance=0.0,
    reference="Brian2 2.9.0, tests/recorded/brian2_values.py",
    components=("neuron:LIF",),
)
def test_spike_times(runner, measured):
    """Brian2 gives the start of the step in which the threshold is passed, dynplug's time stamps are its end."""
    order = np.lexsort((FOUND["lif:spike_cells"], FOUND["lif:spike_times"]))
    steps = np.rint(FOUND["lif:spike_times"][order] / DT).astype(int)
    events = runner.spikes["spike"]
    np.testing.assert_array_equal(events.i, FOUND["lif:spike_cells"][order])
    assert len(events) > 50
    measured.difference(np.rint(events.t / DT) - 1, steps)
    np.testing.assert_allclose(events.t, FOUND["lif:spike_times"][order] + DT, rtol=1e-12)
    np.testing.assert_allclose(runner.mon.ts[::10], FOUND["lif:V_times"] + DT)


@pytest.mark.claim(
    "brian2-lif",
    "LIF has the potentials of Brian2 over 2000 steps [mV]",
    tolerance=1e-10,
    reference="Brian2 2.9.0, tests/recorded/brian2_values.py",
    components=("neuron:LIF",),
)
def test_potentials(runner, measured):
    measured(np.max(np.abs(runner.mon["V"][::10] - FOUND["lif:V"])))


def driven_by_events(synapse):
    events = np.zeros((600, 1))
    events[np.rint(FOUND["events:times"] / DT).astype(int)] = 1.0
    cell = dp.neurons.LeakyIntegrator(1, tau=20.0, R=10.0)
    return dp.LoopOverTime(synapse >> cell, dt=DT)(jnp.asarray(events))[1][:, 0]


@pytest.mark.claim(
    "brian2-delta",
    "Events of Delta are Brian2's v_post += w [mV]",
    tolerance=1e-12,
    reference="Brian2 2.9.0, tests/recorded/brian2_values.py",
    components=("synapse:Delta",),
)
def test_events_that_jump(x64, measured):
    weight = dp.Lift(lambda x: 1.5 * x)
    measured(np.max(np.abs(driven_by_events(weight >> dp.synapses.Delta(1)) - FOUND["jump:V"])))


@pytest.mark.claim(
    "brian2-exponential",
    "Exponential synapses raise the potential as Brian2's g_post += w, one step earlier [mV]",
    tolerance=0.0001,
    reference="Brian2 2.9.0, tests/recorded/brian2_values.py",
    components=("synapse:Exponential",),
)
def test_events_of_an_exponential_current(x64, measured):
    """Brian2's events act from the next step on. Its solution is exact, where dynplug holds the mean over each step."""
    weight = dp.Lift(lambda x: 0.5 * x)
    V = driven_by_events(weight >> dp.synapses.Exponential(1, tau=5.0))
    assert np.max(FOUND["current:V"]) > 1.0
    measured(np.max(np.abs(V[:-1] - FOUND["current:V"][1:])))
