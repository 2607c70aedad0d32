"""Steps that print, call back or write to a reference do so once a step, in order."""

import jax
import jax.numpy as jnp
import pytest
from jax.experimental import io_callback

from dynplug.timeloop import scan


def test_prints_happen_in_every_step(capfd):
    def step(V, x):
        jax.debug.print("at {}", x)
        return V + x, V

    scan(step, 0.0, jnp.arange(3.0), 3)
    jax.effects_barrier()
    assert capfd.readouterr().out.split() == ["at", "0.0", "at", "1.0", "at", "2.0"]


def test_callbacks_are_called_in_order():
    seen = []

    def step(V, x):
        y = io_callback(lambda v: seen.append(float(v)) or v, jax.ShapeDtypeStruct((), x.dtype), x, ordered=True)
        return V + y, V

    new, _ = scan(step, jnp.float32(0), jnp.arange(4, dtype=jnp.float32), 4)
    assert float(new) == 6.0
    assert seen == [0.0, 1.0, 2.0, 3.0]


def test_without_jit_each_step_is_taken_in_python():
    seen = []
    with jax.disable_jit():
        scan(lambda c, x: (seen.append(float(x)) or c + x, c), 0.0, jnp.arange(3.0))
    assert seen == [0.0, 1.0, 2.0]


@pytest.mark.parametrize("jit", [False, True])
def test_a_step_may_write_to_a_reference(jit, loop):
    def f(xs):
        written = jax.new_ref(jnp.zeros(3))

        def step(c, x):
            written[...] = written[...] + x
            return c + 1.0, written[...]

        return loop(step, 0.0, xs), written[...]

    (count, seen), last = (jax.jit(f) if jit else f)(jnp.ones((4, 3)))
    assert count == 4
    assert (last == 4).all()
    assert (seen[:, 0] == jnp.arange(1.0, 5.0)).all()
