"""Training steps of `BPTT` for each `loop=`, beside a `lax.scan` by hand and beside the matrix products alone.

Everything alternates, so that a busy machine slows all alike. Printed are medians, and their ratios to the floor: the
matrix products of the same forward and backward pass, all steps at once, in a process whose allocator keeps its memory.
W1 is dense, LIF, dense, LIF, dense, leaky readout; W2 a recurrent LIF layer; W3 an LSTM with a dense readout at every
step and a loss at the last. Inputs of W1 and W2 are 5 % random spikes. A step is value, gradient and Adam.

    python time_loop.py [--tuned] [NETWORK ...]     --tuned: call dp.tune_allocator() here too
"""

import subprocess
import sys
import time
from itertools import pairwise
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax

import dynplug as dp

NETWORKS = {  # name: (steps, batch size, sizes)
    "W1a": (100, 128, (700, 256, 256, 20)),
    "W1b": (100, 16, (700, 256, 256, 20)),
    "W1c": (250, 64, (128, 64, 64, 20)),
    "W2a": (100, 128, (700, 256)),
    "W2b": (100, 16, (700, 256)),
    "W3": (100, 64, (100, 200, 10)),
}
WAYS = {
    "auto": {},
    "layer": {"loop": "layer"},
    "step": {"loop": "step"},
    "plain": {"loop": "plain"},
    "remat": {"remat": True},
}
REPETITIONS = 21
BETA = 0.9
TAU, R = -1 / np.log(BETA), 1 / (1 - BETA)
OPTIMIZER = optax.adam(1e-3)


@jax.custom_jvp
def spike(v):
    return (v >= 0).astype(v.dtype)


spike.defjvp(lambda primals, tangents: (spike(primals[0]), tangents[0] / (1 + 10 * jnp.abs(primals[0])) ** 2))


class RecurrentLIF(dp.DynamicalSystem):
    """LIF units that receive their own spikes of the step before: a custom `update`."""

    enter: dp.layers.Dense
    back: dp.layers.Dense
    cell: dp.neurons.LIF

    def init_state(self, ctx):
        return {"cell": self.cell.init_state(ctx.child("cell")), "spike": jnp.zeros(self.cell.size, ctx.dtype)}

    def update(self, state, x, ctx):
        _, current = self.enter.update(None, x, ctx.child("enter"))
        _, recurrent = self.back.update(None, state["spike"], ctx.child("back"))
        cell, spikes = self.cell.update(state["cell"], current + recurrent, ctx.child("cell"))
        return {"cell": cell, "spike": spikes}, spikes


def dense(n, m, key):
    return dp.layers.Dense(n, m, b_initializer=None, key=jax.random.key(key))


def lif(n):
    return dp.neurons.LIF(n, tau=TAU, R=R, surrogate=dp.surrogates.SuperSpike(10.0))


def model_of(name, sizes):
    if name == "W3":
        n, m, out = sizes
        return dp.layers.LSTMCell(n, m, key=jax.random.key(0)) >> dp.layers.Dense(m, out, key=jax.random.key(1))
    if name.startswith("W2"):
        n, m = sizes
        return RecurrentLIF(dense(n, m, 0), dense(m, m, 1), lif(m))
    parts = [dense(n, m, k) for k, (n, m) in enumerate(pairwise(sizes))]
    readout = dp.neurons.LeakyIntegrator(sizes[-1], tau=TAU, R=R)
    return dp.Sequential(parts[0], lif(sizes[1]), parts[1], lif(sizes[2]), parts[2], readout)


