"""A training step, as one pure function of the training's state, a batch and a key."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, PRNGKeyArray

from dynplug.core import DynamicalSystem
from dynplug.run.axes import swap_batch
from dynplug.timeloop import Loop
from dynplug.train.objective import Objective


class TrainState(eqx.Module):
    """What a training step changes. Once anything in it is not finite, `ok` falls and nothing changes any more."""

    params: Any
    optimizer: Any
    ok: Array


@eqx.filter_jit
def outputs(loop: Loop, model: DynamicalSystem, xs: Any, key: PRNGKeyArray) -> Any:
    """The outputs (time, batch, ...) for inputs (time, batch, ...)."""
    length, batch_size = jax.tree.leaves(xs)[0].shape[:2]
    start_key, run_key = jax.random.split(key)
    state = loop.start(model, batch_size=batch_size, key=start_key)
    _, (out, _) = loop.advance(model, state, jax.tree.map(jnp.asarray, xs), length, key=run_key)
    return out


@eqx.filter_jit
def train_step(
    loop: Loop,
    objective: Objective,
    optimizer: Any,
    static: Any,
    state: TrainState,
    x: Any,
    y: Any,
    key: Any,
) -> tuple[TrainState, dict[str, Array]]:
    """One step of the optimizer: a pure function of the state, the batch and the key."""

    def loss(params: Any) -> tuple[Array, dict[str, Array]]:
        out = outputs(loop, eqx.combine(params, static), swap_batch(x, objective.axis), key)
        return objective(out, y)

    (value, logged), grads = jax.value_and_grad(loss, has_aux=True)(state.params)
    with jax.numpy_dtype_promotion("standard"):
        updates, optimizer_state = optimizer.update(grads, state.optimizer, state.params)
        params = optax.apply_updates(state.params, updates)
    finite = [jnp.all(jnp.isfinite(g)) for g in jax.tree.leaves((value, grads, params))]
    ok = state.ok & jnp.all(jnp.stack(finite))
    new = TrainState(params, optimizer_state, ok)
    kept = jax.tree.map(lambda now, was: jnp.where(ok, now, was), new, TrainState(state.params, state.optimizer, ok))
    return kept, logged


@eqx.filter_jit
def evaluate(loop: Loop, objective: Objective, model: DynamicalSystem, x: Any, y: Any, key: Any) -> Any:
    """Everything that is logged for a batch, without training on it."""
    return objective(outputs(loop, model, swap_batch(x, objective.axis), key), y)[1]
