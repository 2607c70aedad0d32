"""Song, Miller and Abbott (2000): under STDP, the 1000 synapses of a neuron become strong or weak."""

import sys
import time
from pathlib import Path

import jax
import numpy as np

import dynplug as dp

folder = Path(sys.argv[1] if len(sys.argv) > 1 else "figures")
N, DURATION, DT, W_MAX = 1000, 100_000.0, 0.1, 0.01  # -, [ms], [ms], in units of the leak

net = dp.Network(
    {
        "inputs": dp.sources.Poisson(N, rate=0.015),
        "neuron": dp.neurons.LIF(1, tau=10.0, V_rest=-74.0, V_th=-54.0, V_reset=-60.0),
    },
    {
        "synapses": dp.Projection(
            "inputs",
            "neuron",
            dp.connectors.AllToAll(),
            weight=dp.initializers.Uniform(0.0, W_MAX),
            synapse=dp.synapses.Exponential(tau=5.0, output=dp.synapses.COBA(E=0.0)),
            plasticity=dp.plasticity.PairSTDP(20.0, 20.0, A_plus=1e-2 * W_MAX, A_minus=1.05e-2 * W_MAX, w_max=W_MAX),
        )
    },
    key=jax.random.key(0),
)
runner = dp.DSRunner(
    net,
    dt=DT,
    monitors=["synapses.weight", "neuron.spike"],
    record_every=round(1000.0 / DT),
    key=jax.random.key(1),
    progress_bar=False,
)
start = time.perf_counter()
runner.run(DURATION)
weights = np.asarray(runner.mon["synapses.weight"]) / W_MAX
rate = np.asarray(runner.mon["neuron.spike"])[:, 0]  # spikes in each second
print(f"{DURATION / 1000:.0f} s of {N} plastic synapses in {time.perf_counter() - start:.1f} s, with compilation")
print(f"mean weight {weights[-1].mean():.3f} w_max, at first {weights[0].mean():.3f} (Brian2: 0.473, 0.478)")
print(f"{np.mean(weights[-1] < 0.1):.0%} of the weights are below 0.1, {np.mean(weights[-1] > 0.9):.0%} above 0.9")
print(f"{rate[:5].mean():.0f} spikes a second at first, {rate[-20:].mean():.0f} at the end")

figure, (left, right) = dp.plot.figure(columns=2)
left.hist([weights[0], weights[-1]], bins=20, label=["after 1 s", f"after {DURATION / 1000:.0f} s"])
left.set(xlabel="weight [of the highest]", ylabel="synapses [number]")
left.legend(frameon=False)
right.plot(1 + np.arange(len(rate)), rate, color="0.3")
right.set(xlabel="time [s]", ylabel="spikes [per s]", ylim=(0.0, None))
dp.plot.save(figure, folder / "stdp.png")
