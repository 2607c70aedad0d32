"""What Brian2 computes, written to `brian2.npz` beside this file; `test_brian2.py` compares dynplug with it.

    python -m venv brian2 && brian2/bin/pip install 'brian2==2.9.0' 'numpy<2.3' setuptools
    brian2/bin/python tests/recorded/brian2_values.py

The versions that made the file are in its entry `made_with`. All is in double precision.
"""

import sys
from importlib.metadata import version
from pathlib import Path

import brian2 as b2
import numpy as np
from brian2 import Mohm, ms, mV, nA

b2.prefs.codegen.target = "numpy"
found: dict[str, np.ndarray] = {}


def integrate_and_fire():
    """Four cells under constant currents, solved exactly within each step of 0.1 ms."""
    b2.start_scope()
    cells = b2.NeuronGroup(
        4,
        "dv/dt = (v_rest - v + R * I) / tau : volt\nI : amp",
        threshold="v >= v_th",
        reset="v = v_reset",
        method="exact",
        dt=0.1 * ms,
        namespace={"v_rest": -70 * mV, "R": 10 * Mohm, "tau": 20 * ms, "v_th": -50 * mV, "v_reset": -60 * mV},
    )
    cells.v, cells.I = -70 * mV, [1.9, 2.1, 3.0, 8.0] * nA
    spikes, trace = b2.SpikeMonitor(cells), b2.StateMonitor(cells, "v", record=True, when="end")
    b2.run(200 * ms)
    found["lif:current"] = np.asarray(cells.I / nA)
    found["lif:V"] = np.asarray(trace.v / mV).T[::10]
    found["lif:V_times"] = np.asarray(trace.t / ms)[::10]
    found["lif:spike_cells"], found["lif:spike_times"] = np.asarray(spikes.i), np.asarray(spikes.t / ms)


def synapses():
    """A cell that receives events as jumps of the potential and as jumps of an exponential current."""
    times = np.array([5.0, 5.3, 12.0, 30.0])
    found["events:times"] = times
    for name, model, on_event in (
        ("jump", "dv/dt = -v / tau : volt", "v_post += 1.5 * mV"),
        ("current", "dv/dt = (-v + R * g) / tau : volt\ndg/dt = -g / tau_g : amp", "g_post += 0.5 * nA"),
    ):
        b2.start_scope()
        cell = b2.NeuronGroup(
            1, model, method="exact", dt=0.1 * ms, namespace={"tau": 20 * ms, "R": 10 * Mohm, "tau_g": 5 * ms}
        )
        source = b2.SpikeGeneratorGroup(1, np.zeros(4, int), times * ms, dt=0.1 * ms)
        connection = b2.Synapses(source, cell, on_pre=on_event)
        connection.connect()
        trace = b2.StateMonitor(cell, "v", record=True, when="end")
        b2.run(60 * ms)
        found[f"{name}:V"] = np.asarray(trace.v / mV)[0]


if __name__ == "__main__":
    integrate_and_fire()
    synapses()
    packages = {name: version(name) for name in ("brian2", "numpy")}
    found["made_with"] = np.array(str({"python": sys.version.split()[0], **packages}))
    np.savez_compressed(Path(__file__).with_name("brian2.npz"), **found)
