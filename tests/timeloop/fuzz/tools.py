"""Functions for the steps of random programs: spikes, clipped gradients, networks, and small layouts."""

import functools

import jax
import jax.numpy as jnp
import numpy as np

from dynplug.core.delay_line import dynplug_delay_step

SPECIAL = [0.0, -0.0, np.inf, -np.inf, np.nan, 1.0, -2.0, 0.5]


@jax.custom_jvp
def spike(x):
    return (x > 0).astype(x.dtype)


spike.defjvp(lambda primals, tangents: (spike(primals[0]), tangents[0] / (1 + jnp.abs(primals[0])) ** 2))


@jax.custom_jvp
def doubled(x, y):
    """A product whose derivative is not its own."""
    return x * y


doubled.defjvp(lambda p, t: (doubled(*p), 2.0 * t[0] * p[1] + 0.5 * p[0] * t[1]))


def backward(rule):
    """The identity, whose backward pass is `rule`."""
    identity = jax.custom_vjp(lambda x: x)
    identity.defvjp(lambda x: (x, None), lambda _, g: (rule(g),))
    return identity


HEARD: list[float] = []


def told(g):
    jax.debug.callback(lambda v: HEARD.append(float(np.sum(v))), g)
    return 0.5 * g


heard = backward(told)
clip = backward(lambda g: jnp.clip(g, -0.05, 0.05))
squash = backward(lambda g: 0.1 * jnp.tanh(7 * g))
CLIPS = True  # a control turns it off


def clipped(x):
    return clip(x) if CLIPS else x


@functools.partial(jax.custom_vjp, nondiff_argnums=(1,))
def powered(x, n):
    return jnp.tanh(x) ** n


powered.defvjp(
    lambda x, n: (powered(x, n), jnp.tanh(x)),
    lambda n, y, g: (jnp.clip(g, -0.1, 0.1) * n * y ** (n - 1),),
)


@jax.custom_vjp
def feedback(x, weight):
    """A product whose backward pass takes the signs of its weight."""
    return x @ weight


feedback.defvjp(lambda x, w: (x @ w, (x, w)), lambda kept, g: (g @ jnp.sign(kept[1]).T, jnp.tanh(kept[0].T @ g)))


def hard_reset(V, x):
    V = 0.8 * V + x
    s = spike(V - 0.3713)
    return V * (1 - s), s


def soft_reset(V, x):
    V = 0.7 * V + x
    s = spike(V - 0.2971)
    return V - 0.45 * jax.lax.stop_gradient(s), s


def lstm(h, cell, x, weight, other):
    i, f = jax.nn.sigmoid(x @ weight + h), jax.nn.sigmoid(h @ other + 1.0)
    cell = f * cell + i * jnp.tanh(x)
    return jnp.tanh(cell) * jax.nn.sigmoid(x), cell


def conv(x, kernel, shape, stride=1, padding="SAME", **options):
    """A convolution over the last axes of `x`, laid out as `shape`, back in the shape of `x`."""
    ndim = len(shape) - 2
    strides = (stride,) * ndim
    return jax.lax.conv_general_dilated(x.reshape(shape), kernel, strides, padding, **options).reshape(x.shape)


def halves(x):
    """Computed by Python, which has no derivative; in single precision, as the thread that calls it may be."""
    shape = jax.ShapeDtypeStruct(x.shape, jnp.float32)
    halved = jax.pure_callback(lambda v: np.asarray(v) / 2, shape, x.astype(jnp.float32), vmap_method="sequential")
    return halved.astype(x.dtype)


def nudged(x):
    return jnp.nextafter(x, jnp.ones_like(x))


def shrunk(x):
    """A loop of a number of turns that depends on its values, which has no backward pass."""
    return jax.lax.while_loop(lambda v: jnp.abs(v).sum() > 1.37, lambda v: 0.7 * v, x)


def positive(x):
    """A positive definite matrix."""
    return x.T @ x + jnp.eye(x.shape[1], dtype=x.dtype)


TOOLS = {
    name: value
    for name, value in globals().items()
    if callable(value) and getattr(value, "__module__", "").endswith("tools")
} | {"jax": jax, "jnp": jnp, "np": np, "spike": spike, "doubled": doubled, "powered": powered, "feedback": feedback}
TOOLS |= {
    "clip": clip,
    "heard": heard,
    "squash": squash,
    "dynplug_delay_step": dynplug_delay_step,
    "functools": functools,
}
