"""What is compiled is compiled once, is not large, and is forgotten with its step."""

import gc
import weakref

import jax
import jax.numpy as jnp
from compared_loops import same, total
from equations_of_programs import every_equation

from dynplug.timeloop import scan


def test_calls_with_the_same_step_are_compiled_once(caplog):
    def step(c, x):
        return jnp.tanh(0.9 * c + x), c

    c, xs = jnp.zeros(4), jnp.ones((5, 4))
    scan(step, c, xs)
    with jax.log_compiles(), caplog.at_level("WARNING"):
        scan(step, c, xs)
        jax.grad(lambda c: scan(step, c, xs)[1].sum())(c)
        caplog.clear()
        scan(step, c, xs)
        jax.grad(lambda c: scan(step, c, xs)[1].sum())(c)
    assert not [r for r in caplog.messages if r.startswith("Finished XLA compilation")]
    other = scan(step, c, xs, loop="step", remat=True), scan(step, c, xs, loop="step", remat=1)
    same(*other)


def test_what_is_known_of_a_step_goes_with_it():
    def step(c, x):
        return c + x, c

    scan(step, jnp.zeros(3), jnp.ones((4, 3)))
    known = weakref.ref(step)
    del step
    gc.collect()
    assert known() is None


def test_the_size_of_a_residual_network_grows_with_its_blocks():
    def size(blocks):
        ps, c = [jnp.eye(32)] * blocks, [jnp.zeros((4, 32))] * blocks

        def f(ps):
            def step(c, x):
                new = []
                for p, v in zip(ps, c, strict=True):
                    new.append(jnp.tanh(0.9 * v + x @ p))
                    x = x + new[-1]
                return new, x

            return total(scan(step, c, jnp.ones((20, 4, 32)), loop="layer"))

        return len(every_equation(jax.grad(f), ps))

    assert size(16) < 2.3 * size(8)
