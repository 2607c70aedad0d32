"""The gradient of what all steps use is summed over them, however they use it."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from compared_loops import clipped, same, total

LINEAR = {
    "table": lambda p, x, i: p.reshape(9, 4)[i],
    "table, one row": lambda p, x, i: jax.lax.dynamic_slice(p.reshape(9, 4), (i[0], 0), (1, 4)).repeat(5, 0),
    "product": lambda p, x, i: x @ p[:24].reshape(6, 4),
    "bias": lambda p, x, i: x[:, :4] + p[:4],
    "scale": lambda p, x, i: x[:, :4] * p[:4],
    "mask": lambda p, x, i: x @ (p[:24].reshape(6, 4) * jnp.arange(24.0).reshape(6, 4)),
    "convolution": lambda p, x, i: jax.lax.conv_general_dilated(x[:, None], p[:12].reshape(4, 1, 3), (2,), "SAME").mean(
        2
    ),
    "depthwise": lambda p, x, i: jax.lax.conv_general_dilated(
        x.reshape(5, 2, 3), p[:12].reshape(4, 1, 3), (1,), "SAME", feature_group_count=2
    ).mean(2),
    "gathered columns": lambda p, x, i: jnp.take(p.reshape(4, 9), i, axis=1).T,
    "clipped": lambda p, x, i: clipped(x @ p[:24].reshape(6, 4)),
    "clipped weight": lambda p, x, i: x @ clipped(p[:24].reshape(6, 4)),
}


@pytest.mark.parametrize("name", LINEAR)
def test_the_gradient_of_what_all_steps_use(name, loop, x64, by_lax):
    rng = np.random.default_rng(0)
    p, x = jnp.asarray(rng.normal(size=36)), jnp.asarray(rng.normal(size=(7, 5, 6)))
    indices = jnp.asarray(rng.integers(0, 9, (7, 5)))

    def f(p, loop):
        def step(c, given):
            c = jnp.tanh(0.5 * c + LINEAR[name](p, *given))
            return c, c

        return total(loop(step, jnp.zeros((5, 4)), (x, indices)))

    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        of = jax.jit(jax.grad(f), static_argnums=1)
        same(of(p, loop), by_lax(lambda: of(p, jax.lax.scan)), rtol=1e-9, atol=1e-12)
