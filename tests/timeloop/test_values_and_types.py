"""Values and types to the last bit of sign and weakness, whatever is carried."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from compared_loops import compiled, same, total
from leaky_layer import V0, W, X, leaky

from dynplug.timeloop import scan

COUNTERS = {
    "Weyl sequence": (np.uint32(1), np.uint32(0x9E3779B9), 7),
    "int8": (np.int8(0), np.int8(1), 300),
    "uint8": (np.uint8(0), np.uint8(200), 5),
    "downwards": (np.uint32(100), np.uint32(2**32 - 1), 3),
    "int16 downwards": (np.int16(-32760), np.int16(-5), 7),
    "int32 at its end": (np.int32(2**31 - 2), np.int32(1), 5),
}


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("name", COUNTERS)
def test_counters_wrap_around(name, reverse, loop):
    first, by, length = COUNTERS[name]
    expected = jax.lax.scan(lambda c, _: (c + by, c), jnp.asarray(first), None, length, reverse)
    same(loop(lambda c, _: (c + by, c), jnp.asarray(first), None, length, reverse), expected)


def test_zeros_keep_their_sign(loop):
    def step(c, x):
        z = jnp.concatenate([jnp.zeros(2), -jnp.zeros(2)])
        return c, (jnp.copysign(x, z), jnp.arctan2(z, -jnp.ones(4)) + 0 * x, -jnp.zeros(2) * x[:2])

    xs = jnp.ones((3, 4))
    found, expected = loop(step, jnp.zeros(()), xs), jax.lax.scan(step, jnp.zeros(()), xs)
    same(found, expected)
    for a, b in zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True):
        np.testing.assert_array_equal(np.signbit(a), np.signbit(b))


@pytest.mark.parametrize("shape", [(0, 3), (3, 0), (0,)])
def test_arrays_without_elements(shape, loop, by_lax):
    def f(c, xs, loop):
        results = loop(lambda c, x: (c * 0.5 + x, (c, c.sum())), c, xs)
        return total(results), results

    c, xs = jnp.zeros(shape), jnp.zeros((8, *shape))
    expected = by_lax(lambda: compiled(f, (0, 1))(c, xs, loop=jax.lax.scan))
    same(compiled(f, (0, 1))(c, xs, loop=loop), expected)


def test_no_step_at_all():
    new, y = scan(leaky(W), V0, X[:0], 0)
    np.testing.assert_array_equal(new, V0)
    assert y.shape == (0, 5, 30)


def test_types_are_those_of_lax_scan(loop):
    def step(c, x):
        return (c[0] + 1, c[1] * 2.0, c[2], c[3]), (c[1], 3.0, True, c[0], x * 0.5)

    init = (0, 1.5, jnp.bfloat16(2), np.int8(3))
    with jax.numpy_dtype_promotion("standard"):
        for xs in (jnp.arange(4), jnp.arange(4.0, dtype=jnp.bfloat16), np.arange(4, dtype=np.float32)):
            same(loop(step, init, xs), jax.lax.scan(step, init, xs))


def test_a_weak_carry_becomes_what_the_step_makes_of_it(loop):
    def step(c, x):
        return c + x, c

    with jax.numpy_dtype_promotion("standard"):
        xs = jnp.arange(4, dtype=jnp.bfloat16)
        same(loop(step, 0.0, xs), jax.lax.scan(step, 0.0, xs))


@pytest.mark.parametrize("dtype", [jnp.float32, jnp.float64, jnp.bfloat16, jnp.complex64])
def test_dtypes_are_kept(dtype, x64):
    def step(V, x):
        return V * jnp.asarray(0.5, dtype) + x @ x.T, V

    x = jnp.ones((6, 4, 4), dtype)
    new, y = scan(step, jnp.zeros((4, 4), dtype), x, 6)
    expected = jax.lax.scan(step, jnp.zeros((4, 4), dtype), x)
    assert (new.dtype, y.dtype) == (dtype, dtype)
    np.testing.assert_allclose(np.asarray(y, complex), np.asarray(expected[1], complex), rtol=1e-2)


def test_outputs_and_carries_that_are_numbers():
    new, y = scan(lambda c, x: (jnp.float32(2), (True, 3, 1.5, x)), jnp.float32(0), jnp.arange(4), 4)
    expected = jax.lax.scan(lambda c, x: (jnp.float32(2), (True, 3, 1.5, x)), jnp.float32(0), jnp.arange(4))
    same((new, y), expected, rtol=1e-8, atol=1e-9)


def test_constants_may_be_arrays_of_numpy(loop, by_lax):
    weight, scale = np.arange(9.0, dtype=np.float32).reshape(3, 3) / 10, np.linspace(0.5, 1.0, 3, dtype=np.float32)

    def f(c, xs, loop):
        results = loop(lambda c, x: (jnp.tanh(c @ weight + x), (c * scale, jnp.asarray(weight))), c, xs)
        return total(results), results

    args = jnp.ones(3), jnp.arange(15.0).reshape(5, 3) / 10
    same(compiled(f)(*args, loop), by_lax(lambda: compiled(f)(*args, jax.lax.scan)))


@pytest.mark.parametrize("length", [3, np.int64(3), jnp.int32(3), np.array(3)], ids=lambda v: type(v).__name__)
def test_a_length_may_be_any_whole_number(length, loop):
    step, start = lambda c, x: (c + 1.0, 2.0 * c), jnp.ones(2)
    same(loop(step, start, length=length), jax.lax.scan(step, start, length=3))
    same(jax.jit(lambda c: loop(step, c, length=length))(start), jax.lax.scan(step, start, length=3))


def test_a_step_may_be_any_callable():
    class Step:
        def __call__(self, c, x):
            return c + x, c

    xs = jnp.arange(4.0)
    for step in (Step(), Step().__call__, functools.partial(Step())):
        same(scan(step, 0.0, xs), jax.lax.scan(step, 0.0, xs))


def test_other_generators_draw_the_numbers_that_lax_scan_draws():
    key = jax.random.key(3, impl="rbg")

    def step(V, i):
        return V, jax.random.normal(jax.random.fold_in(key, i), (3,))

    steps = jnp.arange(5)
    np.testing.assert_array_equal(scan(step, 0.0, steps, 5)[1], jax.lax.scan(step, 0.0, steps)[1])
