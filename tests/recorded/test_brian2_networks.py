"""Networks spike for spike against Brian2 2.9.0, recorded by `brian2_network_values.py`."""

import dataclasses
from pathlib import Path

import diffrax
import numpy as np
import pytest

import dynplug as dp

FOUND = np.load(Path(__file__).with_name("brian2_networks.npz"))
EDGES = {name: FOUND[f"edges:{name}"] for name in ("pre", "post", "weight", "delay", "unit")}
DT, STEPS = 0.1, 600
MIXED = (1, 2, 15)
PARTS = {"E": slice(0, 20), "I": slice(20, 25)}


def currents():
    return dp.synapses.Exponential(tau=5.0), dp.synapses.Exponential(tau=10.0)


def conductances():
    excitation, inhibition = dp.synapses.COBA(0.0), dp.synapses.COBA(-80.0)
    return dp.synapses.Exponential(tau=5.0, output=excitation), dp.synapses.Exponential(tau=10.0, output=inhibition)


def jumps():
    return dp.synapses.Delta(), dp.synapses.Delta()


def lif(tau_ref=0.0):
    return dp.neurons.LIF(25, tau=20.0, V_rest=-60.0, V_th=-50.0, tau_ref=tau_ref), (12.0, 24.0), (-60.0, -50.5)


def adex(tau_ref=0.0):
    return dp.neurons.AdExIF(25, tau_ref=tau_ref, integrator=diffrax.Midpoint()), (0.6, 2.0), (-70.0, -52.0)


def izhikevich():
    return dp.neurons.Izhikevich(25, integrator=diffrax.Midpoint()), (6.0, 20.0), (-65.0, -55.0)


def hh():
    return dp.neurons.HH(25), (6.0, 14.0), (-65.0, -60.0)


CASES = {
    "lif-current-1": (lif(), currents(), (5.0, -10.0), (1,)),
    "lif-current-2": (lif(), currents(), (5.0, -10.0), (2,)),
    "lif-current-15": (lif(), currents(), (5.0, -10.0), (15,)),
    "lif-current": (lif(2.0), currents(), (5.0, -10.0), MIXED),
    "lif-conductance": (lif(), conductances(), (0.15, 0.6), MIXED),
    "lif-refractory": (lif(5.0), conductances(), (0.15, 0.6), MIXED),
    "lif-jumps": (lif(2.0), jumps(), (1.5, -3.0), MIXED),
    "adex": (adex(), conductances(), (0.01, 0.04), MIXED),
    "adex-refractory": (adex(2.0), conductances(), (0.01, 0.04), MIXED),
    "izhikevich": (izhikevich(), currents(), (3.0, -5.0), MIXED),
    "hh": (hh(), conductances(), (0.05, 0.2), MIXED),
}


def network(case):
    """The network of a case, and its input."""
    (neuron, current, V), synapses, weights, delays = CASES[case]
    steps = np.array(delays)[EDGES["delay"] % len(delays)]
    V_init = V[0] + (V[1] - V[0]) * EDGES["unit"][::-1]
    current = current[0] + (current[1] - current[0]) * EDGES["unit"]
    nodes = {n: dataclasses.replace(neuron.with_size(len(V_init[s])), V_init=V_init[s]) for n, s in PARTS.items()}
    edges = {}
    for (source, weight), synapse in zip(zip("EI", weights, strict=True), synapses, strict=True):
        for target in PARTS:
            a, b = PARTS[source], PARTS[target]
            mine = (EDGES["pre"] >= a.start) & (EDGES["pre"] < a.stop)
            mine &= (EDGES["post"] >= b.start) & (EDGES["post"] < b.stop)
            edges[f"{source}{target}"] = dp.Projection(
                source,
                target,
                (EDGES["pre"][mine] - a.start, EDGES["post"][mine] - b.start),
                weight=weight * EDGES["weight"][mine],
                delay=DT * steps[mine],
                synapse=synapse,
            )
    return dp.Network(nodes, edges), {n: current[s] for n, s in PARTS.items()}


@pytest.fixture(scope="module")
def runs():
    """Each case once."""
    return {}


def run(case, runs):
    if case not in runs:
        net, current = network(case)
        runner = dp.DSRunner(net, dt=DT, monitors=["E.V", "I.V"], spikes=["E", "I"], progress_bar=False)
        runner.run(STEPS * DT, inputs=current)
        step = np.concatenate([np.rint(runner.spikes[n].t / DT).astype(int) - 1 for n in PARTS])
        cell = np.concatenate([runner.spikes[n].i + s.start for n, s in PARTS.items()])
        order = np.lexsort((cell, step))
        runs[case] = step[order], cell[order], np.concatenate([runner.mon["E.V"], runner.mon["I.V"]], 1)
    return runs[case]


@pytest.mark.parametrize("case", CASES)
@pytest.mark.claim(
    "brian2-network-spikes",
    "Networks of 20 excitatory and 5 inhibitory units spike in the steps in which Brian2's do: LIF with currents, "
    "conductances and jumps, AdEx, Izhikevich and Hodgkin-Huxley, with delays of 1, 2 and 15 steps and refractory "
    "periods [steps]",
    tolerance=0.0,
    reference="Brian2 2.9.0, tests/recorded/brian2_network_values.py",
    components=(
        "neuron:LIF",
        "neuron:AdExIF",
        "neuron:Izhikevich",
        "neuron:HH",
        "synapse:Exponential",
        "synapse:Delta",
    ),
)
def test_spikes(case, x64, runs, measured):
    step, cell, _ = run(case, runs)
    theirs, cells = FOUND[f"{case}:step"], FOUND[f"{case}:cell"]
    order = np.lexsort((cells, theirs))
    np.testing.assert_array_equal(cell, cells[order])
    assert len(cell) > 40
    measured(np.max(np.abs(step - theirs[order])))


@pytest.mark.parametrize("case", CASES)
@pytest.mark.claim(
    "brian2-network-potentials",
    "The potentials of these networks are Brian2's over 600 steps [mV]",
    tolerance=1e-7,
    reference="Brian2 2.9.0, tests/recorded/brian2_network_values.py",
    components=(
        "neuron:LIF",
        "neuron:AdExIF",
        "neuron:Izhikevich",
        "neuron:HH",
        "synapse:Exponential",
        "synapse:Delta",
    ),
)
def test_potentials(case, x64, runs, measured):
    _, _, V = run(case, runs)
    measured(np.max(np.abs(V[19::20] - FOUND[f"{case}:V"])))
