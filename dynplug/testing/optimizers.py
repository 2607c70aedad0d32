"""Checks of optimizers."""

import tempfile
from functools import partial
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, PyTree

from dynplug.core import load_states, save_states
from dynplug.testing.demands import close, demand
from dynplug.testing.subject import Subject

_STEPS = 40


def _value(params: PyTree) -> Array:
    return 0.5 * jnp.sum((params["w"] - 1.0) ** 2 * jnp.asarray([1.0, 2.0, 4.0])) + 0.5 * params["b"] ** 2


def _first() -> dict[str, Array]:
    return {"w": jnp.asarray([0.0, 3.0, -2.0]), "b": jnp.asarray(2.0)}


def _descend(
    optimizer: optax.GradientTransformation, params: PyTree, state: PyTree, count: int
) -> tuple[PyTree, PyTree]:
    for _ in range(count):
        params, state = _step(optimizer, params, state)
    return params, state


@partial(jax.jit, static_argnums=0)
def _step(optimizer: optax.GradientTransformation, params: PyTree, state: PyTree) -> tuple[PyTree, PyTree]:
    with jax.numpy_dtype_promotion("standard"):
        updates, state = optimizer.update(jax.grad(_value)(params), state, params)
        return optax.apply_updates(params, updates), state


def _init(optimizer: optax.GradientTransformation, params: PyTree) -> PyTree:
    with jax.numpy_dtype_promotion("standard"):
        return optimizer.init(params)


def decreases_a_quadratic(subject: Subject) -> None:
    """A few steps decrease a quadratic function, and all numbers stay finite and keep their dtype."""
    first = _first()
    last, _ = _descend(subject.instance, first, _init(subject.instance, first), _STEPS)
    before, after = float(_value(first)), float(_value(last))
    demand(np.isfinite(after) and after < before, f"From {before:.6g} the value goes to {after:.6g}.")
    for name, array in last.items():
        demand(array.dtype == first[name].dtype, f"Parameters become {array.dtype}.")


def state_round_trips(subject: Subject) -> None:
    """Restoring its saved state into another instance continues as if there had been no interruption."""
    optimizer, first = subject.instance, _first()
    middle, state = _descend(optimizer, first, _init(optimizer, first), _STEPS // 2)
    with tempfile.TemporaryDirectory() as folder:
        save_states(Path(folder) / "state.safetensors", {"state": state})
        other = subject.make()
        restored = load_states(Path(folder) / "state.safetensors", {"state": _init(other, first)}).tree["state"]
    on, _ = _descend(optimizer, middle, state, _STEPS // 2)
    again, _ = _descend(other, middle, restored, _STEPS // 2)
    close(again, on, "parameters after a pause and without", rtol=0.0)
