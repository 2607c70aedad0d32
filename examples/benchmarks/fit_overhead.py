"""What `BPTT.fit` costs beside a loop written by hand around the same training step: median times and their ratio.

Both go once through the same shuffled batches; the two alternate, in pairs, so that a busy machine slows both. The step
by hand is one jitted function with optax, of the same forward pass and loss, without keys, checks or records; by hand
losses are fetched at the end of the epoch.

    python fit_overhead.py [PAIRS]
"""

import sys
import time

import equinox as eqx
import jax
import numpy as np
import optax

import dynplug as dp

CASES = {  # name: (samples, batch size, steps, sizes)
    "small": (2048, 16, 20, (32, 32, 4)),
    "medium": (1024, 64, 50, (64, 128, 10)),
}
OPTIMIZER = optax.adam(1e-3)


def network(sizes):
    k1, k2 = jax.random.split(jax.random.key(0))
    return dp.Sequential(
        dp.layers.Dense(sizes[0], sizes[1], key=k1, W_initializer=dp.initializers.Normal(1.0)),
        dp.neurons.LIF(sizes[1], tau=10.0),
        dp.layers.Dense(sizes[1], sizes[2], key=k2),
        dp.neurons.LeakyIntegrator(sizes[2], tau=10.0),
    )


def by_hand(model):
    params, static = eqx.partition(model, eqx.is_inexact_array)

    def loss(params, x, y):
        _, out = dp.LoopOverTime(eqx.combine(params, static), dt=1.0, data_first_axis="B", jit=False)(x)
        return dp.losses.cross_entropy(out, y)

    @jax.jit
    def step(params, state, x, y):
        value, grads = jax.value_and_grad(loss)(params, x, y)
        updates, state = OPTIMIZER.update(grads, state, params)
        return optax.apply_updates(params, updates), state, value

    def epoch(params, state, x, y, size, rng):
        order, losses = rng.permutation(len(x)), []
        for first in range(0, len(x), size):
            rows = order[first : first + size]
            params, state, value = step(params, state, np.take(x, rows, 0), np.take(y, rows, 0))
            losses.append(value)
        return params, state, [float(value) for value in jax.device_get(losses)]

    return params, OPTIMIZER.init(params), epoch


def measure(samples, size, steps, sizes, pairs):
    """Median times [ms] of an epoch of both, and the median of their ratios. Their losses must agree at first."""
    rng = np.random.default_rng(0)
    x = (rng.random((samples, steps, sizes[0])) < 0.1).astype(np.float32)
    y = rng.integers(0, sizes[-1], samples)
    model = network(sizes)
    trainer = dp.BPTT(model, "cross_entropy", OPTIMIZER, dt=1.0, logger=None, progress_bar=False)
    params, state, epoch = by_hand(model)
    times = []
    for n in range(pairs + 1):
        began = time.perf_counter()
        trainer.fit((x, y), num_epoch=1, batch_size=size)
        between = time.perf_counter()
        params, state, losses = epoch(params, state, x, y, size, np.random.default_rng((0, 0, n)))
        times.append((between - began, time.perf_counter() - between))
        if n == 0:  # later on, rounding moves spikes
            np.testing.assert_allclose(trainer.get_hist_metric(which="detailed"), losses, rtol=1e-3)
    measured = np.array(times[1:])
    return *np.median(measured, axis=0) * 1e3, np.median(measured[:, 0] / measured[:, 1])


for name, case in CASES.items():
    fit, hand, ratio = measure(*case, int(sys.argv[1]) if len(sys.argv) > 1 else 40)
    print(f"{name}: BPTT.fit {fit:.1f} ms, by hand {hand:.1f} ms an epoch, ratio {ratio:.2f}")
