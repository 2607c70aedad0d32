"""Constants that NumPy computes instead of JAX: the same bits, and far fewer programs to compile."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

import dynplug as dp
from dynplug.timeloop import numpy_evaluation
from dynplug.timeloop.numpy_evaluation import _by_numpy

TWO = [lax.add, lax.sub, lax.mul, lax.div, lax.eq, lax.ne, lax.lt, lax.le, lax.gt, lax.ge]
ONE = [
    lax.neg,
    lax.abs,
    lambda x: lax.broadcast_in_dim(x, (2, 500, 3), (1,)),
    lambda x: lax.reshape(x, (20, 25)),
    lambda x: lax.expand_dims(x, (0,)),
]


def both(f, *xs):
    """What NumPy and what a compiled program give."""
    eqn = jax.make_jaxpr(f)(*xs).jaxpr.eqns[-1]
    return _by_numpy(eqn, list(xs)), np.asarray(jax.jit(f)(*xs))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_numpy_gives_the_same_bits_as_xla(dtype):
    rng = np.random.default_rng(0)
    with jax.enable_x64(dtype == "float64"):
        x, y = (rng.normal(size=500).astype(dtype) * 10.0 ** rng.integers(-9, 9, 500).astype(dtype) for _ in range(2))
        x[:4], y[:4] = [0.0, -0.0, 1.0, 2.0], [1.0, 3.0, 1.0, 2.0]
        for f in (*TWO, *ONE):
            found, expected = both(f, *((x, y) if f in TWO else (x,)))
            assert found is not None
            assert found.dtype == expected.dtype
            assert found.shape == expected.shape
            assert found.tobytes() == expected.tobytes()


@pytest.mark.parametrize("value", [np.inf, np.nan, 1e-40])
def test_what_may_differ_is_left_to_jax(value):
    x, one = np.asarray([value, 1.0], np.float32), np.ones(2, np.float32)
    for f in TWO:
        assert _by_numpy(jax.make_jaxpr(f)(x, one).jaxpr.eqns[0], [x, one]) is None
    (eqn,) = jax.make_jaxpr(lax.exp)(one).jaxpr.eqns
    assert _by_numpy(eqn, [one]) is None
    huge = np.full(2, 3e38, np.float32)
    assert _by_numpy(jax.make_jaxpr(lax.add)(huge, huge).jaxpr.eqns[0], [huge, huge]) is None


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
