"""Losses, surrogates, integrators and the like that are wrong on purpose."""

import diffrax
import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import optax

import dynplug as dp
from dynplug.connectors import Connections


def mse(predicts, targets):
    return jnp.mean((predicts - targets) ** 2)


def infinite(predicts, targets):
    return mse(predicts, targets) + jnp.inf


def a_value_each(predicts, targets):
    return jnp.mean((predicts - targets) ** 2, axis=(1, 2))


def other_when_compiled(predicts, targets):
    compiled = isinstance(predicts, jax.core.Tracer)
    return mse(predicts, targets) * (2.0 if compiled else 1.0)


def weighs_by_place(predicts, targets):
    weights = jnp.arange(predicts.shape[0], dtype=predicts.dtype)[:, None, None]
    return mse(weights * predicts, weights * targets)


@jax.custom_vjp
def doubled(predicts, targets):
    return mse(predicts, targets)


doubled.defvjp(
    lambda p, y: (mse(p, y), (p, y)), lambda saved, g: (g * 4.0 * (saved[0] - saved[1]) / saved[0].size, None)
)


def surrogate(forward, backward):
    @jax.custom_jvp
    def spike(x):
        return forward(x)

    @spike.defjvp
    def _(primals, tangents):
        return spike(*primals), backward(*primals) * tangents[0]

    return spike


def bell(x):
    return jnp.exp(-jnp.square(x))


class OpenAtZero(dp.surrogates.Surrogate):
    def derivative(self, x):
        return bell(x)

    def __call__(self, x):
        return surrogate(lambda x: (x > 0).astype(x.dtype), bell)(x)


class AlwaysSingle(dp.surrogates.Surrogate):
    def derivative(self, x):
        return bell(x)

    def __call__(self, x):
        return surrogate(lambda x: (x >= 0).astype(jnp.float32), bell)(x.astype(jnp.float32))


class OtherBackward(dp.surrogates.Surrogate):
    def derivative(self, x):
        return bell(x)

    def __call__(self, x):
        return surrogate(lambda x: (x >= 0).astype(x.dtype), lambda x: 0.5 * bell(x))(x)


class Overflows(dp.surrogates.Surrogate):
    def derivative(self, x):
        return jnp.exp(x) / jnp.square(1.0 + jnp.exp(x))


class Boasts(diffrax.Euler):
    def order(self, terms):
        return 2


class HalfWhenSingle(diffrax.Euler):
    def step(self, *args):
        y, *rest = super().step(*args)
        return jax.tree.map(lambda a: a.astype(jnp.float16) if a.dtype == jnp.float32 else a, y), *rest


class StopsGradients(diffrax.Euler):
    def step(self, *args):
        y, *rest = super().step(*args)
        return jax.lax.stop_gradient(y), *rest


class Transposes(eqx.Module):
    def __call__(self, key, shape, dtype):
        return jr.normal(key, shape[::-1], dtype)


class DrawsByNumPy(eqx.Module):
    def __call__(self, key, shape, dtype):
        return jnp.asarray(np.random.normal(size=shape), dtype)


class IgnoresTheKey(eqx.Module):
    def __call__(self, key, shape, dtype):
        return jr.normal(jr.key(0), shape, dtype)


def pairs(mask):
    post, pre = np.nonzero(mask)
    return Connections(pre, post, mask.shape[1], mask.shape[0])


class OfOnePopulation(eqx.Module):
    def __call__(self, pre, post, *, key=None):
        return pairs(np.ones((pre, pre)))


class ConnectsByNumPy(eqx.Module):
    def __call__(self, pre, post, *, key=None):
        if key is None:
            raise dp.errors.KeyRequiredError("a key is needed")
        return pairs(np.random.random((post, pre)) < 0.5)


class ConnectsAlike(eqx.Module):
    def __call__(self, pre, post, *, key=None):
        if key is None:
            raise dp.errors.KeyRequiredError("a key is needed")
        return pairs(np.random.default_rng(0).random((post, pre)) < 0.5)


class TimeLast(eqx.Module):
    def __call__(self, x, *, key=None):
        return jnp.stack([jnp.asarray(x)] * 4, axis=-1)


class EncodesByNumPy(eqx.Module):
    def __call__(self, x, *, key=None):
        return np.random.random((5, *np.shape(x))) < 0.5


