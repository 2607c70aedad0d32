"""What the backward pass keeps, and what it computes again: in chunks, and in little memory."""

import functools

import jax
import jax.numpy as jnp
import pytest
from compared_loops import same
from leaky_layer import V0, W, X, loss

from dynplug.timeloop import scan


def test_the_backward_pass_keeps_one_value_a_step_of_a_spiking_unit():
    def kept(**options):
        _, pull = jax.vjp(functools.partial(loss, **options), W)
        own = [X.nbytes, W.nbytes]
        return sum(v.nbytes for v in jax.tree.leaves(pull) if hasattr(v, "nbytes") and v.nbytes not in own)

    row = V0.nbytes * len(X)
    # beside the potential before its reset: the product's tanh, kept because a product is not repeated
    assert kept(loop="step") <= 2.5 * row


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("loop", ["auto", "layer", "step"])
def test_chunks_of_which_the_last_is_shorter(loop, reverse, x64):
    """Values, carries and gradients, those of what all steps use included, in both directions of time."""
    xs = jnp.arange(21.0).reshape(7, 3) / 10

    def f(w, c, xs, loop):
        carry, ys = loop(lambda c, x: (jnp.tanh(c @ w + x), jnp.sin(c) * x), c, xs, reverse=reverse)
        return jnp.cos(carry).sum() + (jnp.cumsum(ys, 0) ** 2).sum(), (carry, ys)

    of = jax.jit(jax.value_and_grad(f, (0, 1, 2), has_aux=True), static_argnums=3)
    given = 0.3 * jnp.eye(3) + 0.1, 0.1 * jnp.ones(3), xs
    same(of(*given, functools.partial(scan, loop=loop, remat=3)), of(*given, jax.lax.scan), rtol=1e-8, atol=1e-9)


def test_memory_of_a_long_loop_grows_like_its_square_root():
    def bytes_for(length, **options):
        x = jax.ShapeDtypeStruct((length, 5, 40), jnp.float32)
        compiled = jax.jit(jax.grad(lambda w, x: loss(w, x, **options))).lower(W, x).compile()
        return compiled.memory_analysis().temp_size_in_bytes - 4 * length * 5 * 30  # less what `s.mean` itself needs

    short, long = (bytes_for(n, remat=True) for n in (400, 10_000))
    assert long < 8 * short  # 25 times the steps
    assert long < bytes_for(10_000, loop="plain") / 8


def temporary_bytes(f, *args):
    return jax.jit(f).lower(*args).compile().memory_analysis().temp_size_in_bytes


@pytest.mark.parametrize("way", [{}, {"loop": "layer"}, {"loop": "step"}], ids=str)
def test_the_gradient_of_a_table_takes_no_table_a_step(way):
    def f(table, length, loop):
        ids = jnp.arange(length * 2).reshape(length, 2) % 500
        return (loop(lambda c, i: (0.9 * c + table[i], c), jnp.zeros((2, 16)), ids)[1] ** 2).mean()

    table = jnp.ones((500, 16))
    ours, lax = (
        temporary_bytes(jax.grad(functools.partial(f, length=100, loop=each)), table)
        for each in (functools.partial(scan, **way), jax.lax.scan)
    )
    assert ours < max(2 * lax, 3 * table.nbytes)


def test_carries_that_nobody_reads_are_not_differentiated():
    def f(p, loop):
        def step(c, x):
            return tuple(jnp.tanh(p * v + 0.01 * k * x) for k, v in enumerate(c)), c[0] + c[-1]

        c = tuple(jnp.zeros(8) for _ in range(40))
        return (loop(step, c, jnp.ones((20, 8)))[1] ** 2).mean()

    ours, lax = (temporary_bytes(jax.grad(functools.partial(f, loop=each)), 0.5) for each in (scan, jax.lax.scan))
    assert ours <= 2 * lax
