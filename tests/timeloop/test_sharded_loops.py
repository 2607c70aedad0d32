"""Loops whose arrays lie on several devices."""

import os
import subprocess
import sys

SHARDS = """
import jax, jax.numpy as jnp, numpy as np
from jax.sharding import AxisType, NamedSharding, PartitionSpec as P
from dynplug.timeloop import custom_derivative, scan
from dynplug.timeloop.analysis import Analysis, analyse

custom_derivative.fall_back = False
w, c, xs = 0.3 * jnp.eye(3) + 0.1, jnp.ones((4, 3)), jnp.arange(60.0).reshape(5, 4, 3) / 60
step = lambda w: lambda c, x: (jnp.tanh(0.5 * c + x @ w), jnp.sin(c @ w))
f = lambda w, c, x, loop: loop(step(w), c, x)[1]
mesh = jax.make_mesh((2,), ("d",), axis_types=(AxisType.Auto,))
specs = dict(mesh=mesh, in_specs=(P(), P("d"), P(None, "d")))

def mapped(loop, check, jit):
    out = jax.shard_map(lambda *a: f(*a, loop), out_specs=P(None, "d"), check_vma=check, **specs)
    inside = jax.shard_map(
        lambda w, c, x: jax.grad(lambda w: f(w, c, x, loop).sum())(w) if check
        else jax.lax.psum(jax.grad(lambda w: f(w, c, x, loop).sum())(w), "d"),
        out_specs=P(), check_vma=check, **specs)
    outside = jax.grad(lambda *a: out(*a).sum(), (0, 1, 2))
    tangent = lambda *a: jax.jvp(out, a, a)
    return [jit(g)(w, c, xs) for g in (out, inside, outside, tangent)]

def sharded(loop):
    with jax.set_mesh(jax.make_mesh((2,), ("d",), axis_types=(AxisType.Explicit,))):
        d, x = jax.device_put(c, P("d")), jax.device_put(xs, P(None, "d"))
        g = jax.jit(jax.value_and_grad(lambda w, c, x: f(w, c, x, loop).sum(), (0, 1, 2)))
        return jax.jit(lambda w, c, x: f(w, c, x, loop))(w, d, x), g(w, d, x)

def same(found, expected):
    for a, b in zip(*map(jax.tree.leaves, (found, expected)), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)

expected = {check: mapped(jax.lax.scan, check, jax.jit) for check in (True, False)}
explicit = sharded(jax.lax.scan)
for options in ({}, {"loop": "layer"}, {"loop": "step"}, {"remat": 2}):
    ours = lambda *a: scan(*a, **options)
    for check in (True, False):
        for jit in (jax.jit, lambda f: f):
            same(mapped(ours, check, jit), expected[check])
    found = sharded(ours)
    assert jax.typeof(found[0]) == jax.typeof(explicit[0])
    same(found, explicit)
print("all the same")
"""


def test_loops_on_several_devices(two_devices):
    done = subprocess.run(
        [sys.executable, "-c", SHARDS],
        env=os.environ | two_devices,
        capture_output=True,
        text=True,
        timeout=500,
        check=False,
    )
    assert "all the same" in done.stdout, done.stderr[-3000:]
