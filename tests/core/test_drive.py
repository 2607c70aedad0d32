import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

import dynplug as dp
from dynplug.errors import ShapeError

pytestmark = pytest.mark.quick

numbers = st.none() | st.floats(-8, 8, width=16)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(numbers, numbers, numbers), min_size=1, max_size=4), st.floats(-90, 50, width=16))
def test_the_sum_of_drives_is_the_sum_of_their_currents_and_jumps(parts, V):
    drives = [dp.Drive(*p) for p in parts]
    total = drives[0]
    for d in drives[1:]:
        total = total + d
    expected = sum((i or 0.0) - (g or 0.0) * V for i, g, _ in parts)
    np.testing.assert_allclose(total(jnp.asarray([V])), expected, rtol=1e-4, atol=1e-3)
    np.testing.assert_allclose(total.jump or 0.0, sum(j or 0.0 for _, _, j in parts), rtol=1e-4, atol=1e-3)


def test_what_is_absent_stays_absent():
    total = dp.Drive(current=1.0) + dp.Drive(current=2.0)
    assert total.conductance is None
    assert total.jump is None


@pytest.mark.parametrize("drive", [jnp.ones(3), dp.Drive(current=jnp.ones((1, 4))), dp.Drive(jump=jnp.ones(1))])
def test_an_input_of_another_shape_is_refused_by_name(drive):
    net = dp.Sequential(cell=dp.neurons.LIF(4))
    state = net.init_state(dp.Context(dt=1.0))
    with pytest.raises(ShapeError, match=r"cell has \(4,\) units, but was given an input of shape"):
        net.update(state, drive, dp.Context(dt=1.0))


@pytest.mark.parametrize("x", [None, 2.0, 2, True, np.ones(4), jnp.ones(4, bool), dp.Drive(current=2.0)])
def test_inputs_may_be_nothing_a_number_an_array_of_any_dtype_or_a_drive(x):
    cell = dp.neurons.LeakyIntegrator(4, tau=10.0)
    _, V = cell.update(cell.init_state(dp.Context(dt=1.0)), x, dp.Context(dt=1.0))
    current = 0.0 if x is None else x.current if isinstance(x, dp.Drive) else float(np.max(x))
    np.testing.assert_allclose(V, current * (1 - np.exp(-0.1)) * np.ones(4), rtol=1e-5)
