"""The cortical microcircuit of Potjans and Diesmann, at a tenth of its neurons and of its connections.

77,169 neurons in four layers, with 0.3 billion connections, stand for the cortex below 1 mm². A smaller network keeps
the mean and the variance of the input to each neuron: weights grow as the root of the share of connections falls, and
a constant current stands for the rest of the mean (van Albada, S. J., Helias, M. & Diesmann, M. (2015), Scalability of
asynchronous networks is limited by one-to-one mapping between effective connectivity and correlations,
doi:10.1371/journal.pcbi.1004490). Delays are the means of the original, on the grid of steps.

Potjans, T. C. & Diesmann, M. (2014), The cell-type specific cortical microcircuit: relating structure and activity in a
full-scale spiking network model, doi:10.1093/cercor/bhs358.
"""

import sys
from pathlib import Path
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import scipy.stats

import dynplug as dp

NAMES = ["L23E", "L23I", "L4E", "L4I", "L5E", "L5I", "L6E", "L6I"]
SIZES = np.array([20683, 5834, 21915, 5479, 4850, 1065, 14395, 2948])
PROBABILITIES = np.array([  # from the column to the row
    [0.1009, 0.1689, 0.0437, 0.0818, 0.0323, 0.0000, 0.0076, 0.0000],
    [0.1346, 0.1371, 0.0316, 0.0515, 0.0755, 0.0000, 0.0042, 0.0000],
    [0.0077, 0.0059, 0.0497, 0.1350, 0.0067, 0.0003, 0.0453, 0.0000],
    [0.0691, 0.0029, 0.0794, 0.1597, 0.0033, 0.0000, 0.1057, 0.0000],
    [0.1004, 0.0622, 0.0505, 0.0057, 0.0831, 0.3726, 0.0204, 0.0000],
    [0.0548, 0.0269, 0.0257, 0.0022, 0.0600, 0.3158, 0.0086, 0.0000],
    [0.0156, 0.0066, 0.0211, 0.0166, 0.0572, 0.0197, 0.0396, 0.2252],
    [0.0364, 0.0010, 0.0034, 0.0005, 0.0277, 0.0080, 0.0658, 0.1443],
])  # fmt: skip
EXTERNAL = np.array([1600, 1500, 2100, 1900, 2000, 1900, 2900, 2100])  # inputs of a neuron from elsewhere, at 8 Hz
RATES = np.array([0.971, 2.868, 4.746, 5.396, 8.142, 9.078, 0.991, 7.523])  # [Hz], of the network at full scale
TAU, TAU_S, DT = 10.0, 0.5, 0.1  # [ms]
WEIGHT, G = 0.0878, -4.0  # [nA], a potential of 0.15 mV; of inhibition relative to excitation


class External(dp.sources.Source):
    """Counts of events with a Poisson distribution, drawn by its cumulative one.

    **Arguments:**

    - `size`: the number of units.
    - `mean`: the mean count of a unit in a step.
    """

    size: tuple[int, ...] = eqx.field(static=True, converter=dp.as_size)
    mean: float = eqx.field(static=True)

    def init_state(self, ctx: dp.Context) -> None:
        return None

    def generate(self, state: None, ctx: dp.Context) -> tuple[None, jax.Array]:
        """The number of events that each unit receives."""
        u = jax.random.uniform(ctx.random_key(), self.size, ctx.dtype)
        most = int(scipy.stats.poisson.isf(1e-7, self.mean))
        below = scipy.stats.poisson.cdf(np.arange(most), self.mean)
        return None, jnp.stack([(u > p).astype(ctx.dtype) for p in map(float, below)]).sum(0)


def microcircuit(scale: float, seed: int = 0) -> tuple[dp.Network, dict[str, np.ndarray]]:
    """The network, and the current that stands for what is missing in each population [nA]."""
    rng = np.random.default_rng(seed)
    sizes = np.round(scale * SIZES).astype(int)
    pairs = np.outer(SIZES, SIZES).astype(float)
    connections = np.log1p(-PROBABILITIES) / np.log1p(-1.0 / pairs)  # of the full network, with multapses
    weights = WEIGHT * np.where(np.arange(8) % 2, G, 1.0) * np.ones((8, 1))
    weights[0, 2] *= 2.0  # from layer 4 to layer 2/3
    per_neuron = connections / SIZES[:, None]
    mean = TAU_S * 1e-3 * ((per_neuron * weights) @ RATES + EXTERNAL * WEIGHT * 8.0)  # [nA]
    current = (1.0 - np.sqrt(scale)) * mean
    nodes: dict[str, Any] = {}
    edges: dict[str, Any] = {}
    synapse = dp.synapses.Exponential(tau=TAU_S)
    for i, name in enumerate(NAMES):
        start = -58.0 + 10.0 * rng.standard_normal(sizes[i])
        nodes[name] = dp.neurons.LIF(
            int(sizes[i]), tau=TAU, R=40.0, V_rest=-65.0, V_reset=-65.0, V_th=-50.0, tau_ref=2.0, V_init=start
        )
        nodes[f"to {name}"] = External(int(sizes[i]), float(EXTERNAL[i] * scale * 8e-3 * DT))
        edges[f"outside to {name}"] = dp.Projection(
            f"to {name}", name, "OneToOne", weight=WEIGHT / np.sqrt(scale), synapse=synapse
        )
    first = np.concatenate([[0], np.cumsum(sizes)])  # the first unit of each target, all in a row
    for j, source in enumerate(NAMES):
        counts = np.round(scale**2 * connections[:, j]).astype(int)
        pre = rng.integers(sizes[j], size=counts.sum())
        post = np.concatenate([first[i] + rng.integers(sizes[i], size=n) for i, n in enumerate(counts)])
        weight = np.repeat(weights[:, j], counts) * rng.normal(1.0, 0.1, counts.sum()) / np.sqrt(scale)
        edges[f"from {source}"] = dp.Projection(
            source, NAMES, (pre, post), weight=weight, delay=0.8 if j % 2 else 1.5, synapse=synapse
        )
    return dp.Network(nodes, edges), {name: current[i] for i, name in enumerate(NAMES)}


def main(folder: Path, scale: float = 0.1, duration: float = 1000.0) -> None:
    """Run the network, and compare its rates with those at full scale."""
    net, current = microcircuit(scale)
    total = sum(len(net[name].fanout) for name in net.edge_names)
    print(f"{sum(net[name].size[0] for name in NAMES):,} neurons, {total:,} connections")
    runner = dp.DSRunner(net, dt=DT, spikes=NAMES, key=jax.random.key(0))
    held = {name: float(value) for name, value in current.items()}
    runner.run(200.0, inputs=held)
    runner.run(duration, inputs=held)
    found = [runner.spikes[name].rate().mean() for name in NAMES]
    for name, rate, full in zip(NAMES, found, RATES, strict=True):
        print(f"{name:5} {rate:5.2f} Hz, {full:5.2f} Hz at full scale")

    figure, (left, right) = dp.plot.figure(width=8.0, height=4.0, columns=2)
    first = 200.0 + duration - 100.0
    dp.plot.raster(left, {name: runner.spikes[name].between(first, first + 100.0) for name in NAMES[::-1]})
    places = np.arange(8)
    right.barh(places - 0.2, found[::-1], 0.4, label=f"at {scale:.0%}")
    right.barh(places + 0.2, RATES[::-1], 0.4, label="at full scale")
    right.set_yticks(places, NAMES[::-1])
    right.set_xlabel("rate [Hz]")
    right.legend(frameon=False)
    dp.plot.save(figure, folder / "cortical_microcircuit.png")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "figures"))
