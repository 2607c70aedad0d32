import inspect
import re

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from checked_annotations import unchecked

import dynplug as dp
from dynplug.core import as_count, as_size
from dynplug.errors import ParameterError

pytestmark = pytest.mark.quick


def test_numbers_stay_numbers_and_arrays_become_jax_arrays():
    assert dp.neurons.LIF(3, tau=10).tau == 10.0
    assert isinstance(dp.neurons.LIF(3, tau=np.float32(10)).tau, float)
    for given in ([1, 2, 3], np.array([1, 2, 3]), jnp.array([1.0, 2.0, 3.0])):
        tau = dp.neurons.LIF(3, tau=given).tau
        assert isinstance(tau, jax.Array)
        assert tau.dtype == jnp.float32


def test_a_number_is_compiled_in_and_an_array_is_traced():
    def inputs_of_program(tau):
        cell = dp.neurons.LeakyIntegrator(3, tau=tau)
        dynamic, static = eqx.partition(cell, eqx.is_array)
        state, ctx = cell.init_state(dp.Context(dt=1.0)), dp.Context(dt=1.0)
        program = jax.make_jaxpr(lambda d: eqx.combine(d, static).update(state, None, ctx)[1])(dynamic)
        return len(program.jaxpr.invars)

    assert inputs_of_program(10.0) == 0
    assert inputs_of_program(jnp.full(3, 10.0)) == 1


@pytest.mark.parametrize("tau", [0.0, -1.0, float("nan"), float("inf"), np.array([1.0, 0.0, 2.0])])
def test_values_that_make_no_sense_are_refused(tau):
    with pytest.raises(ParameterError, match=r"LIF\(tau=\.\.\.\)"):
        dp.neurons.LIF(3, tau=tau)


@pytest.mark.parametrize("given", ["ten", b"ten", ["a", "b", "c"], np.array(["1", "2", "x"]), [[1.0], [1.0, 2.0]]])
@pytest.mark.parametrize("name", ["tau", "V_reset"])  # the class compares the second with others
def test_what_is_no_number_is_refused_by_name(name, given):
    with pytest.raises(ParameterError, match=rf"^{name} must be a number, or an array with one per unit; got "):
        dp.neurons.LIF(3, **{name: given})


def test_a_parameter_of_a_class_of_ones_own_is_named_too():
    class Mine(dp.surrogates.Surrogate):
        gain: dp.Parameter = dp.param(1.0)

        def derivative(self, x):
            return x

    class Ours(Mine):
        slope: dp.Parameter = dp.param(1.0)

    for name in ("gain", "slope"):
        with pytest.raises(ParameterError, match=f"^{name} must be a number"):
            Ours(**{name: "1"})


@pytest.mark.parametrize("tau", [True, None, 1j, "x", ["a", "b"], [1.0, [2.0]], [True] * 3, np.ones(3, complex), {}])
def test_what_is_no_number_is_refused(tau):
    with unchecked(), pytest.raises(ParameterError, match="must be a number, or an array with one per unit; got"):
        dp.neurons.LIF(3, tau=tau)


def test_one_value_for_all_or_one_a_unit():
    with pytest.raises(ParameterError, match=r"has shape \(4,\); give one number, or one per unit: \(3,\)"):
        dp.neurons.LIF(3, V_th=np.ones(4))


@pytest.mark.parametrize("size", [0, -1, (), (3, 0), 2.5, 3.0, (3, 2.0), True, "3", None])
def test_sizes_that_are_no_numbers_of_units_are_refused(size):
    with pytest.raises(ParameterError, match="size must be a positive integer or a tuple of them; got"):
        inspect.unwrap(as_size)(size)


@pytest.mark.parametrize("size", [0, 3.0, True, "3", (3,)])
def test_a_count_that_is_none_is_refused(size):
    with pytest.raises(ParameterError, match=f"in_size must be a positive integer; got {re.escape(repr(size))}"):
        as_count("in_size", size)


@pytest.mark.parametrize("cell", ["Dense", "Sparse", "RNNCell", "GRUCell", "LSTMCell"])
def test_each_layer_looks_at_its_sizes(cell, getkey):
    more = {"connector": dp.connectors.AllToAll()} if cell == "Sparse" else {}
    for name, sizes in (("in_size", (0, 2)), ("out_size", (2, -1))):
        with pytest.raises(ParameterError, match=f"{name} must be a positive integer; got "):
            getattr(dp.layers, cell)(*sizes, **more, key=getkey())


def test_units_may_lie_on_a_grid():
    cell = dp.neurons.LIF((2, 3))
    _, spikes = dp.LoopOverTime(cell, dt=1.0)(jnp.full((50, 2, 3), 2.0))
    assert spikes.shape == (50, 2, 3)
    assert float(spikes.sum()) > 0


class Unreadable(dp.layers.Dense):
    """Has annotations that only a type checker can read."""

    one: "np.no_such_name" = None
    two: "int | 'text'" = None


def test_annotations_that_cannot_be_read_are_no_error():
    assert Unreadable(2, 2, W_initializer=1.0).in_size == (2,)
