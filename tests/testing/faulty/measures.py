"""Losses, surrogates, encoders and the like whose values are wrong in a subtle way."""

import diffrax
import equinox as eqx
import jax.numpy as jnp
import jax.random as jr

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


def halves_the_error(predicts, targets):
    return mse(predicts, targets) / 2


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
    steps = jnp.arange(num_step, dtype=float).reshape(-1, *(1,) * jnp.ndim(x))
    return (steps < num_step * jnp.asarray(x)[None]).astype(float)


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


def fault(kind, check, target, *also, **spec):
    return {"check": check, "kind": kind, "target": target, "also": also, "spec": spec}


FAULTS = [
    fault("loss", "every_output_and_target_matters", forgets_the_last_step, "ignores_duplicates"),
    fault("metric", "every_target_matters", right_at_the_first_step),
    fault("loss", "is_least_at_its_target", least_elsewhere),
    fault("loss", "ignores_duplicates", sums),
    fault("loss", "satisfies_its_identities", halves_the_error)
    | {"spec": {"identities": {"value": "mean((predicts - targets)**2)"}}},
    fault("loss", "weighs_samples", ignores_weights),
    fault("loss", "ignores_a_class", counts_the_ignored),
    fault("loss", "stays_finite_far_away", overflows),
    fault("surrogate", "points_upward", Upside),
    fault("surrogate", "decays_from_the_threshold", Lopsided),
    fault("integrator", "reads_the_time", ReadsALaterTime),
    fault("encoder", "every_value_matters", CodesTheFirst),
    fault("encoder", "orders_values", CodesTheOtherWay),
    fault("encoder", "draws_each_step_anew", DrawsOnce, "every_value_matters"),
]
