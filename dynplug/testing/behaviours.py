"""The behaviour of components as numbers, by which two instances are compared."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, PyTree

from dynplug.connectors import Connections
from dynplug.surrogates import Surrogate
from dynplug.tasks import Task
from dynplug.testing.driving import gradients, records
from dynplug.testing.losses import data_of
from dynplug.testing.plasticities import weights_of
from dynplug.testing.stepping import quick_jit
from dynplug.testing.subject import Subject

_POINTS = np.linspace(-3.0, 3.0, 61, dtype=np.float32)
_UNITS = (12, 12)

Behaviour = Callable[[Subject, Any], PyTree]  # what an instance does


def _surrogate(subject: Subject, surrogate: Surrogate) -> Array:
    return surrogate.derivative(jnp.asarray(_POINTS))


def _measure(subject: Subject, function: Callable[..., Array]) -> list[PyTree]:
    predicts, targets = data_of(subject)
    wide = 5 * predicts  # errors of all sizes
    once = targets if targets.ndim == 1 else targets[:, 0]  # without time, where it takes such

    def total(predicts: Array, targets: Array) -> tuple[Array, Array]:
        value = function(predicts, targets)
        return jnp.sum(value), value

    values = [quick_jit(jax.grad(total, has_aux=True))(wide, targets)]
    with suppress(Exception):
        values.append(quick_jit(function)(wide, once))
    return values


def _encoder(subject: Subject, encoder: Callable[..., Array]) -> PyTree:
    values = np.random.default_rng(0).random((8, 4), np.float32)
    values[0] = [0.0, 1.0, 0.5, 0.005]
    return encoder(values, key=jax.random.key(0))


def _initializer(subject: Subject, initializer: Callable[..., Array]) -> list[Array]:
    return [initializer(jax.random.key(0), shape, jnp.float32) for shape in ((4, 3), (3, 5))]


def _connector(subject: Subject, connector: Callable[..., Connections]) -> PyTree:
    return connector(*_UNITS, key=jax.random.key(0)).mask


def _task(subject: Subject, task: Task) -> PyTree:
    return jax.tree.map(np.asarray, task.load(jax.random.key(0)))


_SYSTEM = (records, gradients)

BEHAVIOURS: dict[str, tuple[Behaviour, ...]] = {
    "neuron": _SYSTEM,
    "synapse": _SYSTEM,
    "layer": _SYSTEM,
    "source": _SYSTEM,
    "surrogate": (_surrogate,),
    "loss": (_measure,),
    "metric": (_measure,),
    "encoder": (_encoder,),
    "initializer": (_initializer,),
    "connector": (_connector,),
    "task": (_task,),
    "plasticity": (weights_of,),
}
"""By kind, functions of a subject and an instance; each is called only if those before it show no difference."""
