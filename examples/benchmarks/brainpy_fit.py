"""`BPTT.fit` beside BrainPy's `BPTT.fit`, on the same networks, data and number of epochs, in turns in one process.

Networks W1a to W1c of `time_loop.py`. An epoch is four batches; printed are median times of a batch and their ratio.
BrainPy is no dependency: `pip install brainpy numba`.

    python brainpy_fit.py [EPOCHS]
"""

import sys
import time
from itertools import pairwise

import brainpy as bp  # pyright: ignore[reportMissingImports]
import brainpy.math as bm  # pyright: ignore[reportMissingImports]
import jax
import numpy as np
import optax

import dynplug as dp

NETWORKS = {  # name: (steps, batch size, sizes)
    "W1a": (100, 128, (700, 256, 256, 20)),
    "W1b": (100, 16, (700, 256, 256, 20)),
    "W1c": (250, 64, (128, 64, 64, 20)),
}
BETA, BATCHES = 0.9, 4
TAU, R = -1 / np.log(BETA), 1 / (1 - BETA)


class Theirs(bp.DynamicalSystem):
    """Dense, LIF, dense, LIF, dense, leaky readout."""

    def __init__(self, sizes):
        super().__init__(mode=bm.training_mode)
        options = {"tau": TAU, "R": R, "V_rest": 0.0, "mode": bm.training_mode}
        lif = {"V_th": 1.0, "V_reset": 0.0, "spk_fun": bm.surrogate.InvSquareGrad(alpha=10.0), **options}
        self.denses = [bp.dnn.Dense(n, m, b_initializer=None, mode=bm.training_mode) for n, m in pairwise(sizes)]
        self.first, self.second = (bp.dyn.Lif(n, **lif) for n in sizes[1:3])
        self.readout = bp.dyn.Leaky(sizes[-1], tau=TAU, mode=bm.training_mode)
        self.d1, self.d2, self.d3 = self.denses

    def update(self, x):
        return self.readout(self.d3(self.second(self.d2(self.first(self.d1(x))))))


def ours(sizes):
    k = jax.random.split(jax.random.key(0), 3)
    dense = [dp.layers.Dense(n, m, b_initializer=None, key=k[i]) for i, (n, m) in enumerate(pairwise(sizes))]
    lif = [dp.neurons.LIF(n, tau=TAU, R=R, surrogate=dp.surrogates.SuperSpike(10.0)) for n in sizes[1:3]]
    return dp.Sequential(dense[0], lif[0], dense[1], lif[1], dense[2], dp.neurons.LeakyIntegrator(sizes[-1], tau=TAU))


def measure(name, epochs):
    steps, batch, sizes = NETWORKS[name]
    rng = np.random.default_rng(0)
    x = (rng.random((BATCHES * batch, steps, sizes[0])) < 0.05).astype(np.float32)
    y = rng.integers(0, sizes[-1], BATCHES * batch).astype(np.int32)
    mine = dp.BPTT(
        ours(sizes), "cross_entropy", optax.adam(1e-3), dt=1.0, logger=None, progress_bar=False, shuffle_data=False
    )
    loss = lambda out, y: bp.losses.cross_entropy_loss(bm.mean(out, axis=1), y)  # noqa: E731
    other = bp.BPTT(Theirs(sizes), loss_fun=loss, optimizer=bp.optim.Adam(lr=1e-3), progress_bar=False)

    def timed(fit):
        began = time.perf_counter()
        fit()
        return (time.perf_counter() - began) / BATCHES * 1e3

    def fit_ours():
        mine.fit((x, y), num_epoch=1, batch_size=batch)

    def fit_theirs():
        other.fit(lambda: ((x[i : i + batch], y[i : i + batch]) for i in range(0, len(x), batch)), num_epoch=1)

    times = np.array([(timed(fit_ours), timed(fit_theirs)) for _ in range(epochs + 1)])[1:]
    a, b = np.median(times, axis=0)
    print(f"{name}: dynplug {a:.1f} ms a batch, BrainPy {b:.1f} ms, ratio {np.median(times[:, 1] / times[:, 0]):.2f}")


if __name__ == "__main__":
    for name in NETWORKS:
        measure(name, int(sys.argv[1]) if len(sys.argv) > 1 else 9)
