"""Backpropagation through time: its steps, the layouts of its data, its random numbers, and its programs."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from small_training import KEY, X, Y, assert_same, leaves, model, trainer

import dynplug as dp


@pytest.mark.claim(
    "bptt-step",
    "Three epochs of BPTT are three steps of optax on the gradient of the pure loop (relative, and absolute "
    "below 0.01)",
    tolerance=1e-4,
    reference="optax and jax.grad by hand",
    components=("runner:BPTT", "optimizer:adam"),
)
def test_a_step_is_the_optimizers_step_on_the_loss_of_the_model(measured):
    """Against gradients of the pure loop, and optax by hand."""
    import equinox as eqx

    net, optimizer = model(), optax.adam(0.01)
    params, static = eqx.partition(net, eqx.is_inexact_array)

    def loss(params):
        _, out = dp.LoopOverTime(eqx.combine(params, static), dt=1.0, data_first_axis="B")(X)
        logp = jax.nn.log_softmax(out.mean(axis=1))
        return -jnp.mean(logp[jnp.arange(20), Y])

    state = optimizer.init(params)
    losses = []

    @jax.jit
    def step(params, state):
        value, grads = jax.value_and_grad(loss)(params)
        with jax.numpy_dtype_promotion("standard"):
            updates, state = optimizer.update(grads, state)
            return optax.apply_updates(params, updates), state, value

    for _ in range(3):
        params, state, value = step(params, state)
        losses.append(float(value))

    t = trainer(net, optimizer=optimizer)
    t.fit((X, Y), num_epoch=3)
    np.testing.assert_allclose(t.get_hist_metric(), losses, rtol=1e-5)
    for got, want in zip(leaves(t.target), leaves(params), strict=True):
        measured.relative(got, want, floor=0.01)


@pytest.mark.claim(
    "bptt-learns",
    "BPTT trains a spiking network to tell two rates apart: its accuracy",
    at_least=0.9,
    reference="counts of the inputs' spikes",
    components=("runner:BPTT",),
)
def test_it_learns(measured):
    y = X[:, :, 0].sum(1) > X[:, :, 1].sum(1)
    t = trainer(optimizer=optax.adam(0.05), metrics=["accuracy"])
    t.fit((X, y.astype(int)), num_epoch=150)
    measured(t.get_hist_metric(metric="accuracy")[-1])
    assert t.get_hist_metric()[-1] < 0.5 * t.get_hist_metric()[0]


def test_the_optimizer_may_be_left_out_or_configured():
    default, configured = trainer(optimizer=None), trainer(optimizer={"type": "adam", "learning_rate": 1e-3})
    for t in (default, configured):
        t.fit((X, Y), num_epoch=2)
    assert_same(default.target, configured.target)


def test_axes_change_nothing_but_the_layout():
    by_batch, by_time = trainer(batch := model()), trainer(batch, data_first_axis="T")
    by_batch.fit((X, Y), (X, Y), num_epoch=2, batch_size=8)
    by_time.fit((X.swapaxes(0, 1), Y), (X.swapaxes(0, 1), Y), num_epoch=2, batch_size=8)
    for a, b in zip(leaves(by_batch.target), leaves(by_time.target), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-7)
    out = by_batch.predict(X)
    assert out.shape == (20, 6, 2)
    np.testing.assert_allclose(by_time.predict(X.swapaxes(0, 1)), out.swapaxes(0, 1), rtol=1e-4, atol=1e-6)


def test_targets_over_time_are_read_in_the_axes_of_the_data():
    y = np.asarray(jax.random.normal(KEY, (20, 6, 2)))
    losses = []
    for axis, swap in (("B", lambda a: a), ("T", lambda a: a.swapaxes(0, 1))):
        t = trainer(loss_fun="mse", data_first_axis=axis)
        t.fit((swap(X), swap(y)), num_epoch=1)
        losses.append(t.get_hist_metric()[0])
        out = swap(np.asarray(trainer(data_first_axis=axis).predict(swap(X))))
    np.testing.assert_allclose(losses, np.mean((out - y) ** 2), rtol=1e-5)


def test_predicting_in_batches_is_predicting_at_once():
    t = trainer()
    np.testing.assert_allclose(t.predict(X, batch_size=7), t.predict(X), rtol=1e-5, atol=1e-6)


def test_shuffling_follows_the_seed_and_the_epoch():
    results = [trainer(seed=s, shuffle_data=on) for s, on in ((0, True), (0, True), (1, True), (0, False), (1, False))]
    for t in results:
        t.fit((X, Y), num_epoch=2, batch_size=5)
    first, same, other, plain, plain_other = [t.get_hist_metric(which="detailed") for t in results]
    np.testing.assert_array_equal(first, same)
    np.testing.assert_array_equal(plain, plain_other)
    assert (first != other).any()
    assert (first != plain).any()


def test_dropout_acts_while_fitting_alone_and_follows_the_seed():
    net = model() >> dp.layers.Dropout(0.5)
    fits = []
    for seed in (0, 0, 1):
        t = trainer(net, seed=seed, shuffle_data=False)
        np.testing.assert_array_equal(t.predict(X), trainer(model()).predict(X))
        t.fit((X, Y), num_epoch=2)
        fits.append(t.get_hist_metric())
    np.testing.assert_array_equal(fits[0], fits[1])
    assert (fits[0] != fits[2]).all()


def test_shared_arguments_reach_the_model():
    class Gain(dp.DynamicalSystem):
        def init_state(self, ctx):
            return None

        def update(self, state, x, ctx):
            return None, x * ctx.shared["gain"]

    t = trainer(model() >> Gain())
    np.testing.assert_allclose(
        t.predict(X, shared_args={"gain": jnp.asarray(2.0)}), 2 * trainer().predict(X), rtol=1e-5, atol=1e-6
    )
    t.fit((X, Y), (X, Y), num_epoch=1, shared_args={"gain": jnp.asarray(0.0)})
    np.testing.assert_allclose(t.get_hist_metric(), [np.log(2)], rtol=1e-6)
    np.testing.assert_allclose(t.get_hist_metric("test"), [np.log(2)], rtol=1e-6)


def test_training_goes_on_where_it_was_saved(tmp_path):
    net = model() >> dp.layers.Dropout(0.2)
    options = {"optimizer": optax.adam(0.01), "seed": 3}
    whole, first, second = trainer(net, **options), trainer(net, **options), trainer(net, **{**options, "seed": 8})
    whole.fit((X, Y), (X, Y), num_epoch=4, batch_size=8)
    first.fit((X, Y), (X, Y), num_epoch=2, batch_size=8)
    first.save_states(tmp_path / "half.safetensors")
    second.load_states(tmp_path / "half.safetensors")
    second.fit((X, Y), (X, Y), num_epoch=2, batch_size=8)
    assert_same(whole.target, second.target)
    assert_same(whole._progress.train_state, second._progress.train_state)
    for phase in ("fit", "test"):
        np.testing.assert_array_equal(
            whole.get_hist_metric(phase, which="detailed"), second.get_hist_metric(phase, which="detailed")
        )


def test_equal_trainers_share_their_compiled_program():
    traced = []

    class Counted(dp.DynamicalSystem):
        weight: jax.Array

        def init_state(self, ctx):
            return None

        def update(self, state, x, ctx):
            traced.append(1)
            return None, self.weight * x

    for _ in range(3):
        t = trainer(Counted(jnp.ones(())), loss_fun="mse")
        t.fit((X.astype(float), 2.0 * X.astype(float)), num_epoch=3)
    assert len(traced) == 2  # once for the shape of the outputs, at which targets are held, and once for the step
