import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dynplug import errors
from dynplug.initializers import Constant, Normal, initialize, required

pytestmark = pytest.mark.quick


def make(initializer, shape=(3, 2), key=None):
    return initialize(initializer, shape, key=key, name="the weight")


@pytest.mark.parametrize(
    "given",
    [
        np.arange(6.0).reshape(3, 2),
        np.arange(6).reshape(3, 2),
        [[0, 1], [2, 3], [4, 5]],
        lambda shape: np.arange(6.0).reshape(shape),
        lambda key, shape, dtype: jnp.arange(6.0).reshape(shape).astype(dtype),
    ],
)
def test_arrays_lists_and_callables_give_their_values(getkey, given):
    value = make(given, key=getkey())
    assert isinstance(value, jax.Array)
    assert value.dtype == jnp.float32
    np.testing.assert_array_equal(value, [[0, 1], [2, 3], [4, 5]])


@pytest.mark.parametrize("number", [2, 2.0, np.float64(2.0), np.int32(2)])
def test_a_number_is_the_value_of_all_entries(number):
    value = make(number)
    assert value.dtype == jnp.float32
    np.testing.assert_array_equal(value, np.full((3, 2), 2.0))


def test_none_is_no_array_where_one_is_optional_and_an_error_where_not():
    assert make(None) is None
    with pytest.raises(errors.ParameterError, match="the weight cannot be left out"):
        required(None, (3, 2), key=None, name="the weight")


def test_an_array_keeps_its_precision(x64):
    assert make(np.zeros((3, 2), np.float32)).dtype == jnp.float32
    assert make(np.zeros((3, 2), np.int32)).dtype == jnp.float64
    assert make(0.0).dtype == jnp.float64


def test_initializers_of_jax_are_drawn_with_the_key(getkey):
    key = getkey()
    theirs = jax.nn.initializers.glorot_normal()
    np.testing.assert_array_equal(make(theirs, key=key), theirs(key, (3, 2)))
    np.testing.assert_array_equal(make(Normal(2.0), key=key), jax.nn.initializers.normal(2.0)(key, (3, 2)))


@pytest.mark.parametrize("given", [np.zeros((2, 3)), np.zeros(6), lambda shape: np.zeros(6), jnp.zeros(())])
def test_another_shape_is_an_error_that_says_both(given):
    with pytest.raises(errors.ParameterError, match=r"the weight has shape .*, but \(3, 2\) is needed"):
        make(given)


def test_what_is_drawn_needs_a_key_and_what_is_not_does_not():
    with pytest.raises(errors.KeyRequiredError, match="the weight is drawn"):
        make(Normal())
    np.testing.assert_array_equal(make(jnp.ones), np.ones((3, 2)))
    np.testing.assert_array_equal(make(Constant(1.0)), np.ones((3, 2)))


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (np.nan, "the weight takes finite numbers; got nan"),
        (np.array([[0.0, 1.0], [np.inf, 0.0], [0.0, 0.0]]), "finite numbers; got inf"),
        (jnp.full((3, 2), jnp.nan), "finite numbers; got nan"),
        (True, "takes numbers, or an initializer; got True"),
        (1j, "takes numbers, or an initializer; got 1j"),
        (np.ones((3, 2), complex), "takes numbers"),
        ("KaimingNormal", "got 'KaimingNormal'. By its name an initializer is made with dynplug.build"),
        ([["a", "b"]], "takes numbers"),
    ],
)
def test_what_is_no_finite_number_is_refused(given, said):
    with pytest.raises(errors.ParameterError, match=said):
        make(given)


def test_traced_values_are_not_looked_at():
    assert jax.jit(lambda value: make(value, shape=()))(jnp.nan).shape == ()
