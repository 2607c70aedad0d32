"""What need not run step by step is taken out of the loop, and nothing else is."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from compared_loops import same, spike
from equations_of_programs import every_equation, primitives_of
from leaky_layer import V0, W, X, loss

from dynplug.timeloop import scan
from dynplug.timeloop.analysis import analyse


def test_a_product_leaves_the_loop_and_its_gradient_is_one_product():
    inside, outside = primitives_of(jax.grad(functools.partial(loss, loop="layer")), W)
    assert "dot_general" not in inside
    assert outside.count("dot_general") == 2  # forward, and the weight's gradient; nobody asked for the input's
    inside, _ = primitives_of(jax.grad(functools.partial(loss, loop="plain")), W)
    assert "dot_general" in inside


def test_a_product_with_its_weight_on_the_left_is_not_turned_round_in_time():
    def run(x):
        return scan(lambda V, x: (0.9 * V + jax.vmap(lambda x: W.T @ x)(x), V), V0, x, loop="layer")[1]

    products = [e for e in every_equation(run, X) if e.primitive.name == "dot_general"]
    assert [e.outvars[0].aval.shape for e in products] == [(12, 5, 30)]
    np.testing.assert_allclose(run(X), jax.lax.scan(lambda V, x: (0.9 * V + x @ W, V), V0, X)[1], rtol=1e-4, atol=1e-5)


def test_a_product_that_would_store_more_than_it_computes_stays_in_the_loop():
    def attend(rows, x):
        rows = jnp.concatenate([rows[1:], x[None]])
        return rows, jnp.einsum("rbn,bn->br", rows, x)

    inside, outside = primitives_of(lambda x: scan(attend, jnp.zeros((32, 5, 40)), x, loop="layer"), X)
    assert "dot_general" in inside
    assert "dot_general" not in outside


def test_convolutions_in_groups_stay_in_the_loop_on_a_cpu(monkeypatch):
    kernel, images = jnp.ones((4, 1, 3, 3)), jnp.ones((5, 2, 4, 8, 8))

    def run(kernel):
        def step(V, x):
            return V, jax.lax.conv_general_dilated(x, kernel, (1, 1), "SAME", feature_group_count=4)

        return (scan(step, 0.0, images, loop="layer")[1] ** 2).sum()

    inside, outside = primitives_of(jax.grad(run), kernel)
    assert "conv_general_dilated" in inside
    assert "conv_general_dilated" not in outside
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    inside, outside = primitives_of(jax.grad(run), kernel)
    assert "conv_general_dilated" not in inside
    assert outside.count("conv_general_dilated") == 2


@pytest.mark.claim(
    "time-loop-convolution",
    "The gradient of a convolution's kernel, taken out of the time loop, is that of jax.lax.scan (relative)",
    tolerance=1e-9,
    reference="jax.lax.scan",
    components=("runner:LoopOverTime",),
)
def test_a_convolution_and_the_gradient_of_its_kernel(x64, measured):
    kernel = jnp.asarray(np.random.default_rng(0).normal(size=(3, 2, 3, 3)))
    images = jnp.asarray(np.random.default_rng(1).normal(size=(5, 2, 2, 8, 8)))

    def f(kernel, loop):
        def step(V, x):
            V = 0.8 * V + jax.lax.conv_general_dilated(x, kernel, (2, 2), "SAME")
            return V - spike(V - 1), jnp.tanh(V)

        return (loop(step, jnp.zeros((2, 3, 4, 4)), images, 5)[1] ** 2).sum()

    ours = functools.partial(f, loop=functools.partial(scan, loop="layer"))
    inside, _ = primitives_of(jax.grad(ours), kernel)
    assert "conv_general_dilated" not in inside
    measured.relative(jax.grad(ours)(kernel), jax.grad(functools.partial(f, loop=jax.lax.scan))(kernel))


@pytest.mark.parametrize(("units", "held"), [(4, False), (300, True)])
def test_inputs_that_a_step_cuts_up_are_taken_out_whole_on_a_cpu(units, held):
    def step(h, x):
        a, b = jnp.split(x @ jnp.ones((8, 2 * units)) + jnp.tile(h, 2), 2, axis=-1)
        return jnp.tanh(a) * b, None

    inside, _ = primitives_of(lambda x: scan(step, jnp.zeros((8, units)), x, loop="layer")[0], jnp.ones((5, 8, 8)))
    assert ("cond" in inside) == held


def test_step_by_step_is_one_scan_each_way_and_the_weight_gradient_one_product():
    inside, outside = primitives_of(jax.grad(functools.partial(loss, loop="step")), W)
    assert inside.count("dot_general") == 1
    assert outside.count("dot_general") == 1
    assert outside.count("scan") == 2


def test_a_step_without_recurrence_is_one_call():
    inside, outside = primitives_of(lambda x: scan(lambda c, x: (c, jnp.tanh(x @ W) @ W.T), None, x, len(x)), X)
    assert inside == []
    assert outside.count("dot_general") == 2
    _, y = scan(lambda c, x: (c, jnp.tanh(x @ W)), None, X, len(X))
    np.testing.assert_allclose(y, jnp.tanh(X @ W), rtol=1e-5, atol=1e-6)


def test_what_is_the_same_in_every_step_is_computed_once():
    def run(tau):
        def step(V, x):
            return jnp.exp(-1 / tau)[None] * V + x, V

        return scan(step, V0, X[..., :30], len(X))[1]

    inside, outside = primitives_of(run, jnp.arange(1.0, 31.0))
    assert "exp" in outside
    assert "exp" not in inside


@pytest.mark.parametrize("length", [1, 7])
@pytest.mark.parametrize("reverse", [False, True])
def test_a_value_that_is_not_read_and_ends_each_step_as_another_is_carried_once(length, reverse, x64):
    def step(carry, x):
        V, _, read, _ = carry
        V = jnp.tanh(0.9 * V + x + 0.1 * read)
        s = V**2
        return (V, s, s, s), V

    start = tuple(jnp.full(3, 0.1 * k) for k in range(4))
    x = jnp.linspace(-1.0, 1.0, 3 * length).reshape(length, 3)

    def total(loop, start, x):
        carry, ys = loop(step, start, x, reverse=reverse)
        return sum((k + 1) * (v**2).sum() for k, v in enumerate(carry)) + ys.sum(), carry

    found, expected = (
        jax.jit(jax.value_and_grad(functools.partial(total, loop), argnums=(0, 1), has_aux=True))(start, x)
        for loop in (functools.partial(scan, loop="step"), jax.lax.scan)
    )
    same(*jax.tree.map(np.asarray, (found, expected)), rtol=1e-8, atol=1e-9)  # weak types apart
    assert not np.any(found[1][0][1])  # the first value of what no step reads goes nowhere
    hoisted = analyse(step, start, x, None, reverse, "step", False).hoisted
    assert hoisted.copies == {1: 2, 3: 2}
    assert hoisted.carried == (0, 2)
