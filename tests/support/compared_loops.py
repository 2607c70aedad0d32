"""What comparisons with `jax.lax.scan` share: functions with derivatives of their own, and results side by side."""

import jax
import jax.numpy as jnp
import numpy as np

EYE = jnp.eye(3)
WAYS = [  # in which a loop runs
    {},
    {"loop": "layer"},
    {"loop": "step"},
    {"remat": True},
    {"remat": 3},
    {"loop": "step", "remat": 2},
]


@jax.custom_jvp
def spike(x):
    """A threshold with the derivative of a surrogate."""
    return (x > 0).astype(x.dtype)


spike.defjvp(lambda primals, tangents: (spike(primals[0]), tangents[0] / (1 + jnp.abs(primals[0])) ** 2))


@jax.custom_vjp
def clipped(x):
    """The identity, whose backward pass is not linear: that of a sum is not the sum of those."""
    return x


clipped.defvjp(lambda x: (x, None), lambda _, ct: (jnp.clip(ct, -0.01, 0.01),))


def compiled(f, argnums=0):
    """Values and gradients of `f(*args, loop)`, compiled."""
    return jax.jit(jax.value_and_grad(f, argnums, has_aux=True), static_argnames="loop")


def total(results):
    """A number that depends on all results."""
    return sum(jnp.sin(v).sum() for v in jax.tree.leaves(results) if jnp.issubdtype(v.dtype, jnp.floating))


def same(one, other, **tolerance):
    """Trees of one structure, of arrays of one type, with nearly the same values."""
    assert jax.tree.structure(one) == jax.tree.structure(other)
    for a, b in zip(jax.tree.leaves(one), jax.tree.leaves(other), strict=True):
        assert jax.typeof(a) == jax.typeof(b)
        assert getattr(a, "weak_type", False) == getattr(b, "weak_type", False)
        np.testing.assert_allclose(a, b, **({"rtol": 1e-5, "atol": 1e-6} | tolerance))


def recurrent(w, loop, length=6):
    """A recurrent layer over time."""

    def step(c, x):
        c = jnp.tanh(c @ w + x)
        return c, (c**2, jnp.sin(x @ w))

    return loop(step, 0.1 * jnp.ones(3), jnp.arange(3.0 * length).reshape(length, 3) / 10)
