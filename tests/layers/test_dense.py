import jax
import jax.numpy as jnp
import numpy as np
import pytest

import dynplug as dp
from dynplug import errors
from dynplug.initializers import Constant, Normal
from dynplug.layers import Dense

pytestmark = pytest.mark.quick

W = np.array([[1.0, -2.0, 0.5], [0.25, 3.0, -1.0]], np.float32)
B = np.array([0.5, -4.0], np.float32)


def run(layer, xs):
    return np.asarray(dp.LoopOverTime(layer, dt=1.0, jit=False)(xs)[1])


@pytest.mark.claim(
    "dense-output",
    "A dense layer is the weight times the input plus the bias, in single precision (relative, and near zero "
    "to a tenth)",
    tolerance=1e-5,
    reference="NumPy's einsum",
    components=("layer:Dense",),
)
def test_output_is_weight_times_input_plus_bias(measured):
    xs = np.random.default_rng(0).normal(size=(5, 3)).astype(np.float32)
    found = run(Dense(3, 2, W_initializer=W, b_initializer=B), xs)
    measured.relative(found, np.einsum("oi,ti->to", W, xs) + B, floor=0.1)


def test_without_bias_nothing_is_added():
    layer = Dense(3, 2, W_initializer=W, b_initializer=None)
    assert layer.bias is None
    np.testing.assert_array_equal(run(layer, np.eye(3, dtype=np.float32)), W.T)


@pytest.mark.parametrize("dtype", [bool, np.uint8, np.int32])
def test_spikes_of_any_type_select_columns_of_the_weight(dtype):
    layer = Dense(3, 2, W_initializer=W, b_initializer=B)
    found = run(layer, np.eye(3).astype(dtype))
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, W.T + B)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (W, W),
        (W.tolist(), W),
        (0.25, np.full((2, 3), 0.25)),
        (lambda shape: np.full(shape, 2.0), np.full((2, 3), 2.0)),
        (lambda key, shape, dtype: jnp.full(shape, 3.0, dtype), np.full((2, 3), 3.0)),
        (Constant(4.0), np.full((2, 3), 4.0)),
    ],
)
def test_weight_initializer_takes_all_forms(getkey, given, expected):
    np.testing.assert_array_equal(Dense(3, 2, W_initializer=given, key=getkey()).weight, expected)


def test_bias_initializer_takes_all_forms(getkey):
    for given in (B, lambda shape: B, lambda key, shape, dtype: jnp.asarray(B)):
        np.testing.assert_array_equal(Dense(3, 2, b_initializer=given, key=getkey()).bias, B)
    np.testing.assert_array_equal(Dense(3, 2, b_initializer=1.5, key=getkey()).bias, [1.5, 1.5])


def test_by_default_weights_keep_the_variance_of_their_input_and_biases_are_zero(getkey):
    layer = Dense(100, 400, key=getkey())
    np.testing.assert_allclose(layer.weight.var() * 100.0, 1.0, atol=0.03)
    np.testing.assert_array_equal(layer.bias, np.zeros(400))


def test_weight_and_bias_are_drawn_from_keys_of_their_own(getkey):
    key = getkey()
    layer = Dense(5, 5, W_initializer=Normal(1.0), b_initializer=Normal(1.0), key=key)
    again = Dense(5, 5, W_initializer=Normal(1.0), b_initializer=Normal(1.0), key=key)
    np.testing.assert_array_equal(layer.weight, again.weight)
    assert not np.any(np.isin(layer.bias, layer.weight))


def test_a_weight_of_another_shape_or_none_is_refused(getkey):
    with pytest.raises(errors.ParameterError, match=r"weight \(out, in\) has shape \(3, 2\)"):
        Dense(3, 2, W_initializer=W.T)
    with pytest.raises(errors.ParameterError, match="cannot be left out"):
        Dense(3, 2, W_initializer=None, key=getkey())
    with pytest.raises(errors.ParameterError, match="bias"):
        Dense(3, 2, b_initializer=W, key=getkey())


def test_drawing_without_a_key_is_refused():
    with pytest.raises(errors.KeyRequiredError, match="Dense weight"):
        Dense(3, 2)
    with pytest.raises(errors.KeyRequiredError, match="Dense bias"):
        Dense(3, 2, W_initializer=W, b_initializer=Normal())


def test_an_input_of_another_shape_is_refused_with_the_layers_name():
    layer = Dense(3, 2, W_initializer=W)
    with pytest.raises(errors.ShapeError, match=r"'readout' \(Dense\) takes an array of shape \(3,\).*\(4, 3\)"):
        run(dp.Sequential(readout=layer), np.zeros((5, 4, 3), np.float32))
    with pytest.raises(errors.ShapeError):
        dp.Sequential(layer, layer)


@pytest.mark.claim(
    "dense-gradient",
    "The gradient of a dense layer's weight is its closed form, in single precision (relative)",
    tolerance=1e-5,
    reference="closed form",
    components=("layer:Dense",),
)
def test_gradients_of_weight_and_bias_are_the_closed_form(measured):
    xs = jnp.asarray(np.random.default_rng(0).normal(size=(5, 3)).astype(np.float32))
    layer = Dense(3, 2, W_initializer=W, b_initializer=B)
    gradient = jax.grad(lambda layer: dp.LoopOverTime(layer, dt=1.0)(xs)[1].sum())(layer)
    measured.relative(gradient.weight, np.tile(xs.sum(0), (2, 1)))
    np.testing.assert_array_equal(gradient.bias, [5.0, 5.0])
