"""Plugins cost nothing where it matters: the compiled program does not know that they are there."""

import equinox as eqx
import jax
import jax.numpy as jnp
import optax

import dynplug as dp
from dynplug.plugin import registry
from dynplug.train.step import StepParts
from dynplug.train.step.bounds import Bounds
from dynplug.train.step.train_step import train_step

SGD = optax.sgd(0.1)
CONFIG = {
    "type": "Sequential",
    "encode": {"type": "Dense", "in_size": 3, "out_size": 4},
    "hidden": {"type": "LIF", "size": 4, "surrogate": "sigmoid"},
}


def program():
    """The text of the program of a training step for a model built by name."""
    trainer = dp.BPTT(dp.build(CONFIG, key=jax.random.key(0)), "cross_entropy", SGD, dt=1.0, logger=None)
    x, y, key = jnp.ones((2, 5, 3)), jnp.zeros(2, int), jax.random.key(1)
    arrays, rest = eqx.partition((trainer._progress.train_state, x, y, key), eqx.is_array)

    def step(arrays):
        state, x, y, key = eqx.combine(arrays, rest)
        forward, static = trainer._forward(True, {}), trainer._progress.static
        bounds = Bounds.of(trainer._progress.train_state.params)
        return train_step(StepParts(forward, trainer.objective, SGD, bounds, static), key, state, x, y, None)

    return str(jax.make_jaxpr(step)(arrays))


def test_a_step_is_the_same_program_with_and_without_twenty_plugins(install_neuron, fresh_registry):
    alone = program()
    assert "scan" in alone
    for n in range(20):
        install_neuron(f"dynplug-dummy{n}", name=f"dummy{n}")
    registry.cache_clear()
    assert len([p for p in registry().plugins if p.namespace.startswith("dummy")]) == 20
    assert program() == alone


def test_nothing_is_looked_up_once_a_program_is_compiled(monkeypatch, fresh_registry):
    trainer = dp.BPTT(dp.build(CONFIG, key=jax.random.key(0)), "cross_entropy", SGD, dt=1.0, logger=None)
    data = (jnp.ones((4, 5, 3)), jnp.zeros(4, int))
    trainer.fit(data, num_epoch=1, batch_size=2)

    def refuse(*args, **kwargs):
        raise AssertionError("a name was looked up in the hot path")

    monkeypatch.setattr(type(registry()), "candidates", refuse)
    trainer.fit(data, num_epoch=2, batch_size=2)
    assert len(trainer.get_hist_metric(which="detailed")) == 6
