"""The sparse layer is a dense one whose other weights are zero."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

import dynplug as dp
from dynplug.connectors import AllToAll, FixedInDegree, FixedProbability, OneToOne
from dynplug.errors import KeyRequiredError, ParameterError, ShapeError
from dynplug.layers import Dense, Sparse


def as_matrix(layer, weight):
    """By NumPy, a loop over the connections."""
    matrix = np.zeros((*layer.out_size, *layer.in_size), np.asarray(weight).dtype)
    for w, j, i in zip(np.asarray(weight), layer.connections.pre, layer.connections.post, strict=True):
        matrix[i, j] = w
    return matrix


@eqx.filter_jit
def outcome(layer, x):
    """The output, and the gradient of a nonlinear function of it by the layer's arrays and the input."""

    def f(arrays, x):
        _, y = eqx.combine(arrays, rest).update(None, x, dp.Context(dt=1.0))
        return jnp.sin(y).sum(), y

    arrays, rest = eqx.partition(layer, eqx.is_inexact_array)
    (_, y), gradients = jax.value_and_grad(f, argnums=(0, 1), has_aux=True)(arrays, x)
    return y, *gradients


@pytest.mark.claim(
    "sparse-dense",
    "A sparse layer's outputs and gradients are those of the matrix of its connections, over random connections",
    tolerance=1e-5,
    reference="dense layer with a matrix filled by NumPy",
    components=("layer:Sparse",),
)
@pytest.mark.slow
@settings(deadline=None, max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.sampled_from([(1, 1), (5, 2), (3, 7)]),  # few shapes, each of which is compiled
    st.sampled_from([0.0, 0.4, 1.0]),
    st.sampled_from(["dense", "sparse"]),
    st.integers(0, 2**32 - 1),
)
def test_values_and_gradients_are_those_of_the_dense_layer(measured, sizes, p, method, seed):
    (in_size, out_size), (key, x_key) = sizes, jax.random.split(jax.random.key(seed))
    layer = Sparse(in_size, out_size, FixedProbability(p), b_initializer=0.5, method=method, key=key)
    dense = Dense(in_size, out_size, W_initializer=as_matrix(layer, layer.weight), b_initializer=0.5)
    x = jax.random.normal(x_key, (in_size,))
    (y, by_layer, by_x), (dense_y, by_dense, dense_by_x) = outcome(layer, x), outcome(dense, x)
    measured.difference(y, dense_y)
    measured.difference(by_x, dense_by_x)
    np.testing.assert_allclose(by_layer.bias, by_dense.bias, atol=1e-5)
    pairs = layer.connections
    expected = np.asarray(by_dense.weight)[pairs.post, pairs.pre]
    np.testing.assert_allclose(by_layer.weight, expected, atol=1e-5)
    if len(pairs):
        measured.difference(by_layer.weight, expected)


@pytest.mark.parametrize(("method", "expected", "absent"), [("dense", "dot", "gather"), ("sparse", "gather", "dot")])
def test_the_method_is_the_one_that_was_asked_for(method, expected, absent):
    layer = Sparse(4, 3, AllToAll(), W_initializer=1.0, method=method)
    program = str(jax.make_jaxpr(lambda x: layer.update(None, x, dp.Context(dt=1.0))[1])(jnp.ones(4)))
    assert expected in program
    assert absent not in program


@pytest.mark.parametrize("method", ["dense", "sparse"])
def test_only_the_weights_and_the_bias_are_trained(method):
    layer = Sparse(4, 3, FixedInDegree(2), method=method, key=jax.random.key(0))
    trainer = dp.BPTT(layer, "mse", {"type": "sgd", "learning_rate": 0.1}, dt=1.0, logger=None, progress_bar=False)
    x = jax.random.normal(jax.random.key(1), (8, 5, 4))
    trainer.fit((x, jnp.ones((8, 5, 3))), num_epoch=20, batch_size=8)
    losses = trainer.get_hist_metric("fit", "loss")
    assert losses[-1] < 0.6 * losses[0]
    assert trainer.target.connections.pre.tolist() == layer.connections.pre.tolist()
    assert trainer.target.weight.shape == (6,)


def test_an_initializer_scales_with_what_a_unit_receives():
    layer = Sparse(400, 300, FixedInDegree(25), key=jax.random.key(0))  # LecunNormal: variance 1 / inputs
    assert abs(float(layer.weight.std()) / 25**-0.5 - 1.0) < 0.05
    assert layer.weight.shape == (7500,)


def test_weights_are_one_a_connection_in_their_order():
    layer = Sparse(3, 3, OneToOne(), W_initializer=np.array([1.0, 2.0, 3.0]), b_initializer=None)
    assert layer.bias is None
    _, y = layer.update(None, jnp.array([True, False, True]), dp.Context(dt=1.0))
    np.testing.assert_array_equal(y, [1.0, 0.0, 3.0])
    with pytest.raises(ParameterError, match=r"Sparse weight \(connections,\) has shape \(2,\), but \(3,\) is needed"):
        Sparse(3, 3, OneToOne(), W_initializer=np.ones(2))
    with pytest.raises(ShapeError, match=r"Sparse takes an array of shape \(3,\)"):
        layer.update(None, jnp.ones(4), dp.Context(dt=1.0))


def test_what_is_no_choice_or_no_connections_is_named():
    with pytest.raises(ParameterError, match=r"Unknown method 'csr' of Sparse: give 'dense' or 'sparse'"):
        Sparse(3, 3, OneToOne(), W_initializer=1.0, method="csr")
    with pytest.raises(ParameterError, match="a connector returns the Connections of 3 with 3 units"):
        Sparse(3, 3, lambda pre, post, key=None: OneToOne()(2, 2), W_initializer=1.0)
    with pytest.raises(KeyRequiredError, match="FixedInDegree draws connections"):
        Sparse(3, 3, FixedInDegree(1), W_initializer=1.0)


def test_a_configuration_names_the_connector():
    config = {"type": "Sparse", "in_size": 4, "out_size": 4, "connector": {"type": "FixedProbability", "p": 0.5}}
    built = dp.build(config, key=jax.random.key(0))
    assert 0 < len(built.connections) < 16
    assert len(dp.build({**config, "connector": "OneToOne"}, key=jax.random.key(0)).connections) == 4
