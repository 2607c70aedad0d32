"""Two networks of 4000 integrate-and-fire neurons, with currents (CUBA) and with conductances (COBA) as synapses.

    python vogels_abbott.py [FOLDER]

Both are benchmarks of Brette, R. et al. (2007), Simulation of networks of spiking neurons: a review of tools and
strategies, doi:10.1007/s10827-007-0038-6, after Vogels, T. P. & Abbott, L. F. (2005), Signal propagation and logic
gating in networks of integrate-and-fire neurons, doi:10.1523/JNEUROSCI.3508-05.2005. Conductances are in units of that
of the leak, currents in mV; the neurons of COBA are driven by a constant current.
"""

import sys
from pathlib import Path

import jax
import numpy as np

import dynplug as dp


def cuba(key: jax.Array, size: int = 4000, probability: float = 0.02) -> dp.Network:
    """Excitatory and inhibitory neurons, four to one, connected at random by currents."""
    E = dp.neurons.LIF(size * 4 // 5, tau=20.0, V_rest=-49.0, V_reset=-60.0, V_th=-50.0, tau_ref=5.0, V_init=START)
    connect, excitation, inhibition = (
        dp.connectors.FixedProbability(probability),
        dp.synapses.Exponential(tau=5.0),
        dp.synapses.Exponential(tau=10.0),
    )
    projections = {
        "exc": dp.Projection("E", ["E", "I"], connect, weight=1.62, delay=DT, synapse=excitation),
        "inh": dp.Projection("I", ["E", "I"], connect, weight=-9.0, delay=DT, synapse=inhibition),
    }
    return dp.Network({"E": E, "I": E.with_size(size // 5)}, projections, key=key)


def coba(key: jax.Array, size: int = 4000, probability: float = 0.02) -> dp.Network:
    """The same by conductances."""
    E = dp.neurons.LIF(size * 4 // 5, tau=20.0, V_rest=-60.0, V_th=-50.0, tau_ref=5.0, V_init=START)
    connect, excitation, inhibition = (
        dp.connectors.FixedProbability(probability),
        dp.synapses.Exponential(tau=5.0, output=dp.synapses.COBA(0.0)),
        dp.synapses.Exponential(tau=10.0, output=dp.synapses.COBA(-80.0)),
    )
    projections = {
        "exc": dp.Projection("E", ["E", "I"], connect, weight=0.6, delay=DT, synapse=excitation),
        "inh": dp.Projection("I", ["E", "I"], connect, weight=6.7, delay=DT, synapse=inhibition),
    }
    return dp.Network({"E": E, "I": E.with_size(size // 5)}, projections, key=key)


DT = 0.1  # [ms]
START = dp.initializers.Uniform(-60.0, -50.0)
NETWORKS = {"CUBA": (cuba, None), "COBA": (coba, {"E": 20.0, "I": 20.0})}  # with the input


def simulate(kind: str, duration: float, seed: int = 0, **size: float) -> dict[str, dp.measures.Events]:
    """The spikes of excitatory and of inhibitory neurons."""
    make, drive = NETWORKS[kind]
    connections, start = jax.random.split(jax.random.key(seed))
    network = make(connections, **size)
    runner = dp.DSRunner(network, dt=DT, spikes=["E", "I"], return_outputs=False, key=start)
    runner.run(duration, inputs=drive)
    return dict(runner.spikes)


def main(folder: Path) -> None:
    figure, axes = dp.plot.figure(width=11.0, height=4.0, columns=2)
    for axis, kind in zip(axes, NETWORKS, strict=True):
        spikes = simulate(kind, duration=1000.0)
        rates = {name: events.rate(start=200.0).mean() for name, events in spikes.items()}
        irregularity = np.nanmean(spikes["E"].between(200.0, 1000.0).cv())
        print(f"{kind}: E {rates['E']:.1f} Hz, I {rates['I']:.1f} Hz, CV of intervals {irregularity:.2f}")
        dp.plot.raster(axis, {name: events.between(800.0, 1000.0) for name, events in spikes.items()}, title=kind)
    dp.plot.save(figure, folder / "vogels_abbott.png")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "figures"))
