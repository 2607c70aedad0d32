"""Spiking and biophysical networks, with and without delays."""

import jax
import jax.numpy as jnp

from dynplug.core import dynplug_delay_step
from models.common import Model, normal, random_spikes, spike, square_error, weight


def recurrent_alif(rng, T=100, B=16, n=100, m=128):
    """Adaptive thresholds: potential and adaptation are carried, the spikes follow from them."""

    def loss(scan, params, data):
        enter, back, out = params

        def step(carry, x):
            v, a = carry
            s = spike(v - 1 - 0.3 * a)
            v = 0.9 * v + x @ enter + s @ back - s
            return (v, 0.95 * a + s), s @ out

        return square_error(scan(step, (jnp.zeros((B, m)),) * 2, data[0], T)[1].mean(0), data[1])

    params = weight(rng, n, m, gain=1.5), weight(rng, m, m, gain=0.7), weight(rng, m, 10)
    return Model(params, (random_spikes(rng, T, B, n), normal(rng, B, 10)), loss)


def forward_lif(rng, T=100, B=16, n=128):
    def loss(scan, params, data):
        *weights, out = params

        def step(carry, x):
            *potentials, readout = carry
            new = []
            for v, w in zip(potentials, weights, strict=True):
                v = 0.9 * v + x @ w
                x = spike(v - 1)
                new.append((1 - x) * v)
            readout = 0.9 * readout + x @ out
            return (*new, readout), readout

        init = (*(jnp.zeros((B, n)) for _ in weights), jnp.zeros((B, 10)))
        return square_error(scan(step, init, data[0], T)[1].mean(0), data[1])

    params = [*(weight(rng, n, n, gain=2) for _ in range(3)), weight(rng, n, 10)]
    return Model(params, (random_spikes(rng, T, B, n), normal(rng, B, 10)), loss)


def noisy_lif(rng, T=100, B=16, n=64):
    """Noise drawn in every step, from a key into which the step's number is folded."""

    def loss(scan, params, data):
        enter, out = params
        key = jax.random.key(7)

        def step(v, given):
            i, x = given
            v = 0.9 * v + x @ enter + 0.3 * jax.random.normal(jax.random.fold_in(key, i), v.shape, v.dtype)
            s = spike(v - 1)
            return (1 - s) * v, s @ out

        xs = jnp.arange(T), data[0]
        return square_error(scan(step, jnp.zeros((B, n)), xs, T)[1].mean(0), data[1])

    params = weight(rng, n, n, gain=2), weight(rng, n, 10)
    return Model(params, (random_spikes(rng, T, B, n), normal(rng, B, 10)), loss)


def _gate(x, alpha, beta, dt):
    rate = alpha + beta
    return alpha / rate + (x - alpha / rate) * jnp.exp(-dt * rate)


def _ramp(x):
    """x / (1 - exp(-x)), which is 1 + x/2 + x²/12 near 0."""
    near = jnp.abs(x) < 1e-2
    away = jnp.where(near, 1.0, x)
    return jnp.where(near, 1 + x / 2 + x * x / 12, away / (1 - jnp.exp(-away)))


def hodgkin_huxley(rng, T=200, B=8, n=64, dt=0.05):
    """Exponential Euler, with graded synapses of conductances from all to all."""

    def loss(scan, params, data):
        conductance, synapses = params

        def step(state, current):
            V, m, h, k, g = state
            m = _gate(m, _ramp((V + 40) / 10), 4 * jnp.exp(-(V + 65) / 18), dt)
            h = _gate(h, 0.07 * jnp.exp(-(V + 65) / 20), 1 / (1 + jnp.exp(-(V + 35) / 10)), dt)
            k = _gate(k, 0.1 * _ramp((V + 55) / 10), 0.125 * jnp.exp(-(V + 65) / 80), dt)
            g = g * jnp.exp(-dt / 5) + dt * jax.nn.sigmoid(V / 2) @ jnp.abs(synapses)
            na, kv, leak = conductance[0] * m**3 * h, conductance[1] * k**4, conductance[2]
            total = na + kv + leak + g
            target = (na * 50 - kv * 77 - leak * 54.4 + current) / total  # the synapses reverse at 0 mV
            V = target + (V - target) * jnp.exp(-dt * total)
            return (V, m, h, k, g), V

        full = [jnp.full((B, n), v) for v in (-65.0, 0.05, 0.6, 0.32, 0.0)]
        return square_error(scan(step, tuple(full), data[0], T)[1] / 100, data[1])

    current = jnp.asarray(rng.uniform(5, 15, (T, B, n)))
    return Model((jnp.asarray([120.0, 36.0, 0.3]), weight(rng, n, n)), (current, normal(rng, T, B, n)), loss)


def delays_forward(rng, T=100, B=16, n=64, steps=8):
    """LIF units that receive what the dense layer before them gave eight steps ago."""

    def loss(scan, params, data):
        enter, out = params

        def step(carry, x):
            i, buffer, v = carry
            buffer, past = dynplug_delay_step(buffer, x @ enter, i)
            v = 0.9 * v + past
            s = spike(v - 1)
            return (i + 1, buffer, (1 - s) * v), s @ out

        init = jnp.asarray(0), jnp.zeros((steps + 1, B, n)), jnp.zeros((B, n))
        return square_error(scan(step, init, data[0], T)[1].mean(0), data[1])

    params = weight(rng, 128, n, gain=2), weight(rng, n, 10)
    return Model(params, (random_spikes(rng, T, B, 128), normal(rng, B, 10)), loss)


def delays_recurrent(rng, T=100, B=16, n=64, steps=8):
    """LIF units that receive each other's spikes of eight steps ago."""

    def loss(scan, params, data):
        enter, back, out = params

        def step(carry, x):
            i, buffer, v, s = carry
            buffer, past = dynplug_delay_step(buffer, s, i)
            v = 0.9 * v + x @ enter + past @ back
            s = spike(v - 1)
            return (i + 1, buffer, (1 - s) * v, s), s @ out

        init = jnp.asarray(0), jnp.zeros((steps + 1, B, n)), jnp.zeros((B, n)), jnp.zeros((B, n))
        return square_error(scan(step, init, data[0], T)[1].mean(0), data[1])

    params = weight(rng, 128, n, gain=2), weight(rng, n, n, gain=0.7), weight(rng, n, 10)
    return Model(params, (random_spikes(rng, T, B, 128), normal(rng, B, 10)), loss)


MODELS = (recurrent_alif, forward_lif, noisy_lif, hodgkin_huxley, delays_forward, delays_recurrent)
