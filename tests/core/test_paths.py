import jax
import jax.numpy as jnp
import optax
import pytest

import dynplug as dp
from dynplug.core import leaves
from dynplug.errors import UnknownPathError

pytestmark = pytest.mark.quick


@pytest.fixture
def net(getkey):
    inner = dp.Sequential(b=dp.layers.Dense(2, 3, key=getkey()), a=dp.neurons.LIF(3, tau=jnp.full(3, 9.0)))
    return dp.Sequential(inner=inner, out=dp.layers.LSTMCell(3, 2, key=getkey()))


def test_leaves_come_in_the_order_of_jax_whatever_the_names(net):
    for tree in (
        net,
        net.init_state(dp.Context(dt=1.0)),
        optax.adam(1e-3).init(jnp.ones(3)),
        {"b": 1, "a": (2, None, 3)},
    ):
        ours, theirs = [leaf.value for leaf in leaves(tree)], jax.tree.leaves(tree)
        assert len(ours) == len(theirs)
        assert all(a is b for a, b in zip(ours, theirs, strict=True))


def test_every_leaf_is_found_at_its_path_and_paths_are_unique(net):
    found = leaves(net)
    assert len({leaf.path for leaf in found}) == len(found)
    assert all(dp.lookup(net, leaf.path) is leaf.value for leaf in found)


def test_paths_use_the_names_that_users_gave(net):
    assert dp.lookup(net, "inner.a.tau").tolist() == [9.0] * 3
    state = net.init_state(dp.Context(dt=1.0))
    assert dp.lookup(state, "inner.a.V").shape == (3,)
    assert dp.lookup(state, "out.c").shape == (2,)


@pytest.mark.parametrize(
    ("path", "said"),
    [("iner.a", "Did you mean 'inner'"), ("inner.a.W", "'inner.a' has no 'W'"), ("inner.a.V.x", "'x'")],
)
def test_an_unknown_name_says_where_and_what_is_near(net, path, said):
    with pytest.raises(UnknownPathError, match=said):
        dp.lookup(net.init_state(dp.Context(dt=1.0)), path)


def test_constants_are_known_as_such_with_all_below_them(net):
    trainable = {leaf.path: leaf.trainable for leaf in leaves(net)}
    assert trainable["inner.b.weight"]
    assert not trainable["inner.a.tau"]
    assert not trainable["inner.a.surrogate.alpha"]
    assert not trainable["out.h0.value"]
    assert trainable["out.cell.weight_hh"]
