"""Bytes that the loops over time of a training step move to and from a GPU's memory. It needs no GPU.

Counted are operands and results, in the step as it is traced: of a kernel once, since it keeps in registers what it
carries; of a scan once a step, since each of its steps reads what is carried and what is constant, and writes what is
carried. Matrix products outside of loops are the same in all ways and left out. Bytes over the bandwidth of a card are
the least time that the loops take: one TB/s is one GB a millisecond.

    python gpu_bytes.py [--small] [NETWORK ...]
"""

import sys

import jax
import jax.numpy as jnp
from gpu import NETWORKS, OPTIMIZER, kernels, network, step_of
from jax.extend.core import primitives

WAYS = {"kernels": ("auto", "mosaic"), "lax.scan": ("plain", "off")}


def size(variables):
    return sum(v.aval.size * v.aval.dtype.itemsize for v in variables)


def inner(eqn):
    """The programs within an equation, such as those of `jit` and `cond`."""
    for value in eqn.params.values():
        for part in value if isinstance(value, (tuple, list)) else (value,):
            if hasattr(part, "eqns") or hasattr(part, "jaxpr"):
                yield getattr(part, "jaxpr", part)


def moved(jaxpr):
    """The bytes that its kernels move, those of its scans, and how many there are of each."""
    total = [0, 0, 0, 0]
    for eqn in jaxpr.eqns:
        if eqn.primitive.name == "dynplug_recurrence":
            found = [size(eqn.invars) + size(eqn.outvars), 0, 1, 0]
        elif eqn.primitive is primitives.scan_p:
            found = [0, of_scan(eqn), 0, 1]
        else:
            parts = [moved(part) for part in inner(eqn)]
            found = [sum(column) for column in zip(*parts, strict=True)] or [0, 0, 0, 0]
        total = [a + b for a, b in zip(total, found, strict=True)]
    return total


def of_scan(eqn):
    length, consts, carried = (eqn.params[name] for name in ("length", "num_consts", "num_carry"))
    every_step = size(eqn.invars[: consts + carried]) + size(eqn.outvars[:carried])
    return length * every_step + size(eqn.invars[consts + carried :]) + size(eqn.outvars[carried:])


def main():
    small, names = "--small" in sys.argv, [a for a in sys.argv[1:] if not a.startswith("-")]
    for name, (length, batch, sizes, kind) in NETWORKS.items():
        if names and name not in names:
            continue
        if small:
            length, batch, sizes = 12, 4, tuple(max(4, n // 32) for n in sizes)
        model = network(sizes, kind, jax.random.key(0))
        x, y = jax.ShapeDtypeStruct((length, batch, sizes[0]), jnp.float32), jax.ShapeDtypeStruct((batch,), jnp.int32)
        print(f"{name}: {kind} {'-'.join(map(str, sizes))}, {length} steps, batch {batch}")
        for way, (loop, which) in WAYS.items():
            with kernels(which):
                params, step, _ = step_of(model, loop)
                by_kernels, by_scans, *count = moved(jax.make_jaxpr(step)(params, OPTIMIZER.init(params), x, y).jaxpr)
            print(
                f"  {way:9s}{(by_kernels + by_scans) / 1e9:9.3f} GB   {count[0]} kernels {by_kernels / 1e9:.3f}, "
                f"{count[1]} scans {by_scans / 1e9:.3f}"
            )


if __name__ == "__main__":
    main()
