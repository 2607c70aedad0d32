"""A recurrent network of excitatory and inhibitory spiking neurons learns to tell whether two stimuli are the same.

    python ei_training.py [FOLDER]

A stimulus, A or B, is followed by a pause and by a second one, A or B; the network answers whether they match, for
which it has to remember the first. All weights are trained through all steps, those of the recurrence as magnitudes: a
neuron excites all its targets or inhibits them (Dale's law), as in Song, H. F., Yang, G. R. & Wang, X.-J. (2016),
Training excitatory-inhibitory recurrent neural networks for cognitive tasks, doi:10.1371/journal.pcbi.1004792, where
neurons have rates.
"""

import sys
from pathlib import Path
from typing import Any

import jax
import numpy as np
import optax

import dynplug as dp

DT, STIMULUS, PAUSE = 1.0, 20, 40  # [ms], and steps
CHANNELS, RATE = 20, 0.2  # of the input; the first half for A, the second for B [kHz]


def network(key: jax.Array) -> dp.Network:
    """Channels reach excitatory neurons, those the readout; slow excitation holds what inhibition balances."""
    cell = dp.neurons.LIF(1, tau=20.0, surrogate=dp.surrogates.SuperSpike(10.0))
    nodes = {
        "channels": dp.layers.InputGroup(CHANNELS),
        "E": cell.with_size(80),
        "I": cell.with_size(20),
        "readout": dp.neurons.LeakyIntegrator(2, tau=20.0),
    }
    fast, slow = dp.synapses.Exponential(tau=5.0), dp.synapses.Exponential(tau=50.0)
    free, excitatory, inhibitory = (
        dp.initializers.Normal(0.5),
        dp.initializers.Uniform(0.005, 0.06),
        dp.initializers.Uniform(0.01, 0.2),
    )
    edges = {
        "enter": dp.Projection("channels", "E", "AllToAll", weight=free, synapse=fast),
        "exc": dp.Projection("E", ["E", "I"], "AllToAll", weight=excitatory, delay=DT, synapse=slow, sign="excitatory"),
        "inh": dp.Projection("I", ["E", "I"], "AllToAll", weight=inhibitory, delay=DT, synapse=fast, sign="inhibitory"),
        "read": dp.Projection("E", "readout", "AllToAll", weight=free, synapse=fast),
    }
    return dp.Network(nodes, edges, input_to="channels", output_from="readout", key=key)


def trials(number: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Spikes of the channels (trials, steps, channels), and whether the two stimuli are the same."""
    rng = np.random.default_rng(seed)
    first, second = rng.integers(2, size=(2, number))
    rates = np.zeros((number, 3 * STIMULUS + PAUSE, CHANNELS))
    for stimulus, start in ((first, 0), (second, STIMULUS + PAUSE)):
        mine = np.arange(CHANNELS) // (CHANNELS // 2) == stimulus[:, None]
        rates[:, start : start + STIMULUS] = RATE * mine[:, None]
    return (rng.random(rates.shape) < rates * DT).astype(np.float32), (first == second).astype(int)


def main(folder: Path) -> None:
    trainer = dp.BPTT(
        network(jax.random.key(0)),
        loss_fun={"type": "cross_entropy", "reduce_time": "last"},
        metrics=[{"type": "accuracy", "reduce_time": "last"}],
        optimizer=optax.chain(optax.clip_by_global_norm(1.0), optax.adam(5e-3)),
        dt=DT,
    )
    trainer.fit(trials(1024, seed=1), test_data=trials(256, seed=2), num_epoch=12, batch_size=32)
    right = {phase: trainer.get_hist_metric(phase, "accuracy") for phase in ("fit", "test")}
    net: Any = trainer.target
    print(f"accuracy on new trials {right['test'][-1]:.3f}")
    print(f"least weight from E {net['exc'].weights.min():.1e}, greatest from I {net['inh'].weights.max():.1e}")

    figure, axes = dp.plot.figure(width=11.0, height=3.5, columns=3)
    dp.plot.learning_curve(axes[0], right, label="accuracy")
    x, matches = trials(8, seed=3)
    for axis, same in zip(axes[1:], (False, True), strict=True):
        runner = dp.DSRunner(trainer.target, spikes=["E", "I"], dt=DT)
        runner.run(inputs=x[np.flatnonzero(matches == same)[0]])
        dp.plot.raster(axis, runner.spikes, title="match" if same else "no match")
    dp.plot.save(figure, folder / "ei_training.png")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "figures"))