def by_hand(name, model, batch):
    """The same training step, as one `lax.scan`."""
    shapes = [w for w in jax.tree.leaves(eqx.filter(model, eqx.is_inexact_array)) if w.ndim == 2]

    def lif_network(weights, x):
        def step(carry, x):
            v1, v2, v3 = carry
            v1 = BETA * v1 + x @ weights[0].T
            s1 = spike(v1 - 1)
            v2 = BETA * v2 + s1 @ weights[1].T
            s2 = spike(v2 - 1)
            v3 = BETA * v3 + s2 @ weights[2].T
            return ((1 - s1) * v1, (1 - s2) * v2, v3), v3

        return jax.lax.scan(step, tuple(jnp.zeros((batch, w.shape[0])) for w in weights), x)[1]

    def recurrent_lif(weights, x):
        def step(carry, x):
            v, s = carry
            v = BETA * v + x @ weights[0].T + s @ weights[1].T
            s = spike(v - 1)
            return ((1 - s) * v, s), s

        return jax.lax.scan(step, (jnp.zeros((batch, len(weights[0]))),) * 2, x)[1]

    def lstm(cell, x):
        def step(carry, x):
            h, c = jax.vmap(cell[0])(x, carry)
            return (h, c), h @ cell[1].T + cell[2]

        return jax.lax.scan(step, (jnp.zeros((batch, cell[0].hidden_size)),) * 2, x)[1]

    run = {"W1": lif_network, "W2": recurrent_lif, "W3": lstm}[name[:2]]
    weights = (model[0].cell, model[1].weight, model[1].bias) if name == "W3" else shapes

    @eqx.filter_jit
    def step(weights, state, x, y):
        value, grads = eqx.filter_value_and_grad(lambda w: cross_entropy(name)(run(w, x), y))(weights)
        updates, state = OPTIMIZER.update(grads, state)
        return eqx.apply_updates(weights, updates), state, value

    return step, weights, OPTIMIZER.init(eqx.filter(weights, eqx.is_inexact_array))


def cross_entropy(name):
    """Of the time mean; for W3 of the last step."""

    def loss(out, y):
        logits = out[-1] if name == "W3" else out.mean(0)
        return optax.softmax_cross_entropy_with_integer_labels(logits, y).mean()

    return loss


def products_of(name, steps, batch, sizes):
    """The matrix products alone, as a function without arguments."""
    rng = np.random.default_rng(0)
    n = sizes[0]
    layers = {"W1": list(pairwise(sizes)), "W2": [(n, sizes[-1]), (sizes[-1],) * 2]}.get(name[:2])
    layers = layers or [(n, 4 * sizes[1]), (sizes[1], 4 * sizes[1]), (sizes[1], sizes[2])]
    arrays = [
        tuple(jnp.asarray(rng.normal(size=s), jnp.float32) for s in ((steps, batch, a), (b, a), (steps, batch, b)))
        for a, b in layers
    ]

    @jax.jit
    def run(arrays):
        found = []
        for k, (x, w, g) in enumerate(arrays):
            found += [jnp.einsum("tbi,oi->tbo", x, w).sum(), jnp.einsum("tbo,tbi->oi", g, x)]
            found += [jnp.einsum("tbo,oi->tbi", g, w).sum()] if k else []  # no gradient for the inputs
        return found

    return lambda: run(arrays)


def serve_floor(name):
    """Measure the floor whenever a line arrives."""
    dp.tune_allocator()
    run = products_of(name, *NETWORKS[name])
    for _ in range(3):
        jax.block_until_ready(run())
    for _ in sys.stdin:
        began = time.perf_counter()
        jax.block_until_ready(run())
        print(time.perf_counter() - began, flush=True)


class Floor:
    """A process that measures the floor whenever it is called."""

    def __init__(self, name):
        command = [sys.executable, __file__, "--floor", name]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def __call__(self):
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        print(file=self.process.stdin, flush=True)
        return float(self.process.stdout.readline())

    def end(self):
        self.process.communicate()


