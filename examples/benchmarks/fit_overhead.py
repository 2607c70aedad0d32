"""Cost of `BPTT.fit` beside loops written by hand: median times of an epoch, and medians of their ratios.

All go once through the same shuffled batches, in turn, so that a busy machine slows all. One loop by hand calls the
trainer's own compiled step; the other a step written with optax around the same forward pass and loss, without what
`fit` does beside: random keys, a look at every step for what is not finite, records. Losses are fetched at the end.

Last comes the processor time of a step as the trainer starts it, whose parts are taken apart once, and as
`equinox.filter_jit` would, which takes them apart at every step.

    python fit_overhead.py [REPETITIONS]
"""

import sys
import time

import equinox as eqx
import jax
import numpy as np
import optax

import dynplug as dp
from dynplug.train.step import ALL, CompiledStep, folded, train

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


def batches(x, y, size, rng):
    order = rng.permutation(len(x))
    for first in range(0, len(x), size):
        rows = order[first : first + size]
        yield np.take(x, rows, 0), np.take(y, rows, 0)


def same_step(model):
    """A loop by hand around the trainer's step."""
    trainer = dp.BPTT(model, "cross_entropy", OPTIMIZER, dt=1.0, logger=None)
    program, state = trainer._program("fit", {}, 0), trainer._progress.train_state

    def epoch(data):
        nonlocal state
        losses = []
        for n, (x, y) in enumerate(data):
            made = program.train(state, x, y, None, n, keep=False)
            state = made.state
            losses.append(made.logged.values["loss"])
        return [float(value) for value in jax.device_get(losses)]

    return epoch


def own_step(model):
    """A loop by hand around a step by hand."""
    params, static = eqx.partition(model, eqx.is_inexact_array)
    state = OPTIMIZER.init(params)

    def loss(params, x, y):
        _, out = dp.LoopOverTime(eqx.combine(params, static), dt=1.0, data_first_axis="B", jit=False)(x)
        return dp.losses.cross_entropy(out, y)

    @jax.jit
    def step(params, state, x, y):
        value, grads = jax.value_and_grad(loss)(params, x, y)
        updates, state = OPTIMIZER.update(grads, state, params)
        return optax.apply_updates(params, updates), state, value

    def epoch(data):
        nonlocal params, state
        losses = []
        for x, y in data:
            params, state, value = step(params, state, x, y)
            losses.append(value)
        return [float(value) for value in jax.device_get(losses)]

    return epoch


def measure(samples, size, steps, sizes, repetitions):
    """Median times [ms] of an epoch by `fit`, with the same step, with a step by hand. Losses must agree at first."""
    rng = np.random.default_rng(0)
    x = (rng.random((samples, steps, sizes[0])) < 0.1).astype(np.float32)
    y = rng.integers(0, sizes[-1], samples)
    model = network(sizes)
    trainer = dp.BPTT(model, "cross_entropy", OPTIMIZER, dt=1.0, logger=None, progress_bar=False)
    loops, times = (same_step(model), own_step(model)), []
    for n in range(repetitions + 1):
        began = time.perf_counter()
        trainer.fit((x, y), num_epoch=1, batch_size=size)
        taken = [time.perf_counter() - began]
        for epoch in loops:
            began = time.perf_counter()
            losses = epoch(batches(x, y, size, np.random.default_rng((0, 0, n))))
            taken.append(time.perf_counter() - began)
            if n == 0:  # later on, rounding moves spikes
                np.testing.assert_allclose(trainer.get_hist_metric(which="detailed"), losses, rtol=1e-3)
        times.append(taken)
    measured = np.array(times[1:])
    return np.median(measured, axis=0) * 1e3, np.median(measured[:, :1] / measured[:, 1:], axis=0)


def started(samples, size, steps, sizes, repetitions):
    """Median processor times of a step [µs] that the trainer and `equinox.filter_jit` start: of all, of this thread."""
    rng = np.random.default_rng(0)
    x, y = rng.random((size, steps, sizes[0]), np.float32), rng.integers(0, sizes[-1], size)
    trainer = dp.BPTT(network(sizes), "cross_entropy", OPTIMIZER, dt=1.0, logger=None)
    program, first = trainer._program("fit", {}, 0), trainer._progress.train_state
    assert isinstance(program, CompiledStep)
    arrays, key = program.bound
    parts = program.frozen.filled(arrays)

    @eqx.filter_jit
    def filtered(parts, key, stream, *batch):
        return train(parts, folded(key, *(stream[i] for i in range(len(stream)))), *batch)

    def epoch(step):
        state, began = first, (time.process_time(), time.thread_time())
        for n in range(samples // size):
            state = step(state, n).state
        jax.block_until_ready(state.leaves)
        return np.subtract((time.process_time(), time.thread_time()), began) / (samples // size) * 1e6

    ways = (
        lambda state, n: program.train(state, x, y, None, n, keep=False),
        lambda state, n: filtered(parts, key, program.stream(n), state, x, y, None, ALL),
    )
    times = np.array([[epoch(step) for step in ways] for _ in range(repetitions + 1)])[1:]
    return np.median(times, axis=0), np.median(times[:, 1] / times[:, 0], axis=0)


repetitions = int(sys.argv[1]) if len(sys.argv) > 1 else 40
for name, case in CASES.items():
    (fit, same, own), ratios = measure(*case, repetitions)
    print(f"{name}: BPTT.fit {fit:.1f} ms an epoch")
    print(f"  by hand with the same step {same:.1f} ms, ratio {ratios[0]:.2f}")
    print(f"  by hand with a step of one's own {own:.1f} ms, ratio {ratios[1]:.2f}")
    (own, filtered), ratios = started(*case, repetitions)
    print(f"  a step takes {own[0]:.0f} µs of processors, {own[1]:.0f} of the thread that starts it")
    print(f"  started by equinox.filter_jit {filtered[0]:.0f} and {filtered[1]:.0f}, ratios {ratios.round(2)}")
