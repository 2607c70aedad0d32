"""A parameter that the loss does not depend on is named, once; one that is not moved by chance is not."""

import warnings

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import dynplug as dp
from dynplug.errors import ZeroGradientWarning
from dynplug.train.fit import unmoved

X, Y = np.random.default_rng(0).random((6, 5, 3)).astype(np.float32), np.ones((6, 2), np.float32)
SGD = optax.sgd(0.1)  # one object, so that equal trainers share their compiled program


def trainer(model, trainable=None, **options):
    return dp.BPTT(model, "mse", SGD, dt=1.0, trainable=trainable, logger=None, progress_bar=False, **options)


def spiking(**neuron):
    one = {"W_initializer": 1.0}
    return dp.Sequential(
        a=dp.layers.Dense(3, 4, **one), hidden=dp.neurons.LIF(4, **neuron), b=dp.layers.Dense(4, 2, **one)
    )


@pytest.mark.parametrize("options", [{}, {"loop": "plain"}, {"remat": True}, {"jit": False}], ids=str)
def test_the_slope_of_a_surrogate_is_named_once(options):
    t = trainer(spiking(R=30.0), {"hidden.surrogate.alpha": True}, **options)
    with pytest.warns(ZeroGradientWarning, match=r"does not depend on hidden\.surrogate\.alpha, whose") as told:
        t.fit((X, Y), num_epoch=2, batch_size=2)
    assert len(told) == 1
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        t.fit((X, Y), num_epoch=1)


class Idle(dp.DynamicalSystem):
    """Has a weight that it does not use, and one that it multiplies by zero."""

    idle: jax.Array
    silenced: jax.Array

    def init_state(self, ctx):
        return None

    def update(self, state, x, ctx):
        return None, x[:2] * jnp.sum(self.silenced) * 0.0 + x[:2]


def test_a_weight_that_is_not_used_is_named_and_one_that_happens_to_do_nothing_is_not():
    t = trainer(Idle(jnp.ones(2), jnp.ones(2)) >> dp.layers.Dense(2, 2, W_initializer=1.0))
    with pytest.warns(ZeroGradientWarning, match=r"does not depend on 0\.idle, whose"):
        t.fit((X, Y), num_epoch=1)


def test_units_that_never_spike_are_named_by_what_they_feed_where_it_is_no_chance():
    few, many = ((np.tile(X, (n, 1, 1)), np.tile(Y, (n, 1))) for n in (1, 5))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        trainer(spiking(R=1e-3)).fit(few, num_epoch=2, batch_size=2)
        trainer(spiking(R=30.0)).fit(many, num_epoch=1, batch_size=2)
    with pytest.warns(ZeroGradientWarning, match=r"b\.weight was exactly zero in all 15 steps.*never spike") as told:
        trainer(spiking(R=1e-3)).fit(many, num_epoch=2, batch_size=2)
    assert len(told) == 1


def test_what_a_loop_computes_is_not_taken_for_a_zero_of_its_condition():
    def f(x):
        return jax.lax.while_loop(lambda c: jnp.zeros((), bool), lambda c: c + 1.0, x)

    jaxpr = jax.make_jaxpr(f)(1.0).jaxpr
    assert not unmoved._is_zero(jaxpr, 0)
    assert unmoved._is_zero(jax.make_jaxpr(jax.jit(lambda x: jnp.zeros(3)))(1.0).jaxpr, 0)
