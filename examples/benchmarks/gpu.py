"""Times of training steps and simulations on a GPU, with and without kernels, and errors of the gradients.

A training step is value, gradient and Adam of a network with a leaky readout; it is compared with the matrix products
of the same step alone (the floor), with `jax.lax.scan` (`loop="plain"`), and with the loop that dynplug compiles
without kernels. Everything alternates; printed are medians, ratios to the floor, compile times, the temporary memory of
the step, and the relative error of the gradient against float64. Simulations are Hodgkin-Huxley neurons through
DSRunner.

    python gpu.py [--small] [NETWORK ...]     --small: tiny sizes, for a look at it on a CPU

Without a GPU the times mean nothing. `DYNPLUG_KERNELS=interpreted` runs the kernels on a CPU, very slowly.
"""

import os
import statistics
import sys
import time
from contextlib import contextmanager
from itertools import pairwise

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax

import dynplug as dp

NETWORKS = {  # steps, batch, sizes, kind
    "G1": (256, 256, (700, 512, 512, 20), "forward"),
    "SHD": (256, 256, (700, 128, 20), "forward"),
    "W1b": (100, 16, (700, 256, 256, 20), "forward"),
    "G3": (1000, 64, (128, 1024, 1024, 10), "forward"),
    "G2": (256, 256, (700, 512, 20), "recurrent"),
    "W2b": (100, 16, (700, 256, 20), "recurrent"),
    "W3": (100, 64, (100, 200, 10), "lstm"),
}
SIMULATIONS = {"HH 1,000 x 10,000": (1000, 10_000), "HH 100,000 x 2,000": (100_000, 2000)}
WAYS = {  # how the loop is compiled, and which kernels
    "auto": ("auto", "auto"),
    "no kernels": ("auto", "off"),
    "one scan": ("step", "off"),
    "lax.scan": ("plain", "off"),
}
REPETITIONS = 15
OPTIMIZER = optax.adam(1e-3)


@contextmanager
def kernels(which):
    before = os.environ.get("DYNPLUG_KERNELS")
    os.environ["DYNPLUG_KERNELS"] = before if which == "auto" and before else which
    try:
        yield
    finally:
        os.environ.pop("DYNPLUG_KERNELS") if before is None else os.environ.update(DYNPLUG_KERNELS=before)


def network(sizes, kind, key):
    keys = iter(jax.random.split(key, 2 * len(sizes)))
    parts = []
    for n, m in pairwise(sizes[:-1]):
        if kind == "lstm":
            parts.append(dp.layers.LSTMCell(n, m, key=next(keys)))
            continue
        cell = dp.neurons.LIF(m, tau=10.0, R=10.0)
        parts.append(dp.layers.Dense(n, m, key=next(keys)))
        parts.append(dp.layers.Recurrent(cell, dp.layers.Dense(m, m, key=next(keys))) if kind == "recurrent" else cell)
    parts.append(dp.layers.Dense(sizes[-2], sizes[-1], key=next(keys)))
    parts.append(dp.neurons.LeakyIntegrator(sizes[-1], tau=10.0))
    return dp.Sequential(*parts)


def step_of(model, loop):
    """A training step as a function of parameters, optimizer state and data, and the gradient in it."""
    params, static = eqx.partition(model, eqx.is_inexact_array)

    def loss(params, x, y):
        _, out = dp.LoopOverTime(eqx.combine(params, static), dt=1.0, data_first_axis="T", loop=loop, jit=False)(x)
        return optax.softmax_cross_entropy_with_integer_labels(out.mean(0), y).mean()

    def step(params, state, x, y):
        value, gradient = jax.value_and_grad(loss)(params, x, y)
        updates, state = OPTIMIZER.update(gradient, state, params)
        return optax.apply_updates(params, updates), state, value

    return params, step, jax.grad(loss)


def floor_of(sizes, kind, length, batch):
    """The products of a training step, all steps at once."""
    shapes = [(n, 4 * m if kind == "lstm" else m) for n, m in pairwise(sizes)]
    if kind != "forward":
        shapes += [(m, 4 * m if kind == "lstm" else m) for m in sizes[1:-1]]
    weights = [jnp.ones(shape) for shape in shapes]
    rows = [jnp.ones((length * batch, n)) for n, _ in shapes]

    def run(weights, rows):
        outs = [r @ w for r, w in zip(rows, weights, strict=True)]
        back = [o @ w.T for o, w in zip(outs, weights, strict=True)][1:]
        return [r.T @ o for r, o in zip(rows, outs, strict=True)], back

    return jax.jit(run).lower(weights, rows).compile(), (weights, rows)


