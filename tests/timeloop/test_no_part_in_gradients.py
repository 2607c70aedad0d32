"""What nobody uses, or no derivative runs through, has no part in a gradient."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from compared_loops import EYE, same, total

from dynplug.timeloop import custom_derivative, scan

UNUSED = {
    "a norm at zero": jnp.linalg.norm,
    "a square root at zero": lambda v: jnp.sqrt(v.sum()),
    "a logarithm at zero": lambda v: jnp.log(v**2),
    "a power at zero": lambda v: (v**2).sum() ** 0.25,
}


@pytest.mark.parametrize("name", UNUSED)
def test_an_output_that_nobody_uses_has_no_part_in_the_gradient(name, loop, by_lax):
    def f(w, x, loop):
        def step(c, x):
            V = 0.9 * c + x @ w
            return V, (V, UNUSED[name](V))

        _, (V, _) = loop(step, jnp.zeros(3), x)
        return ((V - 1) ** 2).sum()

    xs = jnp.zeros((5, 3))
    of = jax.jit(jax.grad(f, (0, 1)), static_argnums=2)
    same(of(EYE, xs, loop), by_lax(lambda: of(EYE, xs, jax.lax.scan)))


def test_a_carry_that_nobody_uses_has_no_part_in_the_gradient(loop):
    def f(w):
        def step(c, x):
            V = 0.9 * c[0] + x @ w
            return (V, c[1] + jnp.linalg.norm(V)), V

        return ((loop(step, (jnp.zeros(3), 0.0), jnp.zeros((5, 3)))[1] - 1) ** 2).sum()

    assert bool(jnp.isfinite(jax.grad(f)(EYE)).all())


UNDIFFERENTIABLE = {
    "while": lambda s: jax.lax.while_loop(lambda v: jnp.any(v < 1.0), lambda v: v * 1.5 + 0.1, s) * 0.3,
    "callback": lambda s: jax.pure_callback(
        lambda v: np.asarray(v) * np.float32(0.9), jax.ShapeDtypeStruct(s.shape, s.dtype), s
    ),
    "nextafter": lambda s: jnp.nextafter(s, 2 * s),
}


@pytest.mark.parametrize("name", UNDIFFERENTIABLE)
def test_what_no_derivative_runs_through_is_not_differentiated(name, loop, by_lax):
    f = UNDIFFERENTIABLE[name]

    def loss(w, loop):
        def step(c, x):
            V, s, r = c
            s, r = f(s), f(jax.lax.stop_gradient(V) + r)
            V = 0.9 * V + x @ w * s + r
            return (V, s, r), V

        return total(loop(step, (jnp.zeros(3), jnp.ones(3), jnp.ones(3)), jnp.ones((5, 3))))

    of = jax.jit(jax.grad(loss), static_argnums=1)
    same(of(EYE, loop), by_lax(lambda: of(EYE, jax.lax.scan)), rtol=1e-4)


def test_what_reaches_nothing_has_a_gradient_of_zero(loop):
    def f(w, loop):
        _, counts = loop(lambda c, x: (c + 1, (c + x @ w > 1).astype(jnp.int32)), jnp.zeros(3), jnp.ones((5, 3)))
        return counts.sum().astype(float) * w.sum()

    with jax.numpy_dtype_promotion("standard"):
        same(jax.grad(f)(EYE, loop), jax.grad(f)(EYE, jax.lax.scan))


def test_what_has_no_derivative_raises_as_in_lax_scan(monkeypatch):
    monkeypatch.setattr(custom_derivative, "fall_back", True)

    def f(c, loop):
        return loop(lambda c, x: (UNDIFFERENTIABLE["while"](c), c), c, None, 3)[1].sum()

    for loop in (jax.lax.scan, scan):
        with pytest.raises(ValueError, match="while_loop"):
            jax.grad(f)(jnp.ones(3), loop)