class EncodesAlike(eqx.Module):
    def __call__(self, x, *, key=None):
        if key is None:
            raise dp.errors.KeyRequiredError("a key is needed")
        return jr.bernoulli(jr.key(0), 0.5, (5, *jnp.shape(x)))


def ascends(learning_rate=0.01):
    return optax.scale(learning_rate)


def forgets(learning_rate=0.01):
    """It starts its count with a number of Python's, which is no array, and so is not saved."""

    def update(updates, count, params=None):
        rate = learning_rate / (1.0 + count)
        return jax.tree.map(lambda g: -rate * g, updates), count + 1

    return optax.GradientTransformation(lambda params: 0, update)


def undefined_at_zero(value=1.0):
    return lambda count: value / jnp.sqrt(1.0 * count)


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


class RecipeWithoutRunner(Task):
    @classmethod
    def recipe(cls):
        return RECIPE.partition("[runner]")[0]


class RecipeOfAnother(Task):
    @classmethod
    def recipe(cls):
        return RECIPE.replace("local:faulty", "digits")


class LacksTargets(Task):
    def load(self, key):
        (x, y), test = super().load(key)
        return dp.tasks.TaskData((x, y[:3]), test)


class HasOtherUnits(Task):
    def load(self, key):
        train, (x, y) = super().load(key)
        return dp.tasks.TaskData(train, (x[..., :2], y))


class LoadsByNumPy(Task):
    def load(self, key):
        return super().load(jr.key(np.random.randint(1000)))


class TestsOnTraining(Task):
    def load(self, key):
        train, _ = super().load(key)
        return dp.tasks.TaskData(train, train)


class HasOneTarget(Task):
    def load(self, key):
        (x, y), test = super().load(key)
        return dp.tasks.TaskData((x, np.zeros_like(y)), test)


def fault(kind, check, target, *also, **spec):
    return {"check": check, "kind": kind, "target": target, "also": also, "spec": spec}


FAULTS = [
    fault("loss", "is_a_finite_scalar", infinite, "every_output_and_target_matters", "stays_finite_far_away"),
    fault(
        "metric",
        "is_a_finite_scalar",
        a_value_each,
        "ignores_duplicates",
        "ignores_order_of_samples",
    ),
    fault("loss", "is_the_same_compiled", other_when_compiled),
    fault("loss", "ignores_order_of_samples", weighs_by_place, "every_output_and_target_matters", "ignores_duplicates"),
    fault("loss", "gradient_matches_differences", doubled),
    fault("surrogate", "steps_exactly", OpenAtZero),
    fault("surrogate", "steps_exactly", AlwaysSingle),
    fault("surrogate", "backward_is_its_derivative", OtherBackward),
    fault("surrogate", "derivative_is_finite", Overflows, "decays_from_the_threshold"),
    fault("integrator", "has_its_order", Boasts, "reads_the_time"),
    fault("integrator", "steps_in_both_precisions", HalfWhenSingle),
    fault("integrator", "gradients_flow", StopsGradients),
    fault("initializer", "gives_shape_and_dtype", Transposes),
    fault("initializer", "same_key_same_array", DrawsByNumPy),
    fault("initializer", "other_key_other_array", IgnoresTheKey),
    fault("connector", "connects_the_units_given", OfOnePopulation),
    fault("connector", "same_key_same_connections", ConnectsByNumPy),
    fault("connector", "other_key_other_connections", ConnectsAlike),
    fault("encoder", "puts_time_first", TimeLast, "every_value_matters", "orders_values"),
    fault("encoder", "same_key_same_code", EncodesByNumPy, "every_value_matters", "orders_values"),
    fault("encoder", "other_key_other_code", EncodesAlike, "every_value_matters", "orders_values"),
    fault("optimizer", "decreases_a_quadratic", ascends),
    fault("optimizer", "state_round_trips", forgets),
    fault("schedule", "gives_a_number_for_every_step", undefined_at_zero),
    fault("task", "recipe_builds", RecipeWithoutRunner),
    fault("task", "recipe_builds", RecipeOfAnother),
    fault("task", "data_fit_the_recipe", LacksTargets),
    fault("task", "data_fit_the_recipe", HasOtherUnits),
    fault("task", "same_key_same_data", LoadsByNumPy),
    fault("task", "test_is_not_training", TestsOnTraining),
    fault("task", "targets_differ", HasOneTarget),
]
