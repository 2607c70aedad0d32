"""Models with convolutions in the step."""

import jax
import jax.numpy as jnp
import numpy as np

from models.common import Model, kernel, normal, random_spikes, spike, square_error, weight


def _conv(x, w, groups=1):
    ones = (1,) * (x.ndim - 2)
    return jax.lax.conv_general_dilated(x, w, ones, "SAME", feature_group_count=groups)


def _pool(x):
    """The mean of squares of two by two."""
    window = (1, 1, 2, 2)
    return jax.lax.reduce_window(x, np.zeros((), x.dtype), jax.lax.add, window, window, "VALID") / 4


def conv_snn(rng, T=50, B=4, n=16):
    """Convolution, LIF, pooling, twice, and a dense leaky readout."""

    def loss(scan, params, data):
        first, second, out = params

        def step(carry, x):
            v1, v2, readout = carry
            v1 = 0.9 * v1 + _conv(x, first)
            s1 = spike(v1 - 1)
            v2 = 0.9 * v2 + _conv(_pool(s1), second)
            s2 = spike(v2 - 1)
            readout = 0.9 * readout + _pool(s2).reshape(B, -1) @ out
            return ((1 - s1) * v1, (1 - s2) * v2, readout), readout

        init = jnp.zeros((B, 8, n, n)), jnp.zeros((B, 16, n // 2, n // 2)), jnp.zeros((B, 10))
        return square_error(scan(step, init, data[0], T)[1].mean(0), data[1])

    params = kernel(rng, 8, 2, 3, 3, gain=2), kernel(rng, 16, 8, 3, 3, gain=3), weight(rng, 16 * (n // 4) ** 2, 10)
    return Model(params, (random_spikes(rng, T, B, 2, n, n, rate=0.2), normal(rng, B, 10)), loss)


def depthwise_separable(rng, T=50, B=4, channels=16, n=12):
    """A convolution of each channel, one across channels, into leaky units."""

    def loss(scan, params, data):
        depthwise, pointwise, out = params

        def step(v, x):
            v = 0.9 * v + _conv(jax.nn.relu(_conv(x, depthwise, channels)), pointwise)
            return v, jnp.tanh(v).mean((2, 3)) @ out

        init = jnp.zeros((B, 2 * channels, n, n))
        return square_error(scan(step, init, data[0], T)[1], data[1])

    wide = 2 * channels
    params = kernel(rng, channels, 1, 3, 3), kernel(rng, wide, channels, 1, 1), weight(rng, wide, 10)
    return Model(params, (normal(rng, T, B, channels, n, n), normal(rng, T, B, 10)), loss)


def grouped_conv(rng, T=60, B=8, channels=32, n=32):
    """Convolutions along one axis in four groups, of the input and of the state."""

    def loss(scan, params, data):
        enter, back = params

        def step(h, x):
            h = jnp.tanh(_conv(x, enter, 4) + _conv(h, back, 4))
            return h, h.mean(2)

        return square_error(scan(step, jnp.zeros((B, channels, n)), data[0], T)[1], data[1])

    params = kernel(rng, channels, channels // 4, 5), kernel(rng, channels, channels // 4, 5)
    return Model(params, (normal(rng, T, B, channels, n), normal(rng, T, B, channels)), loss)


MODELS = (conv_snn, depthwise_separable, grouped_conv)
