"""The adding problem: an LSTM must remember two marked numbers of a sequence and put out their sum.

Each step shows a random number in [0, 1] and a mark; two steps of each sequence are marked. Always answering 1 has a
squared error of 1/6. (Hochreiter & Schmidhuber 1997, doi:10.1162/neco.1997.9.8.1735, experiment 4.)
"""

import sys
from pathlib import Path

import jax
import numpy as np
import optax

import dynplug as dp

folder = Path(sys.argv[1] if len(sys.argv) > 1 else "figures")


def sequences(samples: int, steps: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Inputs (samples, steps, 2) and sums (samples, 1)."""
    rng = np.random.default_rng(seed)
    numbers, marks = rng.random((samples, steps)), np.zeros((samples, steps))
    for row in marks:
        row[rng.choice(steps, 2, replace=False)] = 1.0
    return np.stack([numbers, marks], axis=-1), (numbers * marks).sum(axis=1, keepdims=True)


k1, k2 = jax.random.split(jax.random.key(0))
model = dp.layers.LSTMCell(2, 48, train_state=True, key=k1) >> dp.layers.Dense(48, 1, key=k2)
trainer = dp.BPTT(
    model,
    loss_fun={"type": "mse", "reduce_time": "last"},
    optimizer=optax.chain(optax.clip_by_global_norm(1.0), optax.adam(5e-3)),
    dt=1.0,
)
trainer.fit(sequences(8000, 20, seed=1), test_data=sequences(1000, 20, seed=2), num_epoch=15, batch_size=50)
print(f"squared error {trainer.get_hist_metric('test')[-1]:.5f}; always answering 1 gives {1 / 6:.5f}")

figure, (axes,) = dp.plot.figure(width=5.0)
curves = {phase: trainer.get_hist_metric(phase) for phase in ("fit", "test")}
dp.plot.learning_curve(axes, curves, label="squared error")
axes.set(yscale="log")
dp.plot.save(figure, folder / "lstm_adding.png")
