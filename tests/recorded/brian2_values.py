"""Results of Brian2, written to `brian2.npz` beside this file; `test_brian2.py` compares dynplug with them.

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


PAIRS = {
    "model": "w : 1\ndx/dt = -x / (17 * ms) : 1 (event-driven)\ndy/dt = -y / (34 * ms) : 1 (event-driven)",
    "on_pre": "w = clip(w - 0.025 * y, 0, 1)\nx += 1",
    "on_post": "w = clip(w + 0.05 * x, 0, 1)\ny += 1",
}
TRIPLETS = {
    "model": """w : 1
        dr1/dt = -r1 / (16.8 * ms) : 1 (event-driven)
        dr2/dt = -r2 / (101 * ms) : 1 (event-driven)
        do1/dt = -o1 / (33.7 * ms) : 1 (event-driven)
        do2/dt = -o2 / (125 * ms) : 1 (event-driven)""",
    "on_pre": "w = clip(w - o1 * (0.01 + 0.004 * r2), 0, 1)\nr1 += 1\nr2 += 1",
    "on_post": "w = clip(w + r1 * (0.01 + 0.008 * o2), 0, 1)\no1 += 1\no2 += 1",
}
NEAREST = {**PAIRS, **{key: PAIRS[key].replace("+= 1", "= 1") for key in ("on_pre", "on_post")}}


def plasticity():
    """Weights between 4 and 3 units that spike at given times, of which some are the same, with a delay each."""
    numbers, steps = np.random.default_rng(3), 2000
    for side, units in (("pre", 4), ("post", 3)):
        found[f"plasticity:{side}"] = numbers.random((steps, units)) < 0.02
    found["plasticity:delay"] = numbers.integers(0, 16, (3, 4))  # steps
    found["plasticity:weight"] = numbers.uniform(0.2, 0.8, (3, 4))
    for name, rule in (("pairs", PAIRS), ("nearest", NEAREST), ("triplets", TRIPLETS)):
        b2.start_scope()
        groups = []
        for side in ("pre", "post"):
            step, unit = np.nonzero(found[f"plasticity:{side}"])
            size = found[f"plasticity:{side}"].shape[1]
            groups.append(b2.SpikeGeneratorGroup(size, unit, step * 0.1 * ms, dt=0.1 * ms))
        connections = b2.Synapses(*groups, **rule, dt=0.1 * ms)
        connections.connect()
        place = np.asarray(connections.j), np.asarray(connections.i)
        connections.w = found["plasticity:weight"][place]
        connections.pre.delay = found["plasticity:delay"][place] * 0.1 * ms
        trace = b2.StateMonitor(connections, "w", record=True, when="end", dt=10 * ms)
        b2.Network(*groups, connections, trace).run(steps * 0.1 * ms)
        weights = np.empty((len(trace.t) + 1, 3, 4))
        weights[(slice(None), *place)] = np.vstack([np.asarray(trace.w).T, np.asarray(connections.w)])
        found[f"plasticity:{name}"] = weights  # after the steps 0, 100, 200 ... and after the last


def short_term_plasticity():
    """The sums of what has arrived at 3 units, through the connections and spikes of `plasticity`."""
    b2.start_scope()
    step, unit = np.nonzero(found["plasticity:pre"])
    source = b2.SpikeGeneratorGroup(4, unit, step * 0.1 * ms, dt=0.1 * ms)
    target = b2.NeuronGroup(3, "total : 1", dt=0.1 * ms)
    connections = b2.Synapses(
        source,
        target,
        """w : 1
        du/dt = -u / (50 * ms) : 1 (event-driven)
        dx/dt = (1 - x) / (200 * ms) : 1 (event-driven)""",
        on_pre="u += 0.15 * (1 - u)\ntotal_post += w * u * x\nx -= u * x",
    )
    connections.connect()
    place = np.asarray(connections.j), np.asarray(connections.i)
    connections.w, connections.x = found["plasticity:weight"][place], 1
    connections.pre.delay = found["plasticity:delay"][place] * 0.1 * ms
    trace = b2.StateMonitor(target, "total", record=True, when="end", dt=10 * ms)
    b2.Network(source, target, connections, trace).run(200 * ms)
    found["short_term:total"] = np.asarray(trace.total).T  # after the steps 0, 100, 200 ...


if __name__ == "__main__":
    integrate_and_fire()
    synapses()
    plasticity()
    short_term_plasticity()
    packages = {name: version(name) for name in ("brian2", "numpy")}
    found["made_with"] = np.array(str({"python": sys.version.split()[0], **packages}))
    np.savez_compressed(Path(__file__).with_name("brian2.npz"), **found)
