import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from checked_annotations import unchecked
from scipy.special import expit

import dynplug as dp
from dynplug import errors
from dynplug.initializers import Constant
from dynplug.layers import GRUCell, LSTMCell, RNNCell
from dynplug.train.step.trainable import partition

XS = np.random.default_rng(0).normal(size=(7, 3))
CELLS = {RNNCell: ["state0.value"], GRUCell: ["state0.value"], LSTMCell: ["h0.value", "c0.value"]}


def run(cell, xs=XS):
    state, out = dp.LoopOverTime(cell, dt=1.0)(xs)
    return state, np.asarray(out)


def numpy_rnn(cell, h, phi):
    out = []
    for x in XS:
        h = phi(np.asarray(cell.W) @ x + np.asarray(cell.U) @ h + (0.0 if cell.bias is None else np.asarray(cell.bias)))
        out.append(h)
    return np.array(out)


def numpy_gru(cell, h, reset_after=True):
    """Cho et al. (2014), with the reset gate applied before the recurrent weight, or after it, as in cuDNN."""
    W, U = (np.split(np.asarray(w), 3) for w in (cell.weight_ih, cell.weight_hh))
    b = np.zeros((3, len(h))) if cell.bias is None else np.split(np.asarray(cell.bias), 3)
    b_n = 0.0 if cell.bias_n is None else np.asarray(cell.bias_n)
    out = []
    for x in XS:
        r = expit(W[0] @ x + U[0] @ h + b[0])
        z = expit(W[1] @ x + U[1] @ h + b[1])
        n = np.tanh(W[2] @ x + b[2] + (r * (U[2] @ h + b_n) if reset_after else U[2] @ (r * h) + b_n))
        h = (1.0 - z) * n + z * h
        out.append(h)
    return np.array(out)


def numpy_lstm(cell, h, c):
    """Hochreiter & Schmidhuber (1997) with forget gates; the gates in the order input, forget, cell, output."""
    W, U = (np.split(np.asarray(w), 4) for w in (cell.weight_ih, cell.weight_hh))
    b = np.zeros((4, len(h))) if cell.bias is None else np.split(np.asarray(cell.bias), 4)
    out = []
    for x in XS:
        i, f, g, o = (W[k] @ x + U[k] @ h + b[k] for k in range(4))
        c = expit(f) * c + expit(i) * np.tanh(g)
        h = expit(o) * np.tanh(c)
        out.append(h)
    return np.array(out), c


@pytest.mark.claim(
    "rnn-equation",
    "RNNCell is its equation (relative, and absolute below 0.001)",
    tolerance=1e-12,
    reference="Elman, J. L. (1990), doi:10.1207/s15516709cog1402_1; NumPy",
    components=("layer:RNNCell",),
)
@pytest.mark.parametrize("bias", [None, np.array([1.0, -1.0])])
def test_rnn_is_the_activation_of_two_weighted_sums(x64, bias, measured):
    rng = np.random.default_rng(1)
    W, U, h0 = rng.normal(size=(2, 3)), rng.normal(size=(2, 2)), np.array([0.5, -0.25])
    cell = RNNCell(3, 2, W_initializer=W, U_initializer=U, b_initializer=bias, state_initializer=h0)
    state, out = run(cell)
    b, h, expected = 0.0 if bias is None else bias, h0, []
    for x in XS:
        h = np.tanh(W @ x + U @ h + b)
        expected.append(h)
    measured.relative(out, expected, floor=1e-3)
    np.testing.assert_array_equal(state["h"], out[-1])


def test_rnn_activation_is_the_one_that_was_given(x64, getkey):
    cell = RNNCell(3, 4, activation=jax.nn.relu, key=getkey())
    np.testing.assert_allclose(
        run(cell)[1], numpy_rnn(cell, np.zeros(4), lambda x: np.maximum(x, 0.0)), rtol=1e-12, atol=1e-15
    )


@pytest.mark.parametrize("given", ["relu", None, 3, jax.nn])
def test_rnn_activation_is_the_function_itself(given, getkey):
    for make in (
        lambda: RNNCell(3, 4, activation=given, key=getkey()),
        lambda: dp.build({"type": "RNNCell", "in_size": 3, "out_size": 4, "activation": given}, key=getkey()),
    ):
        with unchecked(), pytest.raises((errors.ParameterError, errors.ConfigError), match="takes the function itself"):
            make()


def test_rnn_starts_with_orthogonal_recurrence_input_weights_of_unit_gain_and_no_bias(getkey):
    cell = RNNCell(100, 60, key=getkey())
    np.testing.assert_allclose(cell.U @ cell.U.T, np.eye(60), atol=1e-5)
    np.testing.assert_allclose(cell.W.var() * 100.0, 1.0, atol=0.05)
    np.testing.assert_array_equal(cell.bias, np.zeros(60))


def test_rnn_needs_a_key_only_for_what_is_drawn():
    for left_out, name in (("W_initializer", "W"), ("U_initializer", "U")):
        given = {"W_initializer": 0.0, "U_initializer": 0.0}
        del given[left_out]
        with pytest.raises(errors.KeyRequiredError, match=f"RNNCell {name}"):
            RNNCell(3, 2, **given)
        with pytest.raises(errors.ParameterError, match="cannot be left out"):
            RNNCell(3, 2, **given, **{left_out: None})
    assert RNNCell(3, 2, W_initializer=0.0, U_initializer=0.0).bias is not None


