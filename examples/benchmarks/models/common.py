"""Functions that the models share."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np


class Model(NamedTuple):
    """A loss over time: `loss(scan, params, data)`, where `scan(step, init, xs, length)` is the loop to use."""

    params: Any
    data: Any
    loss: Callable[[Any, Any, Any], Any]


def normal(rng: np.random.Generator, *shape, scale=1.0):
    return jnp.asarray(scale * rng.normal(size=shape))


def weight(rng: np.random.Generator, n, m, gain=1.0):
    """Of a product `x @ weight`, which keeps the variance of `x` where the gain is 1."""
    return normal(rng, n, m, scale=gain / np.sqrt(n))


def kernel(rng: np.random.Generator, *shape, gain=1.0):
    """Of a convolution: outputs, inputs, then space."""
    return normal(rng, *shape, scale=gain / np.sqrt(np.prod(shape[1:])))


def random_spikes(rng: np.random.Generator, *shape, rate=0.1):
    return jnp.asarray(1.0 * (rng.random(shape) < rate))


def square_error(y, target):
    return jnp.mean((y - target) ** 2)


@jax.custom_jvp
def spike(v):
    return (v >= 0).astype(v.dtype)


spike.defjvp(lambda primals, tangents: (spike(primals[0]), tangents[0] / (1 + 10 * jnp.abs(primals[0])) ** 2))


def layer_norm(x):
    x = x - x.mean(-1, keepdims=True)
    return x * jax.lax.rsqrt((x * x).mean(-1, keepdims=True) + 1e-5)