def measure(name):
    steps, batch, sizes = NETWORKS[name]
    rng = np.random.default_rng(0)
    x = rng.random((steps, batch, sizes[0])) if name == "W3" else rng.random((steps, batch, sizes[0])) < 0.05
    x, y = jnp.asarray(x, jnp.float32), jnp.asarray(rng.integers(0, sizes[-1], batch))
    model = model_of(name, sizes)
    floor = Floor(name)

    def timed(run):
        def once():
            began = time.perf_counter()
            jax.block_until_ready(run())
            return time.perf_counter() - began

        return once

    timers: dict[str, Any] = {"floor": floor}
    notes, first = {}, 0.0
    for way, options in WAYS.items():
        trainer = dp.BPTT(model, cross_entropy(name), OPTIMIZER, dt=1.0, data_first_axis="T", logger=None, **options)
        program, state = trainer._program("fit", {}, 0), [trainer._progress.train_state]

        def ours(program=program, state=state):
            stepped = program.train(state[0], x, y, None, 0, keep=False)
            state[0] = stepped.state
            return stepped.logged.values["loss"]

        first = float(ours())
        timers[way] = timed(ours)
        notes[way] = compiled_size(model, name, x, y, options)
    step, *hand = by_hand(name, model, batch)

    def theirs():
        hand[0], hand[1], value = step(hand[0], hand[1], x, y)
        return value

    np.testing.assert_allclose(first, float(theirs()), rtol=1e-4)  # later on, rounding moves spikes
    timers["by hand"] = timed(theirs)
    if name == "W3" and (peer := lstm_of_torch(model, x, y)):
        timers["torch"] = timed(peer)
    times = {way: [] for way in timers}
    for _ in range(REPETITIONS):
        for way in rng.permutation(list(timers)):  # what comes after another finds other things in the caches
            times[way].append(timers[way]())
    floor.end()
    medians = {way: float(np.median(seconds)) * 1e3 for way, seconds in times.items()}
    print(f"{name}: floor {medians['floor']:.1f} ms")
    for way in list(medians)[1:]:
        note = notes.get(way)
        detail = f", {note[0]:.1f} MB, compiled in {note[1] / notes['plain'][1]:.2f} of plain's time" if note else ""
        print(f"  {way:8} {medians[way]:7.1f} ms, {medians[way] / medians['floor']:.2f} x floor{detail}", flush=True)


def lstm_of_torch(model, x, y):
    """The training step of W3 by `torch.nn.LSTM`, where torch is installed."""
    try:
        import torch  # pyright: ignore[reportMissingImports]
    except ImportError:
        return None
    n, m, out = NETWORKS["W3"][2]
    lstm, dense = torch.nn.LSTM(n, m), torch.nn.Linear(m, out)
    optimizer = torch.optim.Adam([*lstm.parameters(), *dense.parameters()], 1e-3)
    x, y = torch.tensor(np.asarray(x)), torch.tensor(np.asarray(y), dtype=torch.long)

    def step():
        optimizer.zero_grad()
        loss = torch.nn.functional.cross_entropy(dense(lstm(x)[0])[-1], y)
        loss.backward()
        optimizer.step()
        return float(loss.detach())

    return step


def compiled_size(model, name, x, y, options):
    """The temporary memory of value and gradient [MB], and the time to trace and compile it [s]."""
    params, static = eqx.partition(model, eqx.is_inexact_array)

    def loss(params):
        run = dp.LoopOverTime(eqx.combine(params, static), dt=1.0, data_first_axis="T", jit=False, **options)
        return cross_entropy(name)(run(x)[1], y)

    began = time.perf_counter()
    compiled = jax.jit(jax.value_and_grad(loss)).lower(params).compile()
    seconds, memory = time.perf_counter() - began, compiled.memory_analysis()
    return (memory.temp_size_in_bytes if memory else 0) / 1e6, seconds


if __name__ == "__main__":
    arguments = sys.argv[1:]
    if arguments[:1] == ["--floor"]:
        serve_floor(arguments[1])
    else:
        if "--tuned" in arguments:
            dp.tune_allocator()
        for name in [a for a in arguments if a in NETWORKS] or NETWORKS:
            measure(name)
