"""Derivatives go by the rules that functions of the step bring along, and take what cotangents they are given."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from compared_loops import EYE, clipped, same, spike, total

import dynplug as dp
from dynplug.timeloop import scan


def say(v):
    jax.debug.print("{}", v.sum())
    return v


@jax.custom_jvp
def printed(x):
    return x


printed.defjvp(lambda p, t: (say(p[0]), t[0]))


@jax.custom_vjp
def printed_there(x):
    return x


printed_there.defvjp(lambda x: (say(x), None), lambda _, g: (2 * g,))


@jax.custom_vjp
def printed_back(x):
    return x


printed_back.defvjp(lambda x: (x, None), lambda _, g: (say(g),))


@pytest.mark.parametrize("within", ["the step", "a branch"])
@pytest.mark.parametrize("look", [printed, printed_there, printed_back], ids=lambda f: f.__name__)
def test_derivative_rules_may_print(look, within, capfd):
    def f(w, loop):
        def step(c, x):
            seen = look(c) if within == "the step" else jax.lax.cond(x[0] > 9, jnp.sin, look, c)
            return jnp.tanh(seen @ w + x), c

        return total(loop(step, jnp.ones(3), jnp.ones((4, 3))))

    def printed_by(loop):
        gradient = jax.jit(jax.grad(f), static_argnums=1)(0.3 * EYE, loop)
        jax.effects_barrier()
        return gradient, sorted(map(float, capfd.readouterr().out.split()))

    found, expected = printed_by(scan), printed_by(jax.lax.scan)
    assert len(expected[1]) == 4
    same(jax.tree.map(jnp.asarray, found), jax.tree.map(jnp.asarray, expected))


def test_a_backward_pass_that_is_not_linear_sees_the_sum_over_a_batch(loop, x64, by_lax):
    def f(w, c, loop):
        return total(loop(lambda c, x: (jnp.tanh(c @ clipped(w) + x), c), c, jnp.ones((4, 3)) / 3))

    cs = jnp.arange(6.0).reshape(2, 3) / 5

    def gradient(loop):
        return jax.jit(jax.grad(lambda w: jax.vmap(lambda c: f(w, c, loop))(cs).sum()))(0.3 * jnp.eye(3))

    def one_by_one():
        each = jax.jit(jax.grad(lambda w, c: f(w, c, jax.lax.scan)))
        return sum(np.asarray(each(0.3 * jnp.eye(3), c)) for c in cs)

    expected, apart = by_lax(lambda: (gradient(jax.lax.scan), one_by_one()))
    same(found := gradient(loop), expected, rtol=1e-9)
    assert np.abs(apart - np.asarray(found)).max() > 1e-3


def test_second_derivatives_go_by_the_rules_of_the_step(loop, x64, by_lax):
    """`jax.lax.scan` forgets the rule of a spike in the forward pass; the steps one by one do not."""
    xs = jnp.asarray(np.random.default_rng(0).normal(size=(6, 3)))

    def step(w):
        def one(V, x):
            V = 0.8 * V + x @ w
            s = spike(V - 0.37)
            return V * (1 - s), s

        return one

    def by_hand(step, V, xs):
        outs = []
        for x in xs:
            V, s = step(V, x)
            outs.append(s)
        return V, jnp.stack(outs)

    def f(w, loop):
        return total(loop(step(w), jnp.zeros(3), xs))

    @functools.partial(jax.jit, static_argnums=1)
    def derivatives(w, loop):
        def g(w):
            return f(w, loop)

        return (
            jax.grad(lambda w: (jax.grad(g)(w) ** 2).sum())(w),
            jax.jvp(jax.grad(g), (w,), (w,))[1],
            jax.grad(lambda w: jax.jvp(g, (w,), (w,))[1])(w),
        )

    w = 0.5 * jnp.eye(3) + 0.1
    same(derivatives(w, loop), by_lax(lambda: derivatives(w, by_hand)), rtol=1e-9)


@pytest.mark.parametrize("kind", [np.asarray, jnp.asarray])
def test_cotangents_may_be_arrays_of_numpy(kind, loop):
    xs = jnp.arange(1.0, 16.0).reshape(5, 3) / 9

    def step(c, x):
        return jnp.sin(c * x), c

    def pulled(loop, kind):
        results, pull = jax.vjp(lambda c: loop(step, c, xs), jnp.ones(3))
        return pull(jax.tree.map(lambda v: kind(np.ones(v.shape, v.dtype)), results))[0]

    same(pulled(loop, kind), pulled(jax.lax.scan, jnp.asarray))


@pytest.mark.parametrize("jit", [False, True])
def test_cotangents_of_a_runner_may_be_arrays_of_numpy(jit):
    runner = dp.LoopOverTime(dp.layers.RNNCell(3, 4, key=jax.random.key(0)), dt=1.0, jit=jit)
    out, pull = jax.vjp(lambda x: runner(x)[1], jnp.ones((6, 3)))
    same(pull(np.ones(out.shape, np.float32))[0], pull(jnp.ones_like(out))[0])
    assert float(jnp.abs(pull(np.ones(out.shape, np.float32))[0]).sum()) > 0
