"""Delivering spikes through connections: time beside a matrix product and a segment sum, in one run.

Every way delivers in a loop of `STEPS` steps, in which a hash of the step decides which units spike. The loop without
delivery is subtracted. Repetitions alternate, so that a busy machine slows all alike; medians are compared.

Then the gradient of a loop of spiking units, whose derivative is by connections or by a matrix.

    python delivery.py [REPETITIONS]
"""

import sys
import time
from statistics import median
from unittest.mock import patch

import jax
import jax.numpy as jnp
import numpy as np

import dynplug as dp
from dynplug.delivery import Fanout, choose, deliver

STEPS = 100
# Units, connections of each, spikes a step: the sizes of networks; what the rule of `choose` depends on.
NETWORKS = [
    *((4_000, 80, 8), (40_000, 80, 80), (400_000, 80, 800), (20_000, 2_000, 20)),
    *((4_000, 80, 0), (4_000, 80, 400), (4_000, 80, 4_000), (400_000, 10, 8)),
]
SMALL = [
    (n, int(n * share), active)
    for n in (32, 128, 512, 1024)
    for share in (0.1, 0.25, 1.0)
    for active in (n // 50, n // 5)
]
TRAINED = [(500, k, batch) for k in (5, 10, 15, 25, 50) for batch in (1, 16)]  # units, connections of each, samples
LARGEST_MATRIX = 5_000**2
METHODS = ("compiled", "gather", "sparse", "dense")


def spikes(step, units, count):
    """Some `count` of the units, others in each step: the finaliser of MurmurHash3 below a bound."""
    h = jnp.arange(units, dtype=jnp.uint32) * jnp.uint32(2654435761) + step.astype(jnp.uint32) * jnp.uint32(40503)
    for shift, factor in ((16, 0x85EBCA6B), (13, 0xC2B2AE35)):
        h = (h ^ (h >> shift)) * jnp.uint32(factor)
    return ((h ^ (h >> 16)) < jnp.uint32(min(2**32 - 1, int(2**32 * count / units)))).astype(jnp.float32)


def loop(units, count, receive):
    @jax.jit
    def run(weight, fanout):
        def step(y, n):
            x = spikes(n, units, count)
            return 0.5 * y + x + receive(x, weight, fanout), None

        return jax.lax.scan(step, jnp.zeros(units), jnp.arange(STEPS))[0]

    return run


def measure(units, degree, count, repetitions):
    """The median time of a step [µs] of each way, without that of the loop itself."""
    rng = np.random.default_rng(0)
    pre = np.repeat(np.arange(units, dtype=np.int32), degree)
    fanout, _ = Fanout.of(pre, rng.integers(0, units, pre.size, dtype=np.int32), units, units, by_receiver=True)
    weight = jnp.asarray(rng.normal(size=pre.size), jnp.float32)
    methods = ["events"] if pre.size > 10**7 else ["events", "gather", "sparse"]
    methods += ["compiled"] if "compiled" in dp.list_components("delivery") else []  # by dynplug-kernels
    methods += ["dense"] if units**2 <= LARGEST_MATRIX else []
    ways = {m: lambda x, w, f, m=m: deliver(x, w, f, method=m) for m in methods}
    runs = {name: loop(units, count, way) for name, way in ({"none": lambda x, w, f: 0.0} | ways).items()}
    times = {name: [] for name in runs}
    for run in runs.values():
        run(weight, fanout).block_until_ready()
    for _ in range(repetitions):
        for name, run in runs.items():
            start = time.perf_counter()
            run(weight, fanout).block_until_ready()
            times[name].append((time.perf_counter() - start) / STEPS * 1e6)
    found = {name: median(values) for name, values in times.items()}
    return {name: found[name] - found["none"] for name in methods}, found["none"], choose(fanout)[0]


def gradient(fanout, batch, by_matrix):
    """The gradient of a loop with respect to the weights, compiled with one form of the derivative."""
    spike, units = dp.surrogates.SuperSpike(), fanout.pre_size

    @jax.jit
    def run(weight, fanout, xs):
        def loss(weight):
            def step(V, x):
                s = spike(V - 1.0)
                received = jax.vmap(lambda s: deliver(s, weight, fanout, method="events"))(s)
                return 0.9 * V * (1 - s) + received + x, s

            return dp.timeloop.scan(step, jnp.zeros((batch, units)), xs)[1].mean()

        return jax.grad(loss)(weight)

    xs = 0.2 * jax.random.uniform(jax.random.key(0), (STEPS, batch, units))
    weight = 0.01 * jax.random.normal(jax.random.key(1), (len(fanout),))
    jax.clear_caches()
    with patch("dynplug.delivery.delivering.derives_by_matrix", lambda fanout: by_matrix):
        compiled = run.lower(weight, fanout, xs).compile()
    return lambda: compiled(weight, fanout, xs).block_until_ready()


def train(repetitions):
    print("\n| units | each | samples | by connections [µs a step] | by a matrix |")
    print("|---|---|---|---|---|")
    for units, degree, batch in TRAINED:
        rng = np.random.default_rng(0)
        pre = np.repeat(np.arange(units, dtype=np.int32), degree)
        fanout, _ = Fanout.of(pre, rng.integers(0, units, pre.size, dtype=np.int32), units, units)
        runs = [gradient(fanout, batch, by_matrix) for by_matrix in (False, True)]
        times = [[], []]
        for _ in range(repetitions + 1):
            for run, own in zip(runs, times, strict=True):
                start = time.perf_counter()
                run()
                own.append((time.perf_counter() - start) / STEPS * 1e6)
        first, second = (median(own[1:]) for own in times)
        print(f"| {units} | {degree} | {batch} | {first:.0f} | {second / first:.2f} |", flush=True)


def main():
    repetitions = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    print("| units | each | spikes | loop [µs] | events | each one [ns] | compiled | gather | sparse | dense | auto |")
    print("|---|---|---|---|---|---|---|---|---|---|---|")
    for units, degree, count in NETWORKS + SMALL:
        found, alone, chosen = measure(units, degree, count, repetitions)
        events = found["events"]
        others = [f"{found[m] / events:.2f}" if m in found and count else "" for m in METHODS]
        each = f"{1e3 * events / count / degree:.1f}" if count else ""
        row = [units, degree, count, f"{alone:.1f}", f"{events:.1f}", each, *others, chosen]
        print(f"| {' | '.join(map(str, row))} |", flush=True)
    train(repetitions)


if __name__ == "__main__":
    main()
