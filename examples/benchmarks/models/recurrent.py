"""Rate networks: gated and plain ones, reservoirs, many or small states."""

import equinox as eqx
import jax
import jax.numpy as jnp

from models.common import Model, normal, square_error, weight


def lstm_stack(rng, T=60, B=16, n=64):
    cells = [eqx.nn.LSTMCell(n, n, key=jax.random.key(k)) for k in range(3)]

    def loss(scan, params, data):
        cells, out = params
        x, y = data

        def step(carry, x):
            new = []
            for cell, state in zip(cells, carry, strict=True):
                new.append(jax.vmap(cell)(x, state))
                x = new[-1][0]
            return new, x @ out

        zeros = jnp.zeros((B, n))
        return square_error(scan(step, [(zeros, zeros)] * len(cells), x, T)[1], y)

    return Model((cells, weight(rng, n, 10)), (normal(rng, T, B, n), normal(rng, T, B, 10)), loss)


def gru(rng, T=100, B=16, n=32, m=128):
    def loss(scan, params, data):
        cell, out = params

        def step(h, x):
            h = jax.vmap(cell)(x, h)
            return h, h @ out

        return square_error(scan(step, jnp.zeros((B, m)), data[0], T)[1], data[1])

    params = eqx.nn.GRUCell(n, m, key=jax.random.key(0)), weight(rng, m, 10)
    return Model(params, (normal(rng, T, B, n), normal(rng, T, B, 10)), loss)


def tanh_rnn(rng, T=100, B=16, n=128):
    def loss(scan, params, data):
        enter, back = params

        def step(h, x):
            h = jnp.tanh(x @ enter + h @ back)
            return h, h

        return square_error(scan(step, jnp.zeros((B, n)), data[0], T)[1], data[1])

    return Model((weight(rng, n, n), weight(rng, n, n)), (normal(rng, T, B, n), normal(rng, T, B, n)), loss)


def masked_weights(rng, T=100, B=16, n=128):
    def loss(scan, params, data):
        enter, back = params
        x, y, mask = data

        def step(h, x):
            h = jnp.tanh(x @ enter + h @ (back * mask))
            return h, h

        return square_error(scan(step, jnp.zeros((B, n)), x, T)[1], y)

    mask = jnp.asarray(1.0 * (rng.random((n, n)) < 0.2))
    data = normal(rng, T, B, n), normal(rng, T, B, n), mask
    return Model((weight(rng, n, n), weight(rng, n, n, gain=2)), data, loss)


def echo_state(rng, T=200, B=8, n=16, m=300):
    """A fixed reservoir, of which one weight in ten is not zero; only the readout is trained."""

    def loss(scan, params, data):
        x, y, enter, back = data

        def step(h, x):
            h = 0.7 * h + 0.3 * jnp.tanh(x @ enter + h @ back)
            return h, h @ params[0] + params[1]

        return square_error(scan(step, jnp.zeros((B, m)), x, T)[1], y)

    reservoir = weight(rng, m, m, gain=3) * (rng.random((m, m)) < 0.1)
    data = normal(rng, T, B, n), normal(rng, T, B, 4), weight(rng, n, m), reservoir
    return Model((weight(rng, m, 4), jnp.zeros(4)), data, loss)


def residual_stream(rng, T=50, B=8, n=32, depth=20):
    def loss(scan, params, data):
        def step(states, x):
            new = []
            for (enter, back), h in zip(params, states, strict=True):
                new.append(jnp.tanh(x @ enter + h @ back))
                x = x + 0.2 * new[-1]
            return new, x

        return square_error(scan(step, [jnp.zeros((B, n))] * depth, data[0], T)[1], data[1])

    params = [(weight(rng, n, n), weight(rng, n, n, gain=0.8)) for _ in range(depth)]
    return Model(params, (normal(rng, T, B, n), normal(rng, T, B, n)), loss)


