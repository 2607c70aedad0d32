"""A training that is no longer finite stops, and says where that began."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from small_training import KEY, X, Y, assert_same, model, trainer

import dynplug as dp
from dynplug.errors import NonFiniteError
from dynplug.train.step.compiled_step import CompiledStep
from dynplug.train.step.nonfinite import first_culprit

STILL = optax.sgd(0.0)  # one object, so that equal trainers share their compiled program


class Drift(dp.DynamicalSystem):
    """A state that grows by what it receives, and the root of what is left to one."""

    weight: jax.Array

    def init_state(self, ctx):
        return {"last": jnp.full((), -jnp.inf), "level": jnp.zeros((), ctx.dtype)}

    def update(self, state, x, ctx):
        level = state["level"] + x[0] * self.weight
        return {"last": ctx.t, "level": jnp.sqrt(1.0 - level) - 1.0 + level}, level


def fit(x, model=None, loss="mse", y=None, optimizer=None, **options):
    model = model or dp.Sequential(first=dp.Lift(lambda x: x), drift=Drift(jnp.ones(())))
    t = dp.BPTT(model, loss, optimizer or STILL, dt=1.0, logger=None, shuffle_data=False, **options)
    with pytest.raises(NonFiniteError) as error:
        t.fit((x, np.zeros((len(x), x.shape[1])) if y is None else y), num_epoch=2, batch_size=2)
    return t, str(error.value)


class Late:
    """A flag that is there, but never says so: another thread has yet to tell."""

    def __init__(self, flag):
        self.flag = flag

    def __bool__(self):
        return bool(self.flag)

    def is_ready(self):
        return False

    def block_until_ready(self):
        return self


def test_a_step_is_looked_at_even_if_it_does_not_say_that_it_is_done(monkeypatch):
    train = CompiledStep.train

    def late(self, state, *args, **options):
        made = train(self, replace(state, ok=getattr(state.ok, "flag", state.ok)), *args, **options)
        return made._replace(state=replace(made.state, ok=Late(made.state.ok)))

    monkeypatch.setattr(CompiledStep, "train", late)
    x = np.zeros((6, 5, 1), np.float32)
    x[3, 2] = 5.0
    _, said = fit(x)
    assert said.startswith("Epoch 1, step 2: ")


def test_a_state_is_named_with_its_time():
    x = np.zeros((6, 5, 1), np.float32)
    x[3, 2] = 5.0
    t, said = fit(x)
    assert said.startswith("Epoch 1, step 2: the state drift.level at time step 2 is not finite.")
    assert len(t.get_hist_metric(which="detailed")) == 2


def test_the_first_in_time_comes_before_the_first_in_the_model():
    x = np.zeros((2, 6, 1), np.float32)
    x[0, 4] = 5.0
    model = dp.Sequential(a=Drift(jnp.ones(())), spread=lambda level: level[None], b=Drift(jnp.full((), 3.0)))
    x[1, 1] = 0.5
    _, said = fit(x, model)
    assert "the state b.level at time step 1 " in said


def test_data_are_named_before_what_they_spoil():
    x = np.zeros((4, 5, 1), np.float32)
    x[3, 4] = np.nan
    assert "step 2: the input at index [1, 4, 0] of the batch is not finite" in fit(x)[1]
    y = np.zeros((4, 5), np.float32)
    y[0, 1] = np.inf
    said = fit(np.zeros((4, 5, 1), np.float32), loss=lambda predicts, y: jnp.mean(predicts - y), y=y)[1]
    assert "step 1: the target at index [0, 1] of the batch" in said


def test_an_output_a_loss_a_gradient_and_an_update_are_told_apart():
    x = np.ones((2, 3, 1), np.float32)
    dense = dp.Sequential(a=dp.layers.Dense(1, 1, W_initializer=1.0))
    out = dense >> (lambda x: x / 0.0)
    y = np.zeros((2, 3, 1))
    assert "step 1: the output is not finite" in fit(x, out, y=y)[1]
    assert "the loss is not finite" in fit(x, dense, lambda p, y: jnp.log(-jnp.sum(p)), y)[1]
    assert "the gradient of a.weight is not finite" in fit(x, dense, lambda p, y: jnp.sum(jnp.sqrt(0.0 * p)), y)[1]
    assert "the update of a.weight is not finite" in fit(x, dense, y=y, optimizer=optax.sgd(np.inf))[1]


def test_with_states_that_go_on_the_search_starts_from_them():
    t = dp.BPTT(dp.Sequential(d=Drift(jnp.ones(()))), "mse", STILL, dt=1.0, logger=None)
    x = np.full((2, 1, 1), 0.9, np.float32)
    with pytest.raises(NonFiniteError, match=r"step 2: the state d.level at time step 0"):
        t.fit([(x, np.zeros((2, 1)))] * 9, num_epoch=1, reset_state=False)


def test_nothing_is_found_where_all_is_finite():
    t = dp.BPTT(dp.Sequential(d=Drift(jnp.ones(()))), "mse", dt=1.0, logger=None)
    x = np.zeros((2, 3, 1), np.float32)
    assert first_culprit(t._forward(True, {}), t.target, x, x, None, jax.random.key(0)) is None


def test_a_loss_that_is_not_finite_stops_and_keeps_the_last_finite_model():
    x = X.astype(np.float32).copy()
    x[9, 2, 1] = np.nan
    t = trainer(shuffle_data=False)
    reference = trainer(shuffle_data=False)
    reference.fit((X[:5], Y[:5]), num_epoch=1)
    with pytest.raises(NonFiniteError, match="Epoch 1, step 2: "):
        t.fit((x, Y), num_epoch=3, batch_size=5)
    assert_same(t.target, reference.target)
    assert len(t.get_hist_metric(which="detailed")) == 2
    t.fit((X, Y), num_epoch=1)
    assert np.isfinite(t.get_hist_metric()[-1])


def test_the_loss_is_named_if_it_is_the_loss():
    t = trainer(dp.layers.Dense(3, 2, key=KEY), loss_fun=lambda predicts, targets: jnp.mean(predicts[:, 0] - targets))
    with pytest.raises(
        NonFiniteError, match="Epoch 1, step 1: the target at index \\[0, 0\\] of the batch is not finite"
    ):
        t.fit((X, np.full((20, 2), np.nan)), num_epoch=1)


def test_a_gradient_that_is_not_finite_is_told_apart():
    def loss(predicts, targets):
        return jnp.sum(jnp.sqrt(predicts * 0.0))

    with pytest.raises(NonFiniteError, match=r"Epoch 1, step 1: the gradient of encode\.weight is not finite"):
        trainer(loss_fun=loss).fit((X, Y), num_epoch=1)


def test_an_update_that_is_not_finite_is_not_made():
    t = trainer(optimizer=optax.sgd(float("inf")))
    with pytest.raises(NonFiniteError, match=r"Epoch 1, step 1: the update of encode\.weight"):
        t.fit((X, Y), num_epoch=1)
    assert_same(t.target, model())
