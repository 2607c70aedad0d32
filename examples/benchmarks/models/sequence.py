"""Models of sequences: attention, embeddings, windows."""

import jax
import jax.numpy as jnp
import numpy as np

from models.common import Model, layer_norm, normal, square_error, weight


def transformer(rng, T=64, B=8, n=64, heads=4, rows=32):
    """A block a step, whose keys and values stay in a ring of 32 rows."""

    def split(x):
        return x.reshape(*x.shape[:-1], heads, n // heads)

    def loss(scan, params, data):
        def step(carry, x):
            i, keys, values = carry
            query, key, value = jnp.split(layer_norm(x) @ params["qkv"], 3, -1)
            keys = jax.lax.dynamic_update_slice(keys, key[None], (i % rows, 0, 0))
            values = jax.lax.dynamic_update_slice(values, value[None], (i % rows, 0, 0))
            scores = jnp.einsum("bhd,rbhd->bhr", split(query), split(keys)) / np.sqrt(n // heads)
            scores = jnp.where(jnp.arange(rows) <= i, scores, -1e9)
            seen = jnp.einsum("bhr,rbhd->bhd", jax.nn.softmax(scores), split(values))
            x = x + seen.reshape(B, n) @ params["out"]
            x = x + jax.nn.gelu(layer_norm(x) @ params["up"]) @ params["down"]
            return (i + 1, keys, values), x

        init = jnp.asarray(0), jnp.zeros((rows, B, n)), jnp.zeros((rows, B, n))
        return square_error(scan(step, init, data[0], T)[1], data[1])

    shapes = {"qkv": (n, 3 * n), "out": (n, n), "up": (n, 4 * n), "down": (4 * n, n)}
    params = {name: weight(rng, *shape) for name, shape in shapes.items()}
    return Model(params, (normal(rng, T, B, n), normal(rng, T, B, n)), loss)


def embeddings(rng, T=100, B=16, words=2000, n=64):
    def loss(scan, params, data):
        table, enter, back, out = params

        def step(h, token):
            h = jnp.tanh(table[token] @ enter + h @ back)
            return h, h @ out

        return square_error(scan(step, jnp.zeros((B, n)), data[0], T)[1], data[1])

    params = normal(rng, words, n), weight(rng, n, n), weight(rng, n, n), weight(rng, n, 10)
    return Model(params, (jnp.asarray(rng.integers(0, words, (T, B))), normal(rng, T, B, 10)), loss)


def sliding_window(rng, T=100, B=16, n=8, rows=16, m=64):
    """The carry holds the last 16 inputs, which a dense layer sees at once, before a recurrence."""

    def loss(scan, params, data):
        enter, back = params

        def step(carry, x):
            window, h = carry
            window = jnp.concatenate([window[:, 1:], x[:, None]], 1)
            h = jnp.tanh(window.reshape(B, rows * n) @ enter + h @ back)
            return (window, h), h

        init = jnp.zeros((B, rows, n)), jnp.zeros((B, m))
        return square_error(scan(step, init, data[0], T)[1], data[1])

    params = weight(rng, rows * n, m), weight(rng, m, m)
    return Model(params, (normal(rng, T, B, n), normal(rng, T, B, m)), loss)


def attentive_rnn(rng, T=60, B=8, n=64, places=20):
    """A layer-normalised RNN that looks at a memory of 20 places in every step."""

    def loss(scan, params, data):
        x, memory, y = data

        def step(h, x):
            scores = jnp.einsum("bd,bpd->bp", h @ params["query"], memory @ params["key"]) / np.sqrt(n)
            seen = jnp.einsum("bp,bpd->bd", jax.nn.softmax(scores), memory)
            h = jnp.tanh(params["gain"] * layer_norm(jnp.concatenate([x, seen, h], -1) @ params["enter"]))
            return h, h

        return square_error(scan(step, jnp.zeros((B, n)), x, T)[1], y)

    params = {"query": weight(rng, n, n), "key": weight(rng, n, n), "enter": weight(rng, 3 * n, n), "gain": jnp.ones(n)}
    return Model(params, (normal(rng, T, B, n), normal(rng, B, places, n), normal(rng, T, B, n)), loss)


MODELS = (transformer, embeddings, sliding_window, attentive_rnn)
