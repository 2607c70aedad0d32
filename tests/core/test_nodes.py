import equinox as eqx
import jax.numpy as jnp
import numpy as np
import pytest

import dynplug as dp
from dynplug.errors import OptionError, UnknownPathError
from dynplug.train.step.trainable import partition

pytestmark = pytest.mark.quick


class Tangle(dp.DynamicalSystem):
    """Systems in a field, in a list and in a dictionary, and an array of its own."""

    first: dp.DynamicalSystem
    some: list
    others: dict
    own: eqx.nn.Linear
    gain: jnp.ndarray

    def init_state(self, ctx):
        return None

    def update(self, state, x, ctx):
        return None, x


@pytest.fixture
def net(getkey):
    inner = dp.Sequential(b=dp.layers.Dense(2, 3, key=getkey()), a=dp.neurons.LIF(3, tau=jnp.full(3, 9.0), R=2.0))
    return dp.Sequential(inner=inner, out=dp.layers.LSTMCell(3, 2, key=getkey()))


def test_systems_are_found_wherever_they_are_and_go_by_path(net, getkey):
    dense = [dp.layers.Dense(1, 1, key=getkey()) for _ in range(3)]
    tangle = Tangle(net, dense[:2], {"x": dense[2]}, eqx.nn.Linear(1, 1, key=getkey()), jnp.ones(2))
    found = dp.nodes(tangle)
    inside = ["first", "first.inner", "first.inner.b", "first.inner.a", "first.out", "some.0", "some.1", "others.x"]
    assert list(found) == ["", *inside]
    assert found[""] is tangle
    assert found["others.x"] is dense[2]
    assert all(dp.lookup(tangle, path) is node for path, node in found.items() if path)
    assert set(dp.variables(tangle, level=0)) == {"own.weight", "own.bias", "gain"}


@pytest.mark.parametrize(
    ("level", "paths"),
    [(0, [""]), (1, ["", "inner", "out"]), (2, ["", "inner", "inner.b", "inner.a", "out"])],
)
def test_level_is_how_many_systems_deep(net, level, paths):
    assert list(dp.nodes(net, level=level)) == paths
    assert list(dp.nodes(net, level=level, include_self=False)) == paths[1:]


def test_a_part_is_named_from_the_model_or_from_itself(net):
    assert list(dp.nodes(net, "inner")) == ["inner", "inner.b", "inner.a"]
    assert list(dp.nodes(net, "inner", method="relative")) == ["", "b", "a"]
    assert list(dp.nodes(net, "inner", level=0)) == ["inner"]
    assert set(dp.variables(net, "inner")) == {"inner.b.weight", "inner.b.bias", "inner.a.tau"}
    assert set(dp.variables(net, "inner", method="relative")) == {"b.weight", "b.bias", "a.tau"}
    assert set(dp.variables(net, "out.cell")) == {f"out.cell.{name}" for name in ("weight_ih", "weight_hh", "bias")}
    with pytest.raises(OptionError, match="'absolute' or 'relative'"):
        dp.nodes(net, method="global")
    with pytest.raises(UnknownPathError, match="Did you mean 'inner'"):
        dp.nodes(net, "iner")


def test_classes_are_chosen_and_left_out_with_all_inside(net):
    assert list(dp.nodes(net, include=(dp.neurons.LIF, dp.layers.Dense))) == ["inner.b", "inner.a"]
    assert list(dp.nodes(net, exclude=dp.layers.LSTMCell)) == ["", "inner", "inner.b", "inner.a"]
    assert list(dp.nodes(net["inner"], exclude=dp.Sequential)) == []
    assert not any(path.startswith("out") for path in dp.variables(net, exclude=dp.layers.LSTMCell))
    assert set(dp.train_vars(net, exclude=(dp.layers.LSTMCell, dp.neurons.LIF))) == {"inner.b.weight", "inner.b.bias"}


def test_arrays_belong_to_the_system_that_they_are_in(net):
    assert dp.variables(net, level=0) == {}
    assert set(dp.variables(net, level=1)) == {
        *("out.cell.weight_ih", "out.cell.weight_hh", "out.cell.bias", "out.h0.value", "out.c0.value"),
    }
    assert set(dp.variables(net, "out", include_self=False)) == set()
    assert dp.variables(net)["inner.a.tau"] is net["inner"]["a"].tau
    assert "inner.a.R" not in dp.variables(net)


def test_trainable_arrays_are_those_that_a_trainer_takes(net):
    chosen, _ = partition(net)
    assert set(dp.train_vars(net)) == set(dp.state_dict(chosen))
    assert set(dp.variables(net, trainable=False)) == {"inner.a.tau", "out.h0.value", "out.c0.value"}
    assert set(dp.train_vars(net)) | set(dp.variables(net, trainable=False)) == set(dp.variables(net))
    assert set(dp.train_vars(net, "inner", method="relative")) == {"b.weight", "b.bias"}
    assert set(dp.train_vars(net, level=1, include_self=False)) == set(dp.train_vars(net, "out"))


def test_whole_numbers_are_not_trained():
    model = dp.core.Lift(eqx.nn.Lambda(None))
    model = eqx.tree_at(lambda m: m.function, model, {"n": np.arange(2), "w": np.ones(2)})
    assert set(dp.variables(model)) == {"function.n", "function.w"}
    assert set(dp.train_vars(model)) == {"function.w"}
