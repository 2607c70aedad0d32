import jax
import jax.numpy as jnp
import pytest

import dynplug as dp
from dynplug.errors import KeyRequiredError

pytestmark = pytest.mark.quick


def bits(key):
    return jax.random.key_data(key).tolist()


def test_children_get_keys_of_their_own_that_depend_on_their_name_alone():
    ctx = dp.Context(dt=1.0, key=jax.random.key(0))
    a, b, again = ctx.child("a"), ctx.child("b"), ctx.child("a")
    assert bits(a.key) == bits(again.key)
    assert bits(a.key) != bits(b.key) != bits(ctx.key)


def test_a_child_knows_its_path_and_all_else_is_passed_on():
    ctx = dp.Context(dt=0.5, t=3.0, i=6, fit=True, shared={"gain": 2})
    child = ctx.child("hidden").child("0")
    assert child.path == "hidden.0"
    assert (child.dt, float(child.t), int(child.i), child.fit, child.shared) == (0.5, 3.0, 6, True, {"gain": 2})


def test_a_stochastic_system_without_a_key_is_named():
    with pytest.raises(KeyRequiredError, match=r"hidden\.noise is stochastic"):
        dp.Context(dt=1.0).child("hidden").child("noise").random_key()


def test_time_has_the_dtype_of_states(x64):
    assert dp.Context(dt=1.0).t.dtype == jnp.float64
    assert dp.Context(dt=1.0, dtype=jnp.float32).t.dtype == jnp.float32
