"""A training step of BPTT beside the same step written by hand as one `lax.scan`: median times and their ratio.

The two alternate, so that a busy machine slows both. Networks: dense (no bias), LIF, dense, LIF, dense, leaky readout,
cross-entropy of the time mean, inputs of 5 % random spikes, Adam; a step is value, gradient and update.

    python training_step.py [REPETITIONS]
"""

import sys
import time

import jax
import jax.numpy as jnp
import numpy as np
import optax

import dynplug as dp

NETWORKS = {  # name: (steps, batch size, sizes)
    "W1a": (100, 128, (700, 256, 256, 20)),
    "W1b": (100, 16, (700, 256, 256, 20)),
    "W1c": (250, 64, (128, 64, 64, 20)),
}
BETA = 0.9
OPTIMIZER = optax.adam(1e-3)


@jax.custom_jvp
def spike(v):
    return (v >= 0).astype(v.dtype)


spike.defjvp(lambda primals, tangents: (spike(primals[0]), tangents[0] / (1 + 10 * jnp.abs(primals[0])) ** 2))


def by_hand(weights, batch):
    def loss(weights, x, y):
        def step(carry, x):
            v1, v2, v3 = carry
            v1 = BETA * v1 + x @ weights[0].T
            s1 = spike(v1 - 1)
            v2 = BETA * v2 + s1 @ weights[1].T
            s2 = spike(v2 - 1)
            v3 = BETA * v3 + s2 @ weights[2].T
            return ((1 - s1) * v1, (1 - s2) * v2, v3), v3

        _, out = jax.lax.scan(step, tuple(jnp.zeros((batch, w.shape[0])) for w in weights), x.swapaxes(0, 1))
        return optax.softmax_cross_entropy_with_integer_labels(out.mean(0), y).mean()

    @jax.jit
    def step(weights, state, x, y):
        value, grads = jax.value_and_grad(loss)(weights, x, y)
        updates, state = OPTIMIZER.update(grads, state)
        return optax.apply_updates(weights, updates), state, value

    return step


def network(sizes, key):
    tau, R = -1 / np.log(BETA), 1 / (1 - BETA)
    parts = []
    for i, own in enumerate(jax.random.split(key, 3)):
        parts.append(dp.layers.Dense(sizes[i], sizes[i + 1], b_initializer=None, key=own))
        parts.append(
            dp.neurons.LIF(sizes[i + 1], tau=tau, R=R, surrogate=dp.surrogates.SuperSpike(10.0))
            if i < 2
            else dp.neurons.LeakyIntegrator(sizes[i + 1], tau=tau, R=R)
        )
    return dp.Sequential(*parts)


def measure(steps, batch, sizes, repetitions):
    """Median times [ms] of both, and the median of their ratios. Their first losses must agree."""
    rng = np.random.default_rng(0)
    x = (rng.random((batch, steps, sizes[0])) < 0.05).astype(np.float32)
    y = rng.integers(0, sizes[-1], batch)
    model = network(sizes, jax.random.key(0))
    trainer = dp.BPTT(model, "cross_entropy", OPTIMIZER, dt=1.0, logger=None)
    program, ours = trainer._program("fit", {}, 0), trainer._progress.state
    weights = [dp.lookup(model, f"{i}.weight") for i in (0, 2, 4)]
    hand, state = by_hand(weights, batch), OPTIMIZER.init(weights)
    times = []
    for _ in range(repetitions + 1):
        began = time.perf_counter()
        ours, _, logged, _ = program.train(ours, x, y, None, 0, keep=False)
        ours_loss = float(logged["loss"])
        between = time.perf_counter()
        weights, state, value = hand(weights, state, x, y)
        hand_loss = float(value)
        if not times:  # later on, rounding moves spikes
            np.testing.assert_allclose(ours_loss, hand_loss, rtol=1e-4)
        times.append((between - began, time.perf_counter() - between))
    measured = np.array(times[1:])
    return *np.median(measured, axis=0) * 1e3, np.median(measured[:, 0] / measured[:, 1])


for name, (steps, batch, sizes) in NETWORKS.items():
    ours, hand, ratio = measure(steps, batch, sizes, int(sys.argv[1]) if len(sys.argv) > 1 else 20)
    print(f"{name}: BPTT {ours:.1f} ms, by hand {hand:.1f} ms, ratio {ratio:.2f}")
