"""A hundred million connections: the memory to make them, and the time to deliver one spike and a thousand.

python delivery_large.py [CONNECTIONS]
"""

import resource
import sys
import time

import jax
import jax.numpy as jnp
import numpy as np

from dynplug.delivery import Fanout, deliver


def peak():
    """The largest memory of this process so far [GiB]."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def main():
    connections = int(sys.argv[1]) if len(sys.argv) > 1 else 10**8
    units = connections // 1000
    rng = np.random.default_rng(0)
    pre, post = (rng.integers(0, units, connections, dtype=np.int32) for _ in range(2))
    print(f"{units} units, {connections:.0e} connections in any order; before: {peak():.2f} GiB")
    start = time.perf_counter()
    fanout, _ = Fanout.of(pre, post, units, units)
    print(f"made in {time.perf_counter() - start:.1f} s, with at most {peak():.2f} GiB")
    weight = jnp.ones(connections)
    held = fanout.start.nbytes + fanout.post.nbytes + weight.nbytes
    print(f"held: {held / 2**30:.2f} GiB, {held / connections:.3f} bytes a connection")

    run = jax.jit(deliver).lower(jnp.zeros(units), weight, fanout).compile()
    print(f"a delivery needs {run.memory_analysis().temp_size_in_bytes / 2**20:.1f} MiB beside")
    for count in (1, 1000):
        active = rng.choice(units, count, replace=False)
        x = jnp.zeros(units).at[active].set(1.0)
        y = run(x, weight, fanout).block_until_ready()
        expected = np.bincount(post[np.isin(pre, active)], minlength=units)
        assert (np.asarray(y) == expected).all()
        start = time.perf_counter()
        run(x, weight, fanout).block_until_ready()
        print(f"{count} spikes through {int(expected.sum())} connections: {(time.perf_counter() - start) * 1e3:.3f} ms")


if __name__ == "__main__":
    main()
