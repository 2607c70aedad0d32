"""What `jax.lax.scan` refuses is refused in its words, and options that there are not in dynplug's."""

import inspect

import jax
import jax.numpy as jnp
import pytest
from leaky_layer import W, loss

from dynplug.errors import OptionError
from dynplug.timeloop import scan

WRONG = {
    "no pair": (lambda c, x: c, jnp.zeros(3), jnp.ones((2, 3)), None),
    "another structure": (lambda c, x: ((c, c), x), jnp.zeros(3), jnp.ones((2, 3)), None),
    "another dtype": (lambda c, x: (c.astype(jnp.int32), x), jnp.zeros(3), jnp.ones((2, 3)), None),
    "another shape": (lambda c, x: (c[:2], x), jnp.zeros(3), jnp.ones((2, 3)), None),
    "lengths that differ": (lambda c, x: (c, None), jnp.zeros(3), (jnp.ones(2), jnp.ones(3)), None),
    "another length": (lambda c, x: (c, x), jnp.zeros(3), jnp.ones((2, 3)), 5),
    "no length": (lambda c, x: (c, x), jnp.zeros(3), None, None),
    "no time axis": (lambda c, x: (c, x), jnp.zeros(3), 1.0, None),
    "a carry that is no array": (lambda c, x: (c, x), {"v": jnp.zeros(3), "f": jnp.tanh}, jnp.ones((2, 3)), None),
    "a carry out of range": (lambda c, x: (c, x), 2**31, jnp.ones((2, 3)), None),
    "an input that is no array": (lambda c, x: (c, x[0]), jnp.zeros(3), (jnp.ones((2, 3)), "text"), None),
    "a direction that is an array": (lambda c, x: (c, x), jnp.zeros(3), jnp.ones((2, 3)), None, jnp.bool_(True)),
    "a direction that is a list": (lambda c, x: (c, x), jnp.zeros(3), jnp.ones((2, 3)), None, [True]),
}


@pytest.mark.parametrize("jit", [False, True])
@pytest.mark.parametrize("name", WRONG)
def test_errors_are_those_of_lax_scan(name, jit):
    step, *rest = WRONG[name]

    def run(loop):
        return jax.jit(lambda: loop(step, *rest))() if jit else loop(step, *rest)

    with pytest.raises((TypeError, ValueError, OverflowError)) as expected:
        run(jax.lax.scan)
    with pytest.raises(expected.type) as found:
        run(inspect.unwrap(scan))  # types are checked in tests alone
    assert str(found.value) == str(expected.value)


@pytest.mark.parametrize("length", [-1, 2.5, "3", True], ids=str)
def test_a_length_that_is_none_is_answered_as_lax_scan_does(length):
    def outcome(loop):
        try:
            return loop(lambda c, x: (c + 1.0, c), jnp.ones(2), length=length)
        except Exception as error:
            return type(error), str(error)

    found, expected = outcome(inspect.unwrap(scan)), outcome(jax.lax.scan)
    assert jax.tree.map(str, found) == jax.tree.map(str, expected)


def test_a_carry_of_another_kind_is_the_error_of_lax_scan():
    with pytest.raises(TypeError, match="carry"):
        scan(lambda c, x: ((c, c), x), 0.0, jnp.arange(3.0), 3)
    with pytest.raises(TypeError, match="carry"):
        scan(lambda c, x: (c.astype(jnp.int32), x), jnp.float32(0), jnp.arange(3.0), 3)


@pytest.mark.parametrize("options", [{"loop": "laver"}, {"remat": -1}, {"loop": "plain", "remat": True}])
def test_options_that_are_none(options):
    with pytest.raises(OptionError):
        loss(W, **options)
