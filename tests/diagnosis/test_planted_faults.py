"""Networks with one fault each: its diagnostic names it, and where it is."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from networks import BATCH, FEATURES, TIME, network

import dynplug as dp


def dense(n_in, n_out, seed, **options):
    return dp.layers.Dense(n_in, n_out, key=jax.random.key(seed), **options)


class Rounds(dp.DynamicalSystem):
    """Has no derivative."""

    def init_state(self, ctx):
        return None

    def update(self, state, x, ctx):
        return None, jnp.round(x)


class BatchMean(dp.DynamicalSystem):
    """Subtracts the mean over the batch, which no system should see."""

    def init_state(self, ctx):
        return None

    def update(self, state, x, ctx):
        @jax.custom_batching.custom_vmap
        def centred(x):
            return x

        @centred.def_vmap
        def _(size, batched, x):
            return x - x.mean(0, keepdims=True), True

        return None, jax.lax.stop_gradient(centred(jax.lax.stop_gradient(x))) + x


class Blows(dp.DynamicalSystem):
    """A state that is no number from step 7 on."""

    def init_state(self, ctx):
        return {"a": jnp.zeros((), ctx.dtype)}

    def update(self, state, x, ctx):
        a = state["a"] + 1.0
        return {"a": jnp.where(a > 7.0, jnp.nan, a)}, x + 0.0 * state["a"]


def last(predicts, targets):
    return dp.losses.cross_entropy(predicts, targets, reduce_time="last")


def forgets():
    return dp.Sequential(
        input=dense(FEATURES, 8, 0), memory=dp.neurons.LeakyIntegrator(8, tau=1.0), output=dense(8, 2, 1)
    )


class Grows(dp.DynamicalSystem):
    """A linear recurrence whose gain is 1.6."""

    def init_state(self, ctx):
        return {"h": jnp.zeros(8, ctx.dtype)}

    def update(self, state, x, ctx):
        h = 1.6 * state["h"] + 1e-9 * x
        return {"h": h}, h


class Stops(dp.DynamicalSystem):
    """A leaky state through which the gradient flows for the last ten steps only."""

    def init_state(self, ctx):
        return {"h": jnp.zeros(8, ctx.dtype)}

    def update(self, state, x, ctx):
        h = jnp.where(ctx.i < TIME - 10, jax.lax.stop_gradient(state["h"]), state["h"])
        h = 0.95 * h + 0.1 * x
        return {"h": h}, h


def squash(x):
    return jax.nn.soft_sign(1e4 * (x**2 + 1.0))


def squashed():
    return dp.Sequential(a=dense(FEATURES, 8, 0), b=squash, c=dense(8, 8, 1), d=squash, e=dense(8, 2, 2))


def always():
    return dp.Sequential(
        input=dense(FEATURES, 8, 0, W_initializer=4.0), hidden=dp.neurons.LIF(8), output=dense(8, 2, 1)
    )


def slow(count=BATCH, time=TIME):
    """Smooth signals (samples, time, features)."""
    t = np.arange(time) / time
    phases = np.random.default_rng(1).random((count, 1, FEATURES))
    return np.sin(2 * np.pi * (2 * t[None, :, None] + phases)).astype(np.float32)


def longer(batch):
    return np.tile(batch[0], (1, 5, 1)), batch[1]


def exchanged(batch):
    x = slow(12, 40).swapaxes(0, 1)
    return np.ascontiguousarray(x), np.arange(40, dtype=np.int32) % 2


def as_features(batch):
    x = slow(6, 16)[:, :, :1]
    x = np.repeat(x, 16, axis=2) * np.random.default_rng(2).normal(size=(1, 1, 16))
    return np.ascontiguousarray(x.swapaxes(1, 2)).astype(np.float32), np.arange(6, dtype=np.int32) % 2


def with_nan(batch):
    x = batch[0].copy()
    x[2, 3, 1] = np.nan
    return x, batch[1]


SAME = np.zeros((8, TIME, FEATURES), np.float32), np.arange(8, dtype=np.int32) % 2

FAULTS = {  # model, batch, options; diagnostic and place
    "silent": (lambda: network(0.05), None, {}, "Silence", "hidden"),
    "saturated": (always, lambda batch: (np.ones_like(batch[0]), batch[1]), {}, "Silence", "hidden"),
    "surrogate too narrow": (
        lambda: network(surrogate=dp.surrogates.SuperSpike(beta=1e5)),
        None,
        {},
        "SurrogateSupport",
        "hidden",
    ),
    "gradient cut off between layers": (
        lambda: dp.Sequential(a=dense(FEATURES, 8, 0), b=Rounds(), c=dense(8, 2, 1)),
        None,
        {},
        "LayerGradients",
        "a",
    ),
    "gradient vanishes between layers": (squashed, lambda batch: (slow(), batch[1]), {}, "LayerGradients", "a"),
    "gradient explodes in time": (
        lambda: dense(FEATURES, 8, 0) >> Grows() >> dense(8, 2, 1),
        None,
        {"loss_fun": last},
        "TimeGradients",
        "",
    ),
    "gradient vanishes in time": (
        forgets,
        longer,
        {"loss_fun": last},
        "TimeGradients",
        "",
    ),
    "gradient cut off in time": (
        lambda: dense(FEATURES, 8, 0) >> Stops() >> dense(8, 2, 1),
        None,
        {"loss_fun": last},
        "TimeGradients",
        "",
    ),
    "time constant in seconds": (lambda: network(tau=0.02), None, {}, "TimeConstants", "hidden.tau"),
    "time constant in microseconds": (lambda: network(tau=20000.0), None, {}, "TimeConstants", "hidden.tau"),
    "current in pA": (
        lambda: dp.Sequential(hidden=dp.neurons.LIF(FEATURES), output=dense(FEATURES, 2, 0)),
        lambda batch: (500.0 * batch[0], batch[1]),
        {},
        "Currents",
        "hidden",
    ),
    "time and samples exchanged": (network, exchanged, {}, "Axes", "input"),
    "time and features exchanged": (lambda: dense(16, 8, 0) >> dense(8, 2, 1), as_features, {}, "Axes", "input"),
    "a state is not a number": (
        lambda: dp.Sequential(blows=Blows(), output=dense(FEATURES, 2, 0)),
        None,
        {},
        "NotFinite",
        "blows.a",
    ),
    "the data are not numbers": (network, with_nan, {}, "NotFinite", "input"),
    "samples see each other": (
        lambda: dp.Sequential(norm=BatchMean(), output=dense(FEATURES, 2, 0)),
        None,
        {},
        "Leaks",
        "",
    ),
    "one batch is not learned": (
        network,
        lambda batch: SAME,
        {"overfit": 5, "optimizer": optax.sgd(1e-9)},
        "OneBatch",
        "",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_named_by_its_diagnostic(batch, fault):
    model, change, options, name, where = FAULTS[fault]
    data = batch if change is None else change(batch)
    found = dp.diagnose(model(), data, **{"loss_fun": "cross_entropy", "dt": 1.0, **options})
    assert (name, where) in [(of, f.where) for of, f in found.rows if f.level == "warning"], found
