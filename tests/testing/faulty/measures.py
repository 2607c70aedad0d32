"""Losses, surrogates, encoders and the like whose values are wrong in a subtle way."""

import diffrax
import equinox as eqx
import jax.numpy as jnp
import jax.random as jr
import numpy as np

import dynplug as dp


def mse(predicts, targets):
    return jnp.mean((predicts - targets) ** 2)


def forgets_the_last_step(predicts, targets):
    return mse(predicts[:, :-1], targets[:, :-1])


def right_at_the_first_step(predicts, targets):
    return jnp.mean(jnp.abs(predicts - targets)[:, 0])


def least_elsewhere(predicts, targets):
    return mse(predicts, targets + 1.0)


def sums(predicts, targets):
    return jnp.sum((predicts - targets) ** 2)


def ignores_weights(predicts, targets, sample_weight=None):
    return mse(predicts, targets)


@dp.losses.batch_first
def counts_the_ignored(predicts, targets, *, ignore_index=None):
    known = targets if ignore_index is None else jnp.where(targets == ignore_index, 0, targets)
    return dp.losses.cross_entropy(predicts, known)


def overflows(predicts, targets):
    return jnp.log(jnp.mean(jnp.exp((predicts - targets) ** 2)))


class Upside(dp.surrogates.Surrogate):
    def derivative(self, x):
        return -1.0 / (1.0 + jnp.square(x))


class Lopsided(dp.surrogates.Surrogate):
    def derivative(self, x):
        return 1.0 / (1.0 + jnp.square(jnp.where(x > 0, 2.0 * x, x)))


class ReadsALaterTime(diffrax.Midpoint):
    def step(self, terms, t0, t1, *rest):
        return super().step(terms, t0 + (t1 - t0) / 2, t1 + (t1 - t0) / 2, *rest)


def threshold(x, num_step=5):
    return (jnp.arange(num_step, dtype=float).reshape(-1, *(1,) * jnp.ndim(x)) < num_step * jnp.asarray(x)).astype(
        float
    )


class CodesTheFirst(eqx.Module):
    def __call__(self, x, *, key=None):
        x = jnp.asarray(x)
        return threshold(jnp.broadcast_to(x[..., :1], x.shape))


class CodesTheOtherWay(eqx.Module):
    def __call__(self, x, *, key=None):
        return jnp.abs(threshold(jnp.asarray(x)) - threshold(0.5 * jnp.ones(jnp.shape(x))))


class DrawsOnce(eqx.Module):
    def __call__(self, x, *, key=None):
        if key is None:
            raise dp.errors.KeyRequiredError("a key is needed")
        drawn = jr.bernoulli(key, jnp.asarray(x))
        return jnp.broadcast_to(drawn, (5, *drawn.shape))


RECIPE = """
[task]
type = "local:faulty"

[model]
type = "Dense"
in_size = 3
out_size = 2

[runner]
type = "BPTT"
dt = 1.0
loss_fun = "mse"
"""


class Task(dp.tasks.Task):
    def load(self, key):
        x, y = np.asarray(jr.normal(key, (8, 5, 3))), np.asarray(jr.normal(key, (8, 5, 2)))
        return dp.tasks.TaskData((x[:4], y[:4]), (x[4:], y[4:]))

    @classmethod
    def recipe(cls):
        return RECIPE


class TestsOnTraining(Task):
    def load(self, key):
        train, _ = super().load(key)
        return dp.tasks.TaskData(train, train)


class HasOneTarget(Task):
    def load(self, key):
        (x, y), test = super().load(key)
        return dp.tasks.TaskData((x, np.zeros_like(y)), test)


def fault(kind, check, target, **spec):
    return {"check": check, "kind": kind, "target": target, "spec": spec}


FAULTS = [
    fault("loss", "every_output_and_target_matters", forgets_the_last_step),
    fault("metric", "every_target_matters", right_at_the_first_step),
    fault("loss", "is_least_at_its_target", least_elsewhere),
    fault("loss", "ignores_duplicates", sums),
    fault("loss", "weighs_samples", ignores_weights),
    fault("loss", "ignores_a_class", counts_the_ignored),
    fault("loss", "stays_finite_far_away", overflows),
    fault("surrogate", "points_upward", Upside),
    fault("surrogate", "decays_from_the_threshold", Lopsided),
    fault("integrator", "reads_the_time", ReadsALaterTime),
    fault("encoder", "every_value_matters", CodesTheFirst),
    fault("encoder", "orders_values", CodesTheOtherWay),
    fault("encoder", "draws_each_step_anew", DrawsOnce),
    fault("task", "test_is_not_training", TestsOnTraining),
    fault("task", "targets_differ", HasOneTarget),
]
