"""The four states of Brunel's network of excitatory and inhibitory neurons.

    python brunel.py [FOLDER] [SCALE]

Brunel, N. (2000), Dynamics of sparsely connected networks of excitatory and inhibitory spiking neurons,
doi:10.1023/A:1008925309027, figure 8, model A: synchronous and regular, synchronous and irregular with fast
oscillations, asynchronous and irregular, synchronous and irregular with slow oscillations. SCALE 1 is the paper's
network, 12,500 neurons with 1250 connections each. Below, both are as many times fewer, and weights are as many
times larger, so that mean inputs stay the same, but not fluctuations.
"""

import sys
from pathlib import Path
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from scipy.stats import poisson

import dynplug as dp

NOISE = 0.1  # the weight of each event [mV]


class State(NamedTuple):
    """Inhibition over excitation, and the rate of the noise over that which brings a neuron alone to threshold."""

    g: float
    eta: float


STATES = {"SR": State(3.0, 2.0), "SI fast": State(6.0, 4.0), "AI": State(5.0, 2.0), "SI slow": State(4.5, 0.9)}


class PoissonCounts(dp.DynamicalSystem):
    """The number of events of a Poisson process in each step, for each unit its own."""

    size: int = eqx.field(static=True)
    rate: float = eqx.field(static=True)  # [kHz]

    @property
    def out_size(self) -> tuple[int]:
        return (self.size,)

    def init_state(self, ctx: dp.Context) -> None:
        return None

    def update(self, state: None, x: Any, ctx: dp.Context) -> tuple[None, jax.Array]:
        # The inverse of the distribution function; with 24 bits, a larger number is never drawn.
        mean = self.rate * ctx.dt
        steps = poisson.cdf(np.arange(mean + 8 * mean**0.5 + 8), mean).tolist()
        drawn = jax.random.uniform(ctx.random_key(), (self.size,), ctx.dtype)
        return None, sum(((drawn > p).astype(ctx.dtype) for p in steps), jnp.zeros_like(drawn))


def network(state: State, scale: float, key: jax.Array) -> dp.Network:
    """The network in one of its states."""
    size, degree, J = round(10_000 * scale), round(1000 * scale), 0.1 / scale
    E = dp.neurons.LIF(size, tau=20.0, V_reset=10.0, V_th=20.0, tau_ref=2.0)
    connect = {name: dp.connectors.FixedInDegree(n) for name, n in (("E", degree), ("I", degree // 4))}
    noise = PoissonCounts(size, rate=state.eta * E.V_th / (NOISE * E.tau))
    jump, pairs = dp.synapses.Delta(), dp.connectors.OneToOne()
    projections = {
        "exc": dp.Projection("E", ["E", "I"], connect["E"], weight=J, delay=1.5, synapse=jump),
        "inh": dp.Projection("I", ["E", "I"], connect["I"], weight=-state.g * J, delay=1.5, synapse=jump),
        "to_E": dp.Projection("noise_E", "E", pairs, weight=NOISE, synapse=jump),
        "to_I": dp.Projection("noise_I", "I", pairs, weight=NOISE, synapse=jump),
    }
    nodes = {"E": E, "I": E.with_size(size // 4), "noise_E": noise, "noise_I": PoissonCounts(size // 4, noise.rate)}
    return dp.Network(nodes, projections, key=key)


def simulate(state: State, scale: float, duration: float, seed: int = 0) -> dict[str, dp.measures.Events]:
    """The spikes of excitatory and of inhibitory neurons."""
    connections, noise = jax.random.split(jax.random.key(seed))
    net = network(state, scale, connections)
    runner = dp.DSRunner(net, dt=0.1, spikes=["E", "I"], return_outputs=False, key=noise)
    runner.run(duration)
    return dict(runner.spikes)


def main(folder: Path, scale: float) -> None:
    figure, axes = dp.plot.figure(width=11.0, height=6.0, columns=4, rows=2)
    for column, (name, state) in enumerate(STATES.items()):
        spikes = simulate(state, scale, duration=400.0)["E"].between(200.0, 400.0)
        time, rate = dp.measures.rate_over_time(spikes, bin=0.5)
        print(
            f"{name}: {spikes.rate().mean():.1f} Hz, CV of intervals {np.nanmean(spikes.cv()):.2f}, "
            f"deviation of the rate over time {rate.std() / rate.mean():.2f} of its mean"
        )
        some = spikes.i < 50
        dp.plot.raster(axes[column], (spikes.t[some], spikes.i[some]), title=f"{name}: g = {state.g}, η = {state.eta}")
        axes[column].set(xlim=(200.0, 400.0))
        dp.plot.traces(axes[column + 4], time, rate, label="rate [Hz]")
    dp.plot.save(figure, folder / "brunel.png")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "figures"), float(sys.argv[2]) if len(sys.argv) > 2 else 0.4)
