"""Windows of time and states that go on, against loops written by hand."""

import functools

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import dynplug as dp
from dynplug.errors import DataError, OptionError

RATE = 0.3
SGD = optax.sgd(RATE)  # one object, so that equal trainers share their compiled program
KEY = jax.random.key(1)


@pytest.fixture
def signals():
    """Inputs and targets (batch, time, 2)."""
    rng = np.random.default_rng(1)
    return rng.normal(size=(6, 7, 2)).astype(np.float32), rng.normal(size=(6, 7, 2)).astype(np.float32)


def cell():
    return dp.layers.RNNCell(2, 2, key=KEY)


@jax.jit
@functools.partial(jax.value_and_grad, has_aux=True)
def slope(params, state, x, y):
    """The loss of a window, the state after it, and the gradient."""
    rnn, out = eqx.combine(params, eqx.partition(cell(), eqx.is_inexact_array)[1]), []
    for t in range(x.shape[1]):
        state, h = jax.vmap(lambda s, x: rnn.update(s, x, dp.Context(dt=1.0)))(state, x[:, t])
        out.append(h)
    return jnp.mean((jnp.stack(out, 1) - y) ** 2), state


def by_hand(batches, window, carry=False):
    """SGD on an RNN, h' = tanh(W_in x + W_rec h + b), one step a window, written without dynplug's loop."""
    params = eqx.filter(cell(), eqx.is_inexact_array)
    losses, state = [], None
    for x, y in batches:
        if state is None or not carry:
            state = jax.vmap(lambda _: cell().init_state(dp.Context(dt=1.0)))(jnp.arange(len(x)))
        for start in range(0, x.shape[1], window):
            part = slice(start, start + window)
            (value, state), grads = slope(params, state, x[:, part], y[:, part])
            params = jax.tree.map(lambda p, g: np.asarray(p) - np.float32(RATE) * np.asarray(g), params, grads)
            losses.append(float(value))
    return params, losses


def trainer(axis="B", **options):
    return dp.BPTT(cell(), "mse", SGD, dt=1.0, logger=None, shuffle_data=False, data_first_axis=axis, **options)


def assert_equals(t, params, losses):
    np.testing.assert_allclose(t.get_hist_metric(which="detailed"), losses, rtol=1e-5)
    for got, want in zip(jax.tree.leaves(t.target), jax.tree.leaves(params), strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-4, atol=1e-6)


@pytest.mark.claim(
    "bptt-truncated",
    "Truncated BPTT is a step of SGD for each window, with states that go on (relative, and absolute below 0.01)",
    tolerance=1e-4,
    reference="a loop written without dynplug's time loop",
    components=("runner:BPTT", "layer:RNNCell"),
)
@pytest.mark.parametrize("axis", ["B", "T"])
@pytest.mark.parametrize("window", [1, 3, 7, 9])
def test_each_window_is_a_step_and_states_go_on_without_gradient(signals, window, axis, measured):
    x, y = signals
    batches = [(x[:4], y[:4]), (x[4:], y[4:])]
    given = (x, y) if axis == "B" else (x.swapaxes(0, 1), y.swapaxes(0, 1))
    t = trainer(axis, truncate=window)
    t.fit(given, num_epoch=1, batch_size=4)
    params, losses = by_hand(batches, window)
    assert_equals(t, params, losses)
    for got, want in zip(jax.tree.leaves(t.target), jax.tree.leaves(params), strict=True):
        measured.relative(got, want, floor=0.01)
    assert t.state is None


def test_windows_differ_from_the_whole_and_weigh_by_their_length(signals):
    t = trainer(truncate=3)
    t.fit(signals, num_epoch=1)
    _, losses = by_hand([signals], 3)
    np.testing.assert_allclose(t.get_hist_metric(), [np.average(losses, weights=[3, 3, 1])], rtol=1e-5)
    _, whole = by_hand([signals], 7)
    assert abs(losses[0] - whole[0]) > 1e-3


def test_random_numbers_and_time_are_those_of_the_whole(data):
    """Windows change what is learnt from, not what is computed."""
    x, y = data
    net = dp.layers.Dense(3, 2, key=KEY) >> dp.layers.Dropout(0.5)
    seen = []

    def loss(predicts, targets):
        jax.debug.callback(lambda p: seen.append(np.asarray(p)), predicts, ordered=True)
        return 0.0 * jnp.sum(predicts)

    for truncate in (None, 2):
        dp.BPTT(net, loss, dt=1.0, logger=None, truncate=truncate, shuffle_data=False).fit((x, y), num_epoch=1)
    np.testing.assert_allclose(np.concatenate(seen[1:], axis=1), seen[0], rtol=1e-6)


