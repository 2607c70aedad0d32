"""A layer of leaky units that spike, behind a matrix product, and a loss of its spikes."""

import jax.numpy as jnp
import numpy as np
from compared_loops import spike

from dynplug.timeloop import scan

W = jnp.asarray(np.random.default_rng(0).normal(size=(40, 30)), jnp.float32)
X = jnp.asarray(np.random.default_rng(1).normal(size=(12, 5, 40)), jnp.float32)  # time, batch, inputs
V0 = jnp.zeros((5, 30))


def leaky(weight, weak=1.0):
    """A step of the layer."""

    def step(V, x):
        V = 0.9 * V + jnp.tanh(x @ weight) * weak
        s = spike(V - 0.5)
        return V - 0.5 * s, s

    return step


def loss(weight, x=X, **options):
    """A loss of the spikes; the options are those of the loop."""
    _, s = scan(leaky(weight), V0, x, len(x), **options)
    return (s.mean(0) ** 2).sum()
