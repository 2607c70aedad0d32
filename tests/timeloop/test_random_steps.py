"""The compiled loop against `jax.lax.scan`, for steps put together at random."""

import functools
import os

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from compared_loops import WAYS, same, spike
from hypothesis import HealthCheck, given, settings, strategies as st

from dynplug.timeloop import primitives, scan

UNITS, BATCH = 4, 2
CASES = int(os.environ.get("DYNPLUG_SCAN_CASES", "12"))  # 300 and more where there is time


@pytest.fixture
def all_heavy(monkeypatch):
    """Every product counts as heavy, however small."""
    monkeypatch.setattr(primitives, "_HEAVY_PRODUCT", 1)


OPERATIONS = {
    "linear": lambda w, a, b, c: a @ w[0],
    "other linear": lambda w, a, b, c: a @ w[1] + w[2],
    "tied linear": lambda w, a, b, c: a @ w[0] + b @ w[0].T,
    "tanh": lambda w, a, b, c: jnp.tanh(a),
    "spike": lambda w, a, b, c: spike(a - 0.1),
    "gate": lambda w, a, b, c: jax.nn.sigmoid(a) * b,
    "add": lambda w, a, b, c: a - 0.5 * b,
    "leak": lambda w, a, b, c: jnp.exp(-(w[2] ** 2)) * a + b,
    "reset": lambda w, a, b, c: jnp.where(a > 0.2, 0.0, a) + 0.1 * b,
    "jit": lambda w, a, b, c: jax.jit(lambda u, v: jnp.sin(u) @ w[1] - v)(a, b),
    "cond": lambda w, a, b, c: jax.lax.cond(c["count"] % 3 == 0, lambda: a @ w[0], lambda: b),
    "inner scan": lambda w, a, b, c: jax.lax.scan(lambda u, _: (jnp.tanh(u @ w[1]), None), a, length=2)[0] + b,
    "while": lambda w, a, b, c: a * jax.lax.while_loop(lambda n: n < 3, lambda n: n + 1, c["count"]).astype(a.dtype),
    "normalise": lambda w, a, b, c: a - a.mean(0, keepdims=True),
    "noise": lambda w, a, b, c: a + jax.random.normal(jax.random.fold_in(jax.random.key(3), c["count"]), a.shape),
    "dropout": lambda w, a, b, c: a * jax.random.bernoulli(jax.random.fold_in(c["key"], c["count"]), 0.5, a.shape),
    "flag": lambda w, a, b, c: jnp.where(c["flag"], a, b),
    "fixed": lambda w, a, b, c: a * c["fixed"],
    "sort": lambda w, a, b, c: jnp.sort(a, axis=-1) + b,
    "slices": lambda w, a, b, c: jnp.concatenate([a[:, 1:], b[:, :1]], axis=1),
    "checkpoint": lambda w, a, b, c: jax.checkpoint(lambda u: jnp.sin(u @ w[0]))(a) + b,
}


operation = st.tuples(st.sampled_from(sorted(OPERATIONS)), st.integers(0, 30), st.integers(0, 30))


@st.composite
def steps(draw):
    """A random step: operations on earlier values, the values that it carries on, and its outputs."""
    made = draw(st.lists(operation, min_size=1, max_size=9))
    handed = draw(st.tuples(*[st.integers(0, 30)] * 3))
    put_out = draw(st.lists(st.integers(0, 30), min_size=1, max_size=3))
    return made, handed, put_out


def build(made, handed, put_out, weights):
    def step(c, x):
        values = [x, *c["v"]]
        for name, i, j in made:
            values.append(OPERATIONS[name](weights, values[-1 - i % len(values)], values[j % len(values)], c))
        latest = values[::-1]
        new = {
            "v": tuple(latest[i % len(latest)] for i in handed),
            "count": c["count"] + 2,
            "counts": c["counts"] - 1,
            "flag": latest[0] > 0,
            "fixed": c["fixed"],
            "key": c["key"],
            "steps": jnp.where(c["flag"].any(), c["steps"] + 1, 0),
        }
        return new, {"out": [latest[i % len(latest)] for i in put_out], "constant": weights[2], "steps": c["steps"]}

    return step


def start(x):
    return {
        "v": tuple(0.3 * (k + 1) * jnp.ones_like(x[0]) for k in range(3)),
        "count": jnp.int32(1),
        "counts": jnp.arange(3),
        "flag": jnp.zeros((BATCH, UNITS), bool),
        "fixed": jnp.linspace(0.5, 1.5, UNITS, dtype=x.dtype)[None].repeat(BATCH, 0),
        "key": jax.random.key(1),
        "steps": jnp.int32(0),
    }


def results(loop, description, length):
    """Outputs, final carry, and the gradients of a sum of both for weights, inputs and the first carry."""
    rng = np.random.default_rng(length)
    weights = [jnp.asarray(rng.normal(size=s)) * 0.6 for s in [(UNITS, UNITS), (UNITS, UNITS), (1, UNITS)]]
    weights[2] = weights[2].repeat(BATCH, 0)
    x = jnp.asarray(rng.normal(size=(length, BATCH, UNITS)))

    def total(weights, x, v):
        carry, out = loop(build(*description, weights), start(x) | {"v": v}, x, length)
        scale = jnp.arange(1.0, length + 1.0)[:, None, None]
        value = sum((jnp.sin(o) * scale).sum() for o in out["out"]) + sum((v**2).sum() for v in carry["v"])
        carry["key"] = jax.random.key_data(carry["key"])
        return value + out["constant"].sum(), (carry, out)

    return jax.jit(jax.value_and_grad(total, argnums=(0, 1, 2), has_aux=True))(weights, x, start(x)["v"])


@pytest.mark.claim(
    "time-loop-random-steps",
    "The compiled time loop gives the outputs, carries and gradients of jax.lax.scan for steps put together "
    "at random (relative, and absolute below 0.1)",
    tolerance=1e-8,
    reference="jax.lax.scan",
    components=("runner:LoopOverTime",),
)
@pytest.mark.usefixtures("x64", "all_heavy")
@settings(max_examples=CASES, deadline=None, suppress_health_check=list(HealthCheck), derandomize=CASES < 100)
@given(description=steps(), length=st.integers(1, 8), way=st.sampled_from(WAYS))
def test_random_steps(measured, description, length, way):
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        expected = results(jax.lax.scan, description, length)
        found = results(functools.partial(scan, **way), description, length)
    same(found, expected, rtol=1e-8, atol=1e-9)
    for a, b in zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True):
        measured.relative(a, b, floor=0.1)