def milliseconds(run):
    begin = time.perf_counter()
    jax.block_until_ready(run())
    return 1e3 * (time.perf_counter() - begin)


def train(name, length, batch, sizes, kind):
    model = network(sizes, kind, jax.random.key(0))
    rng = np.random.default_rng(0)
    x = jnp.asarray(rng.random((length, batch, sizes[0])) < 0.05, jnp.float32)
    y = jnp.asarray(rng.integers(0, sizes[-1], batch))
    floor, operands = floor_of(sizes, kind, length, batch)
    runs, lines, gradients = {"floor": lambda: floor(*operands)}, {}, {}
    for way, (loop, which) in WAYS.items():
        with kernels(which):
            params, step, gradient = step_of(model, loop)
            state = OPTIMIZER.init(params)
            begin = time.perf_counter()
            compiled = jax.jit(step).lower(params, state, x, y).compile()
            took = time.perf_counter() - begin
            with jax.default_matmul_precision("highest"):
                gradients[way] = jax.jit(gradient)(params, x, y)
        memory = compiled.memory_analysis()
        lines[way] = f"compile {took:5.1f} s  temporary {getattr(memory, 'temp_size_in_bytes', 0) / 2**20:7.0f} MiB"
        runs[way] = lambda compiled=compiled, given=(params, state, x, y): compiled(*given)
    exact = gradient_in_float64(model, x, y)
    for run in runs.values():
        milliseconds(run)
    times = {way: [] for way in runs}
    for _ in range(REPETITIONS):
        for way, run in runs.items():
            times[way].append(milliseconds(run))
    base = statistics.median(times["floor"])
    print(f"\n{name}: {kind} {'-'.join(map(str, sizes))}, {length} steps, batch {batch}; floor {base:.2f} ms")
    for way, line in lines.items():
        median = statistics.median(times[way])
        print(
            f"  {way:12s}{median:9.2f} ms {median / base:7.1f} x  {line}  gradient {error(gradients[way], exact):.0e}"
        )


def gradient_in_float64(model, x, y):
    with jax.enable_x64(True), kernels("off"):
        double = jax.tree.map(lambda a: a.astype(jnp.float64) if eqx.is_inexact_array(a) else a, model)
        params, _, gradient = step_of(double, "plain")
        return jax.device_get(jax.jit(gradient)(params, x.astype(jnp.float64), y))


def error(found, exact):
    pairs = zip(jax.tree.leaves(found), jax.tree.leaves(exact), strict=True)
    return max(np.abs(np.asarray(a, np.float64) - b).max() / max(np.abs(b).max(), 1e-30) for a, b in pairs)


def simulate(name, cells, steps):
    model = dp.neurons.HH(cells)
    print(f"\n{name}, nothing recorded")
    for way, (loop, which) in WAYS.items():
        with kernels(which):
            runner = dp.DSRunner(model, dt=0.01, loop=loop, progress_bar=False)

            def run(runner=runner):
                runner.reset_state()
                runner.run(steps * 0.01, inputs=10.0)
                return runner.state

            run()
            times = [milliseconds(run) for _ in range(5)]
        median = statistics.median(times)
        print(f"  {way:12s}{median:9.1f} ms  {cells * steps / median / 1e6:8.2f} billion cell-steps a second")


def main():
    small, names = "--small" in sys.argv, [a for a in sys.argv[1:] if not a.startswith("-")]
    print(f"dynplug {dp.__version__}, JAX {jax.__version__}, {jax.devices()[0].device_kind}")
    for name, (length, batch, sizes, kind) in NETWORKS.items():
        if not names or name in names:
            if small:
                length, batch, sizes = 12, 4, tuple(max(4, n // 32) for n in sizes)
            train(name, length, batch, sizes, kind)
    for name, (cells, steps) in SIMULATIONS.items():
        if not names or name in names:
            simulate(name, *((50, 100) if small else (cells, steps)))


if __name__ == "__main__":
    main()
