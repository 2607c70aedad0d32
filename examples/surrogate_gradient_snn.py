"""Surrogate gradients: four spiking neurons learn 256 random spike patterns by heart, half of them of each class.

    python surrogate_gradient_snn.py [FOLDER]

The network is that of Neftci, Mostafa & Zenke (2019), Surrogate gradient learning in spiking neural networks,
doi:10.1109/MSP.2019.2931595. In the tutorial to the paper (https://github.com/fzenke/spytorch, tutorial 1) it gets 51 %
of the patterns right with true gradients and 86 % with surrogate ones, in 1000 steps.
"""

import sys
from pathlib import Path
from typing import Any

import jax
import numpy as np
import optax

import dynplug as dp

INPUTS, HIDDEN, CLASSES, SAMPLES, STEPS, RATE, DT = 100, 4, 2, 256, 200, 0.005, 1.0  # RATE [kHz], DT [ms]


def network(key: jax.Array) -> dp.Sequential:
    """Inputs, all-to-all exponential synapses, LIF neurons, the same synapses, leaky readout."""
    k1, k2 = jax.random.split(key)
    weight: dict[str, Any] = {"W_initializer": dp.initializers.KaimingNormal(scale=20.0), "b_initializer": None}
    return dp.Sequential(
        i=dp.layers.InputGroup(INPUTS),
        i2r=dp.layers.Dense(INPUTS, HIDDEN, key=k1, **weight) >> dp.synapses.Exponential(HIDDEN, tau=10.0),
        r=dp.neurons.LIF(HIDDEN, tau=10.0, V_rest=0.0, V_reset=0.0, V_th=1.0, surrogate=dp.surrogates.SuperSpike(10.0)),
        r2o=dp.layers.Dense(HIDDEN, CLASSES, key=k2, **weight) >> dp.synapses.Exponential(CLASSES, tau=10.0),
        o=dp.neurons.LeakyIntegrator(CLASSES, tau=5.0),
    )


def patterns(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Spikes (samples, steps, inputs) of Poisson processes, and classes drawn at random."""
    rng = np.random.default_rng(seed)
    return rng.random((SAMPLES, STEPS, INPUTS)) < RATE * DT, rng.integers(CLASSES, size=SAMPLES)


def trainer(model: dp.Sequential, learning_rate: float) -> dp.BPTT:
    """The greatest potential of each readout unit over time is the score of its class."""
    return dp.BPTT(
        model,
        loss_fun={"type": "cross_entropy", "reduce_time": "max"},
        optimizer=optax.adam(learning_rate),
        metrics=[{"type": "accuracy", "reduce_time": "max"}],
        dt=DT,
    )


def main(folder: Path) -> None:
    model, (x, y) = network(jax.random.key(0)), patterns(seed=0)
    training = trainer(model, learning_rate=0.01)
    training.fit((x, y), num_epoch=300)
    right = training.get_hist_metric("fit", "accuracy")
    print(f"accuracy {right[0]:.3f} before training, {right[-1]:.3f} after")

    figure, axes = dp.plot.figure(width=11.0, height=6.0, columns=3, rows=2)
    ts, some = DT * (1 + np.arange(STEPS)), 20
    dp.plot.raster(axes[0], ts, x[0], title="one pattern")
    dp.plot.learning_curve(axes[3], {"accuracy": right}, label="accuracy")
    for column, (when, net) in enumerate({"before": model, "after": training.target}.items(), 1):
        loop = dp.LoopOverTime(net, out_vars="r.spike", dt=DT, data_first_axis="T")
        _, (V, spikes) = loop(x[:some].swapaxes(0, 1))
        dp.plot.raster(axes[column], ts, spikes, title=f"hidden units, {some} patterns, {when}")
        dp.plot.traces(axes[column + 3], ts, V[:, 0], title=f"readout, class {y[0]}, {when}")
    dp.plot.save(figure, folder / "surrogate_gradient_snn.png")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "figures"))
