"""Sets of units as bits."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dynplug.delivery.spike_set import members, next_member

pytestmark = pytest.mark.quick


@jax.jit
def walk(active):
    """The members in the order in which they are found, and how many there are."""
    levels = members(active)

    def body(state):
        unit, count, found = state
        return next_member(levels, unit + 1, active.size), count + 1, found.at[count].set(unit)

    start = next_member(levels, jnp.int32(0), active.size), jnp.int32(0), jnp.zeros(active.size, jnp.int32)
    return jax.lax.while_loop(lambda state: state[0] < active.size, body, start)[1:]


@pytest.mark.parametrize("size", [1, 31, 32, 33, 1024, 1025, 33_000])
@pytest.mark.parametrize("share", [0.0, 0.001, 0.1, 1.0])
def test_each_member_is_found_once_in_ascending_order(size, share):
    active = np.random.default_rng(size).random(size) < share
    count, found = walk(jnp.asarray(active))
    assert found[:count].tolist() == np.flatnonzero(active).tolist()


@pytest.mark.parametrize("unit", [0, 31, 32, 1023, 1024, 33_000 - 1])
def test_a_single_member_is_found_wherever_it_is(unit):
    count, found = walk(jnp.zeros(33_000, bool).at[unit].set(True))
    assert (int(count), int(found[0])) == (1, unit)
