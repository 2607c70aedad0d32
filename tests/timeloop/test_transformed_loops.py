"""Transformed loops: modes and orders of derivatives, batches, named axes, symbols for sizes, time reversed."""

import functools

import jax
import jax.export
import jax.numpy as jnp
import numpy as np
import pytest
from compared_loops import EYE, WAYS, recurrent, same, total
from leaky_layer import V0, W, X, leaky

from dynplug.timeloop import scan


def test_forward_mode(loop, x64, by_lax):
    w, t = 0.3 * jnp.eye(3), jnp.arange(9.0).reshape(3, 3) / 10

    def derivatives(loop):
        def h(w):
            return recurrent(w, loop)

        first = [
            lambda w: jax.jvp(h, (w,), (t,)),
            jax.jacfwd(h),
            lambda w: jax.linearize(h, w)[1](t),
        ]
        ways = (jax.jacfwd, jax.jacrev), (jax.jacrev, jax.jacfwd), (jax.jacrev, jax.jacrev)
        second = [outer(inner(lambda w: total(h(w)))) for outer, inner in ways]
        return jax.jit(lambda w: [[f(w) for f in some] for some in (first, second)])(w)

    with jax.numpy_dtype_promotion("standard"):
        pairs = zip(derivatives(loop), by_lax(lambda: derivatives(jax.lax.scan)), strict=True)
        for (one, other), tolerance in zip(pairs, ({"rtol": 1e-10}, {"rtol": 1e-9, "atol": 1e-10}), strict=True):
            same(one, other, **tolerance)


@pytest.mark.parametrize("options", WAYS)
def test_second_derivatives_by_reverse_over_reverse(options, x64):
    def f(w, loop):
        _, y = loop(lambda c, x: (jnp.tanh(x * w + c), c), 0.0, jnp.linspace(0.0, 1.0, 6), 6)
        return (y**2).sum()

    second, expected = (
        jax.jit(jax.grad(jax.grad(lambda w, loop=loop: f(w, loop))))(0.7)
        for loop in (functools.partial(scan, **options), jax.lax.scan)
    )
    np.testing.assert_allclose(second, expected, rtol=1e-9)


def test_what_is_not_batched_stays_so(loop):
    def f(x, loop):
        return loop(lambda c, x: ((c[0] + 1.0, c[1] + x), c[0]), (0.0, 0.0), x)

    xs = jnp.arange(6.0).reshape(2, 3)
    axes = (((None, 0), None),)
    found = jax.vmap(functools.partial(f, loop=loop), out_axes=axes[0])(xs)
    same(found, jax.vmap(functools.partial(f, loop=jax.lax.scan), out_axes=axes[0])(xs))


@pytest.mark.parametrize("axes", [(0, None, None), (None, 0, None), (None, None, 0), (None, None, 1), (0, 0, 1)])
def test_gradients_of_a_batch_and_batches_of_gradients(axes, loop, x64, by_lax):
    def f(w, c, xs, loop):
        return total(loop(lambda c, x: (jnp.tanh(c @ w + x @ w.T), c), c, xs))

    rng = np.random.default_rng(0)
    shapes = [(3, 3), (3,), (5, 3)]
    args = [
        jnp.asarray(rng.normal(size=s if a is None else (*s[:a], 4, *s[a:])) * 0.5)
        for s, a in zip(shapes, axes, strict=True)
    ]

    @functools.partial(jax.jit, static_argnames="loop")
    def both(*args, loop):
        h = functools.partial(f, loop=loop)
        many = jax.vmap(jax.grad(h, (0, 1, 2)), axes)
        return many(*args), jax.grad(lambda *a: jax.vmap(h, axes)(*a).sum(), (0, 1, 2))(*args)

    same(both(*args, loop=loop), by_lax(lambda: both(*args, loop=jax.lax.scan)), rtol=1e-9)


@pytest.mark.parametrize("options", WAYS)
def test_under_vmap_and_within_another_scan(options, x64):
    xs, V = (np.asarray(a, float) for a in (X.reshape(3, 4, 5, 40), V0))

    def run(weight):
        def outer(total, x):
            _, s = scan(leaky(weight), V, x, 4, **options)
            return total + s.sum(), s.mean()

        return jax.lax.scan(outer, 0.0, xs)[0]

    many = np.stack([W, 0.5 * W, -W]).astype(float)
    with jax.numpy_dtype_promotion("standard"):
        found = jax.jit(jax.vmap(jax.grad(run)))(many)
        one = jax.jit(jax.grad(run))
        alone = np.stack([one(w) for w in many])
    assert np.abs(alone).max() > 1e-3
    np.testing.assert_allclose(found, alone, rtol=1e-9, atol=1e-12)


def test_sums_over_a_named_axis(loop):
    def f(w, x, loop):
        def step(c, x):
            c = jnp.tanh(0.5 * c + jax.lax.psum(x @ w, "units"))
            return c, c

        return total(loop(step, jnp.zeros(3), x))

    xs = jnp.arange(30.0).reshape(2, 5, 3) / 30
    one, other = (
        jax.vmap(jax.grad(functools.partial(f, loop=each)), (None, 0), axis_name="units")
        for each in (loop, jax.lax.scan)
    )
    same(one(EYE, xs), other(EYE, xs))


@pytest.mark.parametrize("shape", ["n, 2, 3", "5, n, 3"])
def test_sizes_may_be_symbols(shape, loop, by_lax):
    n = {"n": 5 if shape.startswith("n") else 2}
    xs = jnp.arange(30.0).reshape([n.get(k) or int(k) for k in shape.split(", ")]) / 30

    def f(w, xs, loop):
        return total(loop(lambda c, x: (jnp.tanh(c @ w + jnp.sin(x @ w)), c), jnp.zeros(xs.shape[1:]), xs))

    specs = jax.ShapeDtypeStruct((3, 3), "float32"), jax.ShapeDtypeStruct(jax.export.symbolic_shape(shape), "float32")
    exported = jax.export.export(jax.jit(functools.partial(jax.value_and_grad(f), loop=loop)))(*specs)
    same(exported.call(0.3 * EYE, xs), by_lax(lambda: jax.value_and_grad(f)(0.3 * EYE, xs, jax.lax.scan)))


def test_the_last_step_may_be_the_first(loop, by_lax):
    def f(w, c, xs, loop):
        def step(c, x):
            c = jnp.tanh(0.5 * c + x @ w)
            return c, c * x

        results = loop(step, c, xs, reverse=True)
        return total(results), results

    args = 0.3 * EYE, jnp.ones(3), jnp.arange(15.0).reshape(5, 3) / 10
    expected = by_lax(lambda: jax.value_and_grad(f, (0, 1, 2), has_aux=True)(*args, jax.lax.scan))
    same(jax.value_and_grad(f, (0, 1, 2), has_aux=True)(*args, loop), expected)
