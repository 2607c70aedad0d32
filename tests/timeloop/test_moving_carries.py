"""Carried values that move among themselves, and that only add up."""

import jax
import jax.numpy as jnp
import pytest
from compared_loops import EYE, compiled, same, total

import dynplug as dp
from dynplug.timeloop.analysis import Analysis, analyse

PERMUTED = {
    "swapped": lambda w: (lambda c, x: ((c[1], c[0]), c[0] * (x @ w)), 2),
    "rotated": lambda w: (lambda c, x: ((c[1], c[2], c[0]), c[0] + x @ w), 3),
    "swapped beside a unit": lambda w: (lambda c, x: ((c[1], c[0], jnp.tanh(c[2] @ w + x)), c[0] * c[2]), 3),
    "swapped, with a sign": lambda w: (lambda c, x: ((-c[1], c[0]), c[0] * (x @ w)), 2),
    "added to one side": lambda w: (lambda c, x: ((c[1] + x @ w, c[0]), None), 2),
    "accumulated": lambda w: (lambda c, x: ((c[0] + jnp.tanh(x @ w),), None), 1),
    "accumulated, and an output of the input": lambda w: (lambda c, x: ((c[0] + x @ w,), jnp.sin(x @ w)), 1),
    "handed on": lambda w: (lambda c, x: ((c[0], c[1] @ w), c[0] * x), 2),
    "shifted along": lambda w: (lambda c, x: ((x @ w, c[0], c[1]), c[2]), 3),
    "never read": lambda w: (lambda c, x: ((x @ w, jnp.sin(c[1]) + x), x), 2),
    "a number": lambda w: (lambda c, x: ((jnp.zeros(3), c[0] + x @ w), c[0] + c[1]), 2),
}


@pytest.mark.parametrize("length", [1, 5])
@pytest.mark.parametrize("name", PERMUTED)
def test_carries_that_move_among_themselves(name, length, loop, by_lax):
    xs = jnp.arange(3.0 * length).reshape(length, 3) / 10

    def f(w, c, loop):
        return total(results := loop(PERMUTED[name](w)[0], c, xs)), results

    c = tuple(0.1 * (k + 1) * jnp.ones(3) for k in range(PERMUTED[name](EYE)[1]))
    expected = by_lax(lambda: compiled(f, (0, 1))(0.3 * EYE, c, loop=jax.lax.scan))
    same(compiled(f, (0, 1))(0.3 * EYE, c, loop=loop), expected)


@pytest.mark.parametrize("name", ["handed on", "shifted along", "never read"])
def test_carries_that_move_in_reversed_time(name, loop, by_lax):
    xs = jnp.arange(15.0).reshape(5, 3) / 10

    def f(w, c, loop):
        return total(results := loop(PERMUTED[name](w)[0], c, xs, reverse=True)), results

    c = tuple(0.1 * (k + 1) * jnp.ones(3) for k in range(PERMUTED[name](EYE)[1]))
    of = compiled(f, (0, 1))
    same(of(0.3 * EYE, c, loop=loop), by_lax(lambda: of(0.3 * EYE, c, loop=jax.lax.scan)))


@pytest.mark.parametrize("name", PERMUTED)
def test_none_of_them_is_left_to_lax_scan(name):
    step, count = PERMUTED[name](EYE)
    assert isinstance(analyse(step, (jnp.ones(3),) * count, jnp.ones((5, 3)), None, False, "auto", False), Analysis)


def test_a_readout_that_adds_up_trains_on_its_last_state():
    class Count(dp.DynamicalSystem):
        def init_state(self, ctx):
            return {"sum": jnp.zeros(4, ctx.dtype)}

        def update(self, state, x, ctx):
            return {"sum": state["sum"] + x}, None

    first, last = (dp.layers.Dense(n, m, key=jax.random.key(n)) for n, m in ((3, 30), (30, 4)))
    gradients = []
    for loop in ("plain", "auto"):

        def f(first, loop=loop):
            net = first >> dp.neurons.LIF(30) >> last >> Count()
            state, _ = dp.LoopOverTime(net, dt=1.0, loop=loop)(3 * jnp.ones((6, 3)))
            return (state["3.sum"] ** 2).sum()

        gradients.append(jax.grad(f)(first))
    assert float(jnp.abs(gradients[0].weight).sum()) > 0
    same(gradients[1].weight, gradients[0].weight)