@pytest.mark.claim(
    "gru-equations",
    "GRUCell is its equations (relative, and absolute below 0.001)",
    tolerance=1e-12,
    reference="Cho, K. et al. (2014), doi:10.3115/v1/D14-1179; NumPy",
    components=("layer:GRUCell",),
)
@pytest.mark.parametrize("reset_after", [True, False])
@pytest.mark.parametrize("use_bias", [True, False])
def test_gru_equals_its_equations_in_numpy(x64, getkey, use_bias, reset_after, measured):
    h0 = np.array([0.5, -0.25, 0.1, 0.9])
    cell = GRUCell(3, 4, use_bias=use_bias, reset_after=reset_after, state_initializer=h0, key=getkey())
    assert (cell.cell.bias is not None) == use_bias
    state, out = run(cell)
    assert (cell.cell.bias_n is not None) == (use_bias and reset_after)
    measured.relative(out, numpy_gru(cell.cell, h0, reset_after), floor=1e-3)
    np.testing.assert_array_equal(state["h"], out[-1])


@pytest.mark.claim(
    "lstm-equations",
    "LSTMCell is its equations (relative, and absolute below 0.001)",
    tolerance=1e-12,
    reference="Hochreiter, S. & Schmidhuber, J. (1997), doi:10.1162/neco.1997.9.8.1735; NumPy",
    components=("layer:LSTMCell",),
)
@pytest.mark.parametrize("use_bias", [True, False])
def test_lstm_equals_its_equations_in_numpy(x64, getkey, use_bias, measured):
    h0 = np.array([0.5, -0.25, 0.1, 0.9])
    cell = LSTMCell(3, 4, use_bias=use_bias, state_initializer=h0, key=getkey())
    assert (cell.cell.bias is not None) == use_bias
    state, out = run(cell)
    expected, c = numpy_lstm(cell.cell, h0, h0)
    measured.relative(out, expected, floor=1e-3)
    measured.relative(state["c"], c, floor=1e-3)
    np.testing.assert_array_equal(state["h"], out[-1])


def test_lstm_draws_h_and_c_from_keys_of_their_own(getkey):
    cell = LSTMCell(3, 4, state_initializer=dp.initializers.Normal(1.0), key=getkey())
    assert not np.any(np.isin(cell.h0.value, cell.c0.value))


@pytest.mark.claim(
    "recurrent-initial-state",
    "The gradient of a trained initial state is that of finite differences (relative)",
    tolerance=1e-5,
    reference="central differences",
    components=("layer:RNNCell", "layer:GRUCell", "layer:LSTMCell"),
)
@pytest.mark.parametrize("kind", CELLS)
def test_a_learnt_start_is_trainable_with_the_gradient_of_finite_differences(x64, getkey, kind, measured):
    cell = kind(3, 4, state_initializer=0.3, train_state=True, key=getkey())
    params, static = partition(cell)

    @jax.jit
    def loss(params):
        return jnp.sum(dp.LoopOverTime(eqx.combine(params, static), dt=1.0, jit=False)(XS)[1] ** 2)

    def along(path, k, h):
        start = dp.lookup(params, path)
        return loss(eqx.tree_at(lambda p: dp.lookup(p, path), params, start.at[k].add(h)))

    gradient, h = jax.jit(jax.grad(loss))(params), 1e-6
    for path in CELLS[kind]:
        for k in (0, 3):
            slope = (along(path, k, h) - along(path, k, -h)) / (2.0 * h)
            assert abs(slope) > 1e-4
            measured.relative(dp.lookup(gradient, path)[k], slope)


@pytest.mark.parametrize("kind", CELLS)
def test_a_start_that_is_not_learnt_is_used_but_not_trainable(getkey, kind):
    cell = kind(3, 4, state_initializer=0.3, key=getkey())
    params, _ = partition(cell)
    for path in CELLS[kind]:
        assert dp.lookup(params, path) is None
        np.testing.assert_allclose(dp.lookup(cell, path), np.full(4, 0.3), rtol=1e-6)
    assert len(jax.tree.leaves(params)) >= 3
    ctx = dp.Context(dt=1.0)
    assert all(np.all(leaf == np.float32(0.3)) for leaf in jax.tree.leaves(cell.init_state(ctx)))
    assert all(np.all(leaf == 0.0) for leaf in jax.tree.leaves(kind(3, 4, key=getkey()).init_state(ctx)))


@pytest.mark.parametrize("kind", CELLS)
def test_spikes_of_any_type_are_inputs_and_other_shapes_are_refused(getkey, kind):
    cell = kind(3, 4, key=getkey())
    spikes = np.array([[True, False, True], [False, False, True]])
    np.testing.assert_array_equal(run(cell, spikes)[1], run(cell, spikes.astype(np.float32))[1])
    assert np.any(run(cell, spikes)[1][0] != run(cell, ~spikes)[1][0])
    with pytest.raises(errors.ShapeError, match=rf"{kind.__name__} takes an array of shape \(3,\)"):
        run(cell, np.zeros((2, 4), np.float32))
    with pytest.raises(errors.ParameterError, match="initial state"):
        kind(3, 4, state_initializer=np.zeros(3), key=getkey())


@pytest.mark.parametrize("kind", CELLS)
def test_initial_state_may_be_drawn_or_a_callable(getkey, kind):
    for given in (Constant(0.5), lambda shape: np.full(shape, 0.5)):
        cell = kind(3, 4, state_initializer=given, key=getkey())
        assert all(np.all(leaf == 0.5) for leaf in jax.tree.leaves(cell.init_state(dp.Context(dt=1.0))))