def accumulating_readout(rng, T=100, B=16, n=128):
    """The carry sums what the readout says, and the loss sees the last sum alone."""

    def loss(scan, params, data):
        enter, back, out = params

        def step(carry, x):
            h, total = carry
            h = jnp.tanh(x @ enter + h @ back)
            return (h, total + h @ out), None

        (_, total), _ = scan(step, (jnp.zeros((B, n)), jnp.zeros((B, 10))), data[0], T)
        return square_error(total / T, data[1])

    params = weight(rng, 64, n), weight(rng, n, n), weight(rng, n, 10)
    return Model(params, (normal(rng, T, B, 64), normal(rng, B, 10)), loss)


def linear_recurrence(rng, T=200, B=8, n=64, m=128):
    """A diagonal state-space model with dense inputs and outputs."""

    def loss(scan, params, data):
        rate, enter, out, skip = params
        decay = jnp.exp(-jnp.exp(rate))

        def step(h, x):
            h = decay * h + x @ enter
            return h, h @ out + skip * x

        return square_error(scan(step, jnp.zeros((B, m)), data[0], T)[1], data[1])

    rate = jnp.asarray(rng.uniform(-5, 0, m))
    params = rate, weight(rng, n, m), weight(rng, m, n), normal(rng, n)
    return Model(params, (normal(rng, T, B, n), normal(rng, T, B, n)), loss)


def neural_ode(rng, T=50, B=16, n=16, m=64):
    """Steps of the classical Runge-Kutta method, without inputs."""

    def loss(scan, params, data):
        first, second, third = params

        def field(y):
            return jnp.tanh(jnp.tanh(y @ first) @ second) @ third

        def step(y, _):
            a = field(y)
            b = field(y + 0.05 * a)
            c = field(y + 0.05 * b)
            d = field(y + 0.1 * c)
            y = y + 0.1 / 6 * (a + 2 * b + 2 * c + d)
            return y, y

        return square_error(scan(step, data[0], None, T)[1], data[1])

    params = weight(rng, n, m), weight(rng, m, m), weight(rng, m, n)
    return Model(params, (normal(rng, B, n), normal(rng, T, B, n)), loss)


def _leaky_unit(rng, T):
    def loss(scan, params, data):
        def step(v, x):
            v = v + params["rate"] * (params["gain"] * x - v)
            return v, v

        return square_error(scan(step, jnp.zeros(()), data[0], T)[1], data[1])

    return Model({"rate": jnp.asarray(0.1), "gain": jnp.asarray(1.5)}, (normal(rng, T), normal(rng, T)), loss)


def tiny_10000(rng):
    return _leaky_unit(rng, 10_000)


def tiny_100000(rng):
    return _leaky_unit(rng, 100_000)


def _many(coupled):
    def make(rng, T=200, n=8, count=100):
        def loss(scan, params, data):
            def step(carry, x):
                before = carry[-1:] + carry[:-1] if coupled else carry
                return [
                    0.9 * v + 0.1 * jnp.tanh(w * x + u) for v, u, w in zip(carry, before, params, strict=True)
                ], None

            end, _ = scan(step, [jnp.zeros(n)] * count, data[0], T)
            return square_error(end[3] + end[70], data[1])

        return Model([normal(rng, n) for _ in range(count)], (normal(rng, T, n), normal(rng, n)), loss)

    return make


def many_carries(rng):
    """A hundred states on their own, of which the loss reads two."""
    return _many(coupled=False)(rng)


def many_coupled_carries(rng):
    """A hundred states in a ring, of which the loss reads two."""
    return _many(coupled=True)(rng)


MODELS = (
    lstm_stack,
    gru,
    tanh_rnn,
    masked_weights,
    echo_state,
    residual_stream,
    accumulating_readout,
    linear_recurrence,
    neural_ode,
    tiny_10000,
    tiny_100000,
    many_carries,
    many_coupled_carries,
)