def test_targets_without_time_go_with_each_window(trainer, data):
    t = trainer(truncate=2)
    t.fit(data, num_epoch=1, batch_size=10)
    assert len(t.get_hist_metric(which="detailed")) == 6


def test_targets_of_another_length_are_refused(trainer, data):
    x, _ = data
    with pytest.raises(DataError, match=r"truncate cuts inputs and targets in time"):
        trainer(truncate=2).fit((x, np.full((20, 2), 0.5, np.float32)), num_epoch=1)


@pytest.mark.parametrize("wrong", [0, -1, True, 2.0])
def test_a_window_has_a_step_at_least(trainer, wrong):
    with pytest.raises(OptionError, match="truncate="):
        trainer(truncate=wrong)


def test_whole_numbers_of_numpy_are_whole_numbers(trainer, data):
    x, _ = data
    whole = trainer(loss_fun="mse", truncate=np.int64(2), remat=np.int64(3), log_every=np.uint8(1))
    whole.fit((x, x[..., :2]), num_epoch=1, batch_size=10)
    alike = trainer(loss_fun="mse", truncate=2, remat=3)
    alike.fit((x, x[..., :2]), num_epoch=1, batch_size=10)
    np.testing.assert_array_equal(whole.history.metric(which="detailed"), alike.history.metric(which="detailed"))


@pytest.mark.parametrize("axis", ["B", "T"])
def test_states_go_on_from_batch_to_batch(signals, axis):
    x, y = signals
    batches = [(x[:, :4], y[:, :4]), (x[:, 4:], y[:, 4:])]
    given = batches if axis == "B" else [(a.swapaxes(0, 1), b.swapaxes(0, 1)) for a, b in batches]
    t = trainer(axis)
    t.fit(given, given, num_epoch=1, reset_state=False)
    assert_equals(t, *by_hand(batches, 9, carry=True))
    assert int(t.state.i) == 7
    tested = trainer(axis)
    tested.target = t.target
    whole = (x, y) if axis == "B" else (x.swapaxes(0, 1), y.swapaxes(0, 1))
    errors = (np.asarray(tested.predict(whole[0])) - whole[1]) ** 2
    np.testing.assert_allclose(t.get_hist_metric("test"), [np.mean([e.mean() for e in _cut(errors, axis)])], rtol=1e-5)


def _cut(array, axis):
    return (array[:, :4], array[:, 4:]) if axis == "B" else (array[:4], array[4:])


def test_states_go_on_over_epochs_until_they_are_reset(signals):
    x, y = signals
    t = trainer()
    t.fit([(x, y)], num_epoch=2, reset_state=False)
    assert_equals(t, *by_hand([(x, y), (x, y)], 9, carry=True))
    t.reset_state()
    assert t.state is None
    t.reset_state(3)
    assert t.state.system.h.shape == (3, 2)


def test_states_of_another_batch_size_do_not_go_on(signals):
    with pytest.raises(DataError, match=r"got 2 after 4. Choose a batch_size that divides"):
        trainer().fit(signals, num_epoch=1, batch_size=4, reset_state=False)


def test_carried_states_are_saved_and_come_back(signals, tmp_path, assert_same):
    x, y = signals
    parts = [(x[:, :4], y[:, :4]), (x[:, 4:], y[:, 4:])]
    whole, first, second = trainer(), trainer(), trainer()
    whole.fit([parts[0], parts[1]], num_epoch=1, reset_state=False)
    first.fit([parts[0]], num_epoch=1, reset_state=False)
    first.save_states(tmp_path / "x")
    second.load_states(tmp_path / "x")
    assert_same(second.state, first.state)
    second.fit([parts[1]], num_epoch=1, reset_state=False)
    assert_same(second.target, whole.target)


def test_prediction_may_go_on(signals):
    x, _ = signals
    t = trainer()
    whole = t.predict(x)
    first = t.predict(x[:, :3])
    rest = t.predict(x[:, 3:], reset_state=False)
    np.testing.assert_allclose(np.concatenate([first, rest], 1), whole, rtol=1e-5, atol=1e-6)
    anew = t.predict(x[:, 3:])
    assert np.abs(anew - rest).max() > 1e-3
    with pytest.raises(OptionError, match="leave out batch_size"):
        t.predict(x, reset_state=False, batch_size=2)
    t.predict(x, batch_size=4)
    assert t.state is None
