import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import dynplug as dp
from dynplug.errors import CompositionError, ShapeError, UnknownPathError

pytestmark = pytest.mark.quick

CTX = dp.Context(dt=1.0)


class Add(dp.DynamicalSystem):
    amount: float

    def init_state(self, ctx):
        return None

    def update(self, state, x, ctx):
        return None, x + self.amount


class Count(dp.DynamicalSystem):
    """Puts out the input plus the number of steps made."""

    def init_state(self, ctx):
        return {"n": jnp.zeros((), ctx.dtype)}

    def update(self, state, x, ctx):
        n = state["n"] + 1.0
        return {"n": n}, x + n


def out(net, x):
    return net.update(net.init_state(CTX), x, CTX)[1]


def test_values_flow_through_in_order_within_a_step():
    net = Add(1.0) >> (lambda x: x * 10.0) >> Add(2.0) >> jnp.negative
    assert out(net, 3.0) == -42.0


def test_a_function_may_come_first():
    assert out(jnp.negative >> Add(1.0), 3.0) == -2.0


def test_modules_of_equinox_are_lifted_with_their_parameters():
    linear = eqx.nn.Linear(2, 3, key=jax.random.key(0))
    net = Add(0.0) >> linear
    x = jnp.asarray([1.0, 2.0])
    np.testing.assert_allclose(out(net, x), linear.weight @ x + linear.bias, rtol=1e-6)
    assert len(eqx.filter(jax.tree.leaves(net), eqx.is_inexact_array)) >= 2


def test_shifting_flattens_numbered_rows_and_keeps_named_ones_whole():
    flat = (Add(1.0) >> Add(2.0)) >> (Add(3.0) >> Add(4.0))
    assert flat.names == ("0", "1", "2", "3")
    nested = dp.Sequential(a=Add(1.0), b=Add(2.0)) >> Add(3.0)
    assert nested.names == ("0", "1")
    assert nested[0].names == ("a", "b")
    assert out(nested, 0.0) == 6.0


def test_parts_by_name_position_and_slice():
    net = dp.Sequential(first=Add(1.0), second=Count(), third=Add(3.0))
    assert net["first"].amount == net[0].amount == 1.0
    assert net[-1].amount == 3.0
    assert net[1:].names == ("second", "third")
    assert len(net) == 3
    assert [type(s) for s in net] == [Add, Count, Add]
    with pytest.raises(UnknownPathError, match="Did you mean 'second'"):
        net["secnd"]


def test_order_is_that_of_the_arguments_also_under_jit():
    net = dp.Sequential(z=lambda x: x + 1.0, a=lambda x: x * 10.0)
    assert out(net, 1.0) == 20.0
    assert jax.jit(lambda x: out(net, x))(1.0) == 20.0
    assert eqx.filter_jit(lambda n, x: out(n, x))(net, jnp.asarray(1.0)) == 20.0


def test_state_is_kept_by_name():
    net = dp.Sequential(plus=Add(1.0), count=Count())
    state = net.init_state(CTX)
    for step in range(1, 4):
        state, y = net.update(state, 0.0, CTX)
        assert y == 1.0 + step
    assert state["count"]["n"] == 3.0
    assert state["plus"] is None


@pytest.mark.parametrize(
    "array", [np.ones(3), jnp.ones(3), np.float32(1.0), 2.0], ids=["numpy", "jax", "scalar", "float"]
)
def test_an_array_before_a_system_is_refused_with_the_form_to_write(array):
    with pytest.raises(CompositionError, match=r"layer\.update\("):
        array >> Add(1.0)
    with pytest.raises(CompositionError, match="first >> second"):
        Add(1.0) >> array


@pytest.mark.parametrize(("part", "said"), [(Add, "give an instance"), ("Add", "neither a system nor a function")])
def test_what_is_no_system_is_refused(part, said):
    with pytest.raises(CompositionError, match=said):
        dp.Sequential(Add(1.0), part)


@pytest.mark.parametrize("name", ["a.b", ""])
def test_a_name_that_no_path_can_hold_is_refused(name):
    with pytest.raises(CompositionError, match=f"a name without dots; got {name!r}"):
        dp.Sequential(**{name: Add(1.0)})


def test_a_name_that_is_the_number_of_another_part_is_refused():
    with pytest.raises(CompositionError, match="Two parts are called '0'"):
        dp.Sequential(Add(1.0), **{"0": Add(2.0)})


def test_neighbours_that_do_not_fit_are_refused_at_construction(getkey):
    with pytest.raises(ShapeError, match=r"'0' \(Dense\) outputs shape \(4,\), but '1' \(LIF\) takes \(5,\)"):
        dp.layers.Dense(3, 4, key=getkey()) >> dp.neurons.LIF(5)
    with pytest.raises(ShapeError, match=r"'inner' \(Sequential\) outputs shape \(4,\)"):
        dp.Sequential(inner=dp.Sequential(dp.layers.Dense(3, 4, key=getkey())), cell=dp.neurons.LIF(5))


def test_a_shape_that_only_the_data_show_is_refused_by_path(getkey):
    net = dp.Sequential(encode=dp.layers.Dense(3, 4, key=getkey()))
    with pytest.raises(ShapeError, match=r"'encode' \(Dense\) takes an array of shape \(3,\), but was given \(5,\)"):
        dp.LoopOverTime(net, dt=1.0)(jnp.ones((7, 5)))
    with pytest.raises(ShapeError, match="was given Drive"):
        out(dp.synapses.Delta(3) >> net, jnp.ones(3))


def test_each_part_has_randomness_of_its_own(getkey):
    net = dp.Sequential(a=dp.layers.Dropout(0.5), b=dp.layers.Dropout(0.5))
    ctx = dp.Context(dt=1.0, key=getkey(), fit=True)
    _, y = net.update(net.init_state(ctx), jnp.ones(4000), ctx)
    assert 0.2 < float(jnp.mean(y != 0)) < 0.3  # one mask used twice would keep half
