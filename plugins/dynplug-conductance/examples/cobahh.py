"""A network of 4000 Hodgkin-Huxley neurons with conductances as synapses, whose activity sustains itself.

    python cobahh.py [FOLDER]

Benchmark 3 of Brette, R. et al. (2007), Simulation of networks of spiking neurons: a review of tools and strategies,
doi:10.1007/s10827-007-0038-6, with the channels of Traub & Miles. A neuron has an area of 20,000 µm², over which the
conductances of 6 nS and 67 nS that a spike opens are spread.
"""

import sys
from pathlib import Path

import jax
import numpy as np
from dynplug_conductance import K, Leak, Na, Soma

import dynplug as dp

DT, AREA = 0.05, 2e-4  # [ms], [cm²]
PER_NS = 1e-6 / AREA  # a conductance of 1 nS [mS/cm²]


def network(key: jax.Array, size: int = 4000, probability: float = 0.02) -> dp.Network:
    """Excitatory and inhibitory neurons, four to one."""
    connections, start = jax.random.split(key)
    V = -65.0 + 5.0 * np.asarray(jax.random.normal(start, (size,)))
    channels = Leak(g=0.05, E=-60.0), Na(g=100.0, V_T=-63.0), K(g=30.0, V_T=-63.0)
    parts = {"E": V[: size * 4 // 5], "I": V[size * 4 // 5 :]}
    connect = dp.connectors.FixedProbability(probability)
    excitation = dp.synapses.Exponential(tau=5.0, output=dp.synapses.COBA(0.0))
    inhibition = dp.synapses.Exponential(tau=10.0, output=dp.synapses.COBA(-80.0))
    projections = {
        "exc": dp.Projection("E", ["E", "I"], connect, weight=6.0 * PER_NS, delay=DT, synapse=excitation),
        "inh": dp.Projection("I", ["E", "I"], connect, weight=67.0 * PER_NS, delay=DT, synapse=inhibition),
    }
    nodes = {name: Soma(len(V), channels, V_th=-20.0, V_init=V) for name, V in parts.items()}
    return dp.Network(nodes, projections, key=connections)


def simulate(duration: float, seed: int = 0, size: int = 4000) -> dp.DSRunner:
    """A run from conductances as if all had been active before."""
    net = network(jax.random.key(seed), size)
    rng = np.random.default_rng(seed)
    runner = dp.DSRunner(net, dt=DT, monitors={"V": ("E.V", 0)}, spikes=["E", "I"], return_outputs=False)
    exc, inh = rng.normal(40.0, 15.0, size), rng.normal(200.0, 120.0, size)
    runner.reset_state({"exc.g": PER_NS * exc.clip(0.0), "inh.g": PER_NS * inh.clip(0.0)})
    runner.run(duration)
    return runner


def main(folder: Path) -> None:
    """Run it, tell its rates and draw it."""
    runner = simulate(duration=300.0)
    for name, events in runner.spikes.items():
        window = events.between(100.0, 300.0)
        print(f"{name}: {window.rate().mean():.1f} Hz, CV of intervals {np.nanmean(window.cv()):.2f}")
    figure, (left, right) = dp.plot.figure(columns=2)
    dp.plot.raster(left, {name: events.between(250.0, 300.0) for name, events in runner.spikes.items()})
    dp.plot.traces(right, runner.mon.ts, runner.mon["V"], title="an excitatory neuron")
    dp.plot.save(figure, folder / "cobahh.png")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "figures"))
