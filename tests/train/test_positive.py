"""Parameters declared positive stay positive in training with any optimizer."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import dynplug as dp
from dynplug.train.step.bounds import Bounds

X, Y = np.ones((4, 5, 2), np.float32), np.full((4, 5, 2), 5.0, np.float32)


def trainer(optimizer, tau=(1.0, 30.0), **options):
    model = dp.neurons.LeakyIntegrator(2, tau=jnp.array(tau))
    return dp.BPTT(model, "mse", optimizer, dt=1.0, trainable={"tau": True}, logger=None, progress_bar=False, **options)


@pytest.mark.parametrize("optimizer", [optax.sgd(1e3), optax.adam(30.0), optax.adamw(1.0, weight_decay=1.0)])
def test_a_time_constant_that_is_pushed_down_does_not_cross_zero(optimizer):
    t = trainer(optimizer)
    for _ in range(6):
        t.fit((X, Y), num_epoch=1)
        assert np.all(np.asarray(t.target.tau) > 0.0)
        assert np.all(np.isfinite(t.target.tau))


def test_well_above_one_a_step_is_that_of_a_parameter_without_bounds():
    t = trainer(optax.sgd(0.1), tau=(30.0, 40.0))
    grad = jax.grad(
        lambda tau: jnp.mean((dp.LoopOverTime(dp.neurons.LeakyIntegrator(2, tau=tau), dt=1.0)(X[0])[1] - Y[0]) ** 2)
    )
    expected = jnp.array([30.0, 40.0]) - 0.1 * grad(jnp.array([30.0, 40.0]))
    t.fit((X, Y), num_epoch=1)
    np.testing.assert_allclose(t.target.tau, expected, rtol=1e-5)


def test_one_that_gets_no_update_keeps_its_bits():
    t = trainer(optax.sgd(0.0), tau=(0.1, 7.3))
    before = np.asarray(t.target.tau)
    t.fit((X, Y), num_epoch=3)
    np.testing.assert_array_equal(t.target.tau, before)


@pytest.mark.parametrize("p", [1e-12, 1e-3, 0.7, 20.0, 1e4])
def test_gradients_are_those_of_what_the_optimizer_sees(x64, p):
    bounds, p = Bounds((True, False)), (jnp.array(p), jnp.array(-2.0))
    u, other = bounds.free(p)
    slope, same = bounds.pulled_back((jnp.array(1.0), jnp.array(1.0)), p)
    h = 1e-6
    up, down = (bounds.moved(p, (u + s, other))[0] for s in (h, -h))
    np.testing.assert_allclose(slope, (up - down) / (2.0 * h), rtol=1e-5)
    assert (float(other), float(same)) == (-2.0, 1.0)


def test_the_greatest_step_down_stays_above_zero_and_a_nan_is_seen():
    bounds, p = Bounds((True,)), (jnp.array([1e-30, 0.5, 20.0, 3.0]),)
    new = np.asarray(bounds.moved(p, (jnp.array([-1e30, -3e4, -jnp.inf, jnp.nan]),))[0])
    assert np.all(new[:3] > 0.0)
    assert np.isnan(new[3])


def test_going_on_from_a_checkpoint_is_as_never_stopping(tmp_path):
    whole, first, second = (trainer(optax.adam(0.3)) for _ in range(3))
    whole.fit((X, Y), num_epoch=4)
    first.fit((X, Y), num_epoch=2)
    first.save_states(tmp_path / "tau")
    second.load_states(tmp_path / "tau")
    second.fit((X, Y), num_epoch=2)
    np.testing.assert_array_equal(second.target.tau, whole.target.tau)


def test_which_leaves_are_positive_is_what_their_fields_say():
    model = dp.Sequential(
        enter=dp.layers.Dense(2, 3, W_initializer=1.0), hidden=dp.neurons.LIF(3, R=jnp.ones(3), tau=jnp.ones(3))
    )
    found = {leaf.path: leaf.positive for leaf in dp.core.leaves(model)}
    assert {path for path, positive in found.items() if positive} == {"hidden.tau", "hidden.surrogate.alpha"}
