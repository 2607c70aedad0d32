"""Optimizers and schedules by object, name and configuration, against optax."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import dynplug as dp
from dynplug.errors import ConfigError, OptionError
from dynplug.plugin import registry

ADAM = {"type": "adam", "learning_rate": 0.01}
OPTIMIZERS = [c.spec.name for c in registry().components("optimizer") if c.spec.target.startswith("optax:")]
SCHEDULES = [c for c in registry().components("schedule") if c.plugin.namespace == "dynplug"]


def fitted(trainer, data, optimizer, **options):
    t = trainer(optimizer=optimizer, shuffle_data=False)
    t.fit(data, **{"num_epoch": 3, "batch_size": 5, **options})
    return t


@pytest.mark.parametrize(
    ("config", "optimizer"),
    [
        ({**ADAM, "b1": 0.5}, optax.adam(0.01, b1=0.5)),
        (
            {"type": "clip_by_global_norm", "max_norm": 0.01, "optimizer": {"type": "sgd", "learning_rate": 1.0}},
            optax.chain(optax.clip_by_global_norm(0.01), optax.sgd(1.0)),
        ),
        ({"type": "accumulate", "steps": 2, "optimizer": ADAM}, optax.MultiSteps(optax.adam(0.01), 2)),
        (
            {"type": "adam", "learning_rate": {"type": "linear_schedule", "init_value": 0.1, "end_value": 0.0}}
            | {
                "learning_rate": {
                    "type": "exponential_decay",
                    "init_value": 0.1,
                    "transition_steps": 3,
                    "decay_rate": 0.5,
                }
            },
            optax.adam(optax.exponential_decay(0.1, 3, 0.5)),
        ),
    ],
    ids=["options", "clipped", "accumulated", "scheduled"],
)
def test_a_configuration_is_what_optax_makes(trainer, data, assert_same, config, optimizer):
    assert_same(fitted(trainer, data, config).target, fitted(trainer, data, optimizer).target)


def test_clipping_limits_the_step(trainer, net, data):
    config = {"type": "clip_by_global_norm", "max_norm": 0.01, "optimizer": {"type": "sgd", "learning_rate": 1.0}}
    after = fitted(trainer, data, config, num_epoch=1, batch_size=None).target
    moved = jax.tree.map(lambda a, b: float(jnp.sum((a - b) ** 2)) if isinstance(a, jax.Array) else 0.0, after, net())
    np.testing.assert_allclose(np.sqrt(sum(jax.tree.leaves(moved))), 0.01, rtol=1e-3)


def test_accumulation_is_the_step_of_the_greater_batch(trainer, data):
    sgd = {"type": "sgd", "learning_rate": 0.5}
    parts = fitted(trainer, data, {"type": "accumulate", "steps": 4, "optimizer": sgd}, num_epoch=2)
    whole = fitted(trainer, data, sgd, num_epoch=2, batch_size=None)
    for a, b in zip(jax.tree.leaves(parts.target), jax.tree.leaves(whole.target), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)


def test_optimizers_that_want_the_loss_get_it(trainer, data):
    """A plateau of the loss lowers the step: with no patience and a learning rate of zero, at every second step."""
    optimizer = optax.chain(optax.sgd(0.0), optax.contrib.reduce_on_plateau(factor=0.5, patience=1))
    t = fitted(trainer, data, optimizer, num_epoch=6, batch_size=None)
    assert float(t._progress.train_state.optimizer[1].scale) < 1.0


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_each_by_name_learns(data, name):
    x = np.float32(data[0])
    t = dp.BPTT(
        dp.layers.Dense(3, 1, key=jax.random.key(0)), "mse", {"type": name, "learning_rate": 1e-3}, dt=1.0, logger=None
    )
    t.fit((x, x.sum(-1, keepdims=True)), num_epoch=15)
    losses = t.get_hist_metric()
    assert losses[-1] < losses[0]


@pytest.mark.parametrize("component", SCHEDULES, ids=lambda c: c.spec.name)
def test_each_schedule_trains_as_its_values_say(data, component):
    """With plain gradient descent on a linear loss, the weight moves by the sum of the schedule's values."""
    config = {"type": component.spec.name, **component.spec.example}
    t = dp.BPTT(
        dp.layers.Dense(3, 1, W_initializer=0.0, b_initializer=None),
        lambda predicts, targets: jnp.mean(predicts),
        {"type": "sgd", "learning_rate": config},
        dt=1.0,
        logger=None,
    )
    t.fit((np.ones((2, 1, 3)), np.zeros(2)), num_epoch=12)
    with jax.numpy_dtype_promotion("standard"):
        schedule = getattr(optax, component.spec.name)(**component.spec.example)
        values = jax.jit(jax.vmap(schedule))(jnp.arange(12))
    np.testing.assert_allclose(t.target.weight, np.full((1, 3), -np.sum(values)), rtol=1e-4)
    assert np.sum(values) > 0.0


def test_an_unknown_schedule_names_the_nearest(trainer):
    with pytest.raises(ConfigError, match=r"learning_rate.type: .* Did you mean 'cosine_decay_schedule'"):
        trainer(optimizer={"type": "adam", "learning_rate": {"type": "cosine_decay_schedul", "init_value": 1.0}})


def test_an_optimizer_that_searches_says_that_it_cannot(trainer, data):
    with pytest.raises(OptionError, match="needs 'value_fn', and a training step gives"):
        fitted(trainer, data, optax.lbfgs(), num_epoch=1)


def test_labels_of_parts_that_are_not_those_of_the_model_say_what_they_are(trainer, data):
    parts = {"slow": optax.sgd(0.0), "fast": optax.sgd(0.5)}
    with pytest.raises(OptionError, match="give a function of these"):
        trainer(optimizer=optax.multi_transform(parts, {"encode.weight": "slow"}))

    def label(path, _):
        return "slow" if "encode" in str(path) or ".systems[0]" in jax.tree_util.keystr(path) else "fast"

    t = trainer(optimizer=optax.multi_transform(parts, lambda params: jax.tree_util.tree_map_with_path(label, params)))
    before = t.target
    t.fit(data, num_epoch=1)
    np.testing.assert_array_equal(t.target["encode"].weight, before["encode"].weight)
    assert not np.array_equal(t.target["readout"].weight, before["readout"].weight)
