"""Constants that NumPy computes instead of JAX: the same bits, and far fewer programs to compile."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

import dynplug as dp
from dynplug.core import numpy_evaluation
from dynplug.core.numpy_evaluation import _by_numpy, evaluate

TWO = [lax.add, lax.sub, lax.mul, lax.div, lax.eq, lax.ne, lax.lt, lax.le, lax.gt, lax.ge]
ONE = [
    lax.neg,
    lax.abs,
    lambda x: lax.sqrt(abs(x)),
    lambda x: lax.integer_pow(x, 2),
    lambda x: lax.round(x, lax.RoundingMethod.TO_NEAREST_EVEN),
    lambda x: lax.select_n(x > 0.0, x, lax.full_like(x, np.nan)),
    lambda x: jnp.where(x > 0.0, 1.0, x),
    lambda x: lax.convert_element_type(x > 0.0, x.dtype),
    lambda x: lax.broadcast_in_dim(x, (2, 500, 3), (1,)),
    lambda x: lax.reshape(x, (20, 25)),
    lambda x: lax.expand_dims(x, (0,)),
]
WORDS = [lax.add, lax.sub, lax.mul, lax.eq, lax.lt, lax.ge, lambda a, b: lax.shift_left(a, b & b.dtype.type(31))]
NUMBERS = [
    (lambda: lax.broadcasted_iota(np.int32, (3, 4, 2), 1),),
    (lambda: lax.iota(np.float32, 9),),
    (lambda x: lax.convert_element_type(x, np.float32), np.array([2**24 + 1, -(2**31)], np.int32)),
    (lambda x: lax.convert_element_type(x, np.float32), np.array([True, False])),
]
LEFT = [
    lambda x: lax.integer_pow(x, 3),
    lambda x: lax.round(x, lax.RoundingMethod.AWAY_FROM_ZERO),
    lambda x: lax.convert_element_type(x, jnp.int32),
    lambda x: lax.convert_element_type(x, jnp.bfloat16),
    jax.jit(lambda x: 0.1 * x + x),
    lax.exp,
]


def both(f, *xs):
    """The results of NumPy, for the last operation, and of a compiled program."""
    traced = jax.make_jaxpr(f)(*xs)
    *before, eqn = traced.jaxpr.eqns
    known = dict(zip((*traced.jaxpr.constvars, *traced.jaxpr.invars), (*traced.consts, *xs), strict=True))
    found = _by_numpy(eqn, [np.asarray(value) for value in evaluate(before, eqn.invars, known)])
    return None if found is None else found[0], np.asarray(jax.jit(f)(*xs))


def same_bits(found, expected):
    assert found is not None
    assert (found.dtype, found.shape) == (expected.dtype, expected.shape)
    assert found.tobytes() == expected.tobytes()


@pytest.mark.parametrize("mode", ["as tests are", "optimised"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_numpy_gives_the_same_bits_as_xla(dtype, mode, request):
    if mode == "optimised":
        request.getfixturevalue("optimised")
    rng = np.random.default_rng(0)
    with jax.enable_x64(dtype == "float64"):
        x, y = (rng.normal(size=500).astype(dtype) * 10.0 ** rng.integers(-9, 9, 500).astype(dtype) for _ in range(2))
        x[:6], y[:6] = [0.0, -0.0, 1.0, 2.0, 2.5, -0.5], [1.0, 3.0, 1.0, 2.0, 1.0, 1.0]
        for f in (*TWO, *ONE):
            same_bits(*both(f, *((x, y) if f in TWO else (x,))))
        if dtype == "float64":
            same_bits(*both(lambda x: lax.convert_element_type(x, jnp.float32), x))


@pytest.mark.parametrize("dtype", ["int32", "uint32"])
def test_integers_wrap_as_those_of_xla_do(dtype):
    x, y = np.random.default_rng(0).integers(0, 2**32, (2, 99), dtype=np.uint32).view(dtype)
    for f in WORDS:
        same_bits(*both(f, x, y))


def test_what_is_made_or_converted_has_the_same_bits():
    for f, *x in NUMBERS:
        same_bits(*both(f, *x))


def test_what_may_have_other_bits_is_left_to_jax():
    x = np.linspace(1.0, 2.0, 7, dtype=np.float32)
    for f in LEFT:
        assert both(f, x)[0] is None


@pytest.mark.parametrize("value", [np.inf, np.nan, 1e-40])
def test_what_may_differ_is_left_to_jax(value):
    x, one = np.asarray([value, 1.0], np.float32), np.ones(2, np.float32)
    for f in TWO:
        assert both(f, x, one)[0] is None
    huge = np.full(2, 3e38, np.float32)
    assert both(lax.add, huge, huge)[0] is None


def test_numpy_computes_nearly_all_constants_of_a_plan_and_it_gives_the_same(monkeypatch):
    """Each that is left to JAX is a program to compile."""
    left = []

    def noted(eqn, values):
        found = _by_numpy(eqn, values)
        left.append(found is None)
        return found

    x, results = jnp.full((5, 7), 20.0), []
    for evaluated in (noted, lambda eqn, values: None):
        monkeypatch.setattr(numpy_evaluation, "_by_numpy", evaluated)
        loop = dp.LoopOverTime(dp.neurons.LIF(7, tau=10.0), dt=1.0)
        results.append(np.asarray(loop(x)[1]))
    assert len(left) > 20
    assert sum(left) < 0.3 * len(left), (sum(left), len(left))
    np.testing.assert_array_equal(*results)
