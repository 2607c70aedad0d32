"""Backpropagation without time."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import dynplug as dp
from dynplug.errors import DataError

pytestmark = pytest.mark.quick

RNG = np.random.default_rng(0)
X = RNG.normal(size=(30, 4)).astype(np.float32)
Y = (X[:, 0] > X[:, 1]).astype(int)
ADAM = optax.adam(0.05)  # one object, so that equal trainers share their compiled program


def net():
    k1, k2 = jax.random.split(jax.random.key(0))
    return dp.layers.Dense(4, 8, key=k1) >> jnp.tanh >> dp.layers.Dense(8, 2, key=k2)


def trainer(model=None, loss_fun="cross_entropy", **options):
    return dp.BPFF(model or net(), loss_fun, options.pop("optimizer", ADAM), logger=None, **options)


def forward(model, x):
    first, last = model["0"], model["2"]
    return jnp.tanh(x @ first.weight.T + first.bias[None]) @ last.weight.T + last.bias[None]


@pytest.mark.claim(
    "bpff-step",
    "An epoch of BPFF is a step of SGD on the gradient of the network written out (relative, and absolute below 0.01)",
    tolerance=1e-4,
    reference="jax.grad of the formula",
    components=("runner:BPFF", "optimizer:sgd"),
)
def test_a_step_is_the_optimizers_step_on_the_loss(measured):
    """Against gradients of the network written out."""

    def loss(model):
        return jnp.mean((forward(model, X) - 1.0) ** 2)

    import equinox as eqx

    value, grads = eqx.filter_value_and_grad(loss)(net())
    t = trainer(loss_fun="mse", optimizer=optax.sgd(0.5))
    t.fit((X, np.ones((30, 2), np.float32)), num_epoch=1)
    np.testing.assert_allclose(t.get_hist_metric(), [value], rtol=1e-5)
    for part in ("0", "2"):
        want = net()[part].weight - 0.5 * grads[part].weight
        measured.relative(t.target[part].weight, want, floor=0.01)


@pytest.mark.claim(
    "bpff-learns",
    "BPFF learns which of two values is greater: its accuracy",
    at_least=0.95,
    reference="comparison by NumPy",
    components=("runner:BPFF",),
)
def test_it_learns_and_predicts_without_time(measured):
    t = trainer(metrics=["accuracy"])
    t.fit((X, Y), (X, Y), num_epoch=60, batch_size=16)
    measured(t.get_hist_metric("test", "accuracy")[-1])
    out = t.predict(X, batch_size=7)
    assert out.shape == (30, 2)
    np.testing.assert_allclose(out, forward(t.target, X), rtol=1e-4, atol=1e-5)


def test_a_loss_of_ones_own_and_monitors_have_no_time_axis():
    shapes = []

    def loss(predicts, targets):
        shapes.append((predicts[0].shape, predicts[1]["1.V"].shape, targets.shape))
        return jnp.mean(predicts[0] ** 2)

    model = dp.layers.Dense(4, 3, key=jax.random.key(1)) >> dp.neurons.LIF(3)
    t = trainer(model, loss, monitors=["1.V"])
    t.fit((X, Y), num_epoch=1)
    assert shapes[0] == ((30, 3), (30, 3), (30,))
    t.predict(X)
    assert t.mon["1.V"].shape == (30, 3)


def test_dt_and_t0_reach_the_system():
    class Clock(dp.DynamicalSystem):
        weight: jax.Array

        def init_state(self, ctx):
            return None

        def update(self, state, x, ctx):
            return None, self.weight * (ctx.t + ctx.dt)

    t = trainer(Clock(jnp.ones(())), "mse", dt=0.25, t0=2.0)
    np.testing.assert_array_equal(t.predict(X), np.full(30, 2.25))
    assert trainer().dt == 1.0


def test_it_is_saved_and_goes_on(tmp_path):
    whole, first, second = trainer(), trainer(), trainer(seed=4)
    whole.fit((X, Y), num_epoch=4, batch_size=8)
    first.fit((X, Y), num_epoch=2, batch_size=8)
    first.save_states(tmp_path / "x")
    second.load_states(tmp_path / "x")
    second.fit((X, Y), num_epoch=2, batch_size=8)
    np.testing.assert_array_equal(whole.target["0"].weight, second.target["0"].weight)


def test_it_is_found_by_name():
    config = {"type": "BPFF", "loss_fun": "cross_entropy", "optimizer": {"type": "adam", "learning_rate": 0.1}}
    t = dp.build({**config, "logger": None}, kind="runner", given={"target": net()})
    t.fit((X, Y), num_epoch=2)
    assert len(t.get_hist_metric()) == 2


def test_data_that_disagree_are_named_without_a_word_on_time():
    with pytest.raises(DataError) as error:
        trainer().fit((X, Y[:20]), num_epoch=1)
    assert str(error.value) == (
        "train_data: with no time axis, x of shape [(30, 4)] has [30] samples and y of shape [(20,)] has [20]."
    )
    with pytest.raises(DataError, match=r"x of shape .* lacks a sample axis"):
        trainer().fit((np.float32(1.0), Y), num_epoch=1)
