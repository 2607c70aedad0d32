"""A search for the first value of a training step that is not finite."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, PRNGKeyArray, PyTree

from dynplug.core import leaves, to_jax
from dynplug.timeloop import RunState
from dynplug.train.step.forward import Forward


def first_culprit(
    forward: Forward, model: PyTree, x: PyTree, y: PyTree, carry: RunState | None, key: PRNGKeyArray
) -> str | None:
    """The first thing that is not finite in a batch: of the data, then of the states in time, then of the outputs.

    `None` if that is all finite.

    **Arguments:**

    - `forward`: the forward pass of the batch.
    - `model`: the model.
    - `x`, `y`: the batch.
    - `carry`: the states that it starts from, if any.
    - `key`: of the batch.
    """
    for name, tree in (("the input", x), ("the target", y)):
        for leaf in leaves(tree):
            bad = np.argwhere(~np.asarray(_finite(leaf.value)))
            if len(bad):
                return f"{_called(name, leaf.path)} at index {bad[0].tolist()} of the batch"
    start, run_key = jax.random.split(key)
    xs = jax.tree.map(to_jax, forward.layout.enter(x))
    length, batch_size = jax.tree.leaves(xs)[0].shape[:2]
    before = forward.start(model, batch_size, start) if carry is None else carry
    model = forward.settled(model, x, key, carry)
    _, (out, kept) = _watch(forward, model, before, xs, length, run_key)
    watched = leaves(before.system)
    sound = [bool(jnp.all(_finite(leaf.value))) for leaf in watched]  # a time of the last spike may start at -inf
    bad = np.argwhere(~np.asarray(kept).reshape(length, batch_size, -1).all(axis=1) & np.array(sound, bool))
    if len(bad):
        step, index = bad[0].tolist()
        return f"{_called('the state', watched[index].path)} at time step {step}"
    return next((_called("the output", leaf.path) for leaf in leaves(out) if not jnp.all(_finite(leaf.value))), None)


@eqx.filter_jit
def _watch(forward: Forward, model: PyTree, state: RunState, xs: PyTree, length: int, key: PRNGKeyArray) -> PyTree:
    def flags(system: PyTree) -> Bool[Array, " leaves"]:
        return jnp.array([jnp.all(_finite(leaf.value)) for leaf in leaves(system)], bool)

    def watched(state: RunState) -> PyTree:
        return forward.loop.advance(model, state, xs, length, key=key, read=flags)

    return forward.precision.products(watched)(state)


def _finite(value: PyTree) -> Any:
    return jnp.isfinite(value) if jnp.issubdtype(jnp.result_type(value), jnp.inexact) else jnp.ones((), bool)


def _called(name: str, path: str) -> str:
    return f"{name} {path}" if path else name
