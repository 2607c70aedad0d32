"""A training step, as one pure function of the training's state, a batch and a key."""

from dataclasses import dataclass, replace
from functools import partial
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, PRNGKeyArray, PyTree

from dynplug.core import leaves, to_jax
from dynplug.errors import OptionError
from dynplug.timeloop import RunState
from dynplug.train.step.average import Average
from dynplug.train.step.objective import ALL, Counting, Logged
from dynplug.train.step.optimizer import stepped, updated
from dynplug.train.step.statistics import learned_by
from dynplug.train.step.step_parts import StepParts


@partial(jax.tree_util.register_dataclass, data_fields=["leaves", "ok"], meta_fields=["structure"])
@dataclass(frozen=True)
class TrainState:
    """The state that a training step changes. Once a value is not finite, `ok` falls and nothing changes any more.

    It is kept flat: else Python would go through the model three times at every step.

    **Attributes:** `params`, the trained part of the model; `optimizer`, the optimizer's state; `learned`, the
    statistics in the model that go by the batches; `values`, both parts of it; `average`, the mean of the parameters,
    if there is one; `tested`, as `values` with that mean, if there is one; `ok`.
    """

    leaves: list[Any]
    ok: Any
    structure: Any

    @classmethod
    def of(
        cls,
        params: PyTree,
        optimizer: PyTree,
        *,
        learned: PyTree = None,
        average: Average | None = None,
        ok: object = True,
    ) -> "TrainState":
        """The state of these."""
        leaves, structure = jax.tree.flatten((params, optimizer, learned, average))
        return cls(leaves, to_jax(np.asarray(ok) if isinstance(ok, bool) else ok), structure)

    def moved_to(self, params: PyTree, learned: PyTree) -> "TrainState":
        """The state with other parameters, from which the mean starts anew, and other statistics."""
        average = None if self.average is None else Average.of(params, self.average.decay)
        return TrainState.of(params, self.optimizer, learned=learned, average=average)

    def going_on(self) -> "TrainState":
        """The state after what was not finite has been told."""
        return replace(self, ok=jnp.asarray(True))

    @property
    def params(self) -> PyTree:
        return jax.tree.unflatten(self.structure, self.leaves)[0]

    @property
    def optimizer(self) -> PyTree:
        return jax.tree.unflatten(self.structure, self.leaves)[1]

    @property
    def learned(self) -> PyTree:
        return jax.tree.unflatten(self.structure, self.leaves)[2]

    @property
    def values(self) -> PyTree:
        return joined(self.params, self.learned)

    @property
    def average(self) -> Average | None:
        return jax.tree.unflatten(self.structure, self.leaves)[3]

    @property
    def tested(self) -> PyTree:
        average = self.average
        return joined(self.params if average is None else average.params, self.learned)


def joined(params: PyTree, learned: PyTree) -> PyTree:
    """The trained part of a model with the statistics in it, if there are any."""
    return params if learned is None else eqx.combine(params, learned)


class Stepped(NamedTuple):
    """The results of a training step.

    **Attributes:** `state`, its new state; `carry`, that of the time loop; `logged`; `finite`, a flag for each of
    `checked`; `moved`, whether the gradient of each parameter is other than zero.
    """

    state: TrainState
    carry: RunState | None
    logged: Logged
    finite: Array
    moved: Array


def train_step(
    parts: StepParts,
    key: PRNGKeyArray,
    state: TrainState,
    x: PyTree,
    y: PyTree,
    carry: RunState | None,
    counting: Counting = ALL,
) -> Stepped:
    """One step of the optimizer.

    **Arguments:**

    - `parts`: the arguments that are the same for all batches.
    - `key`: of the batch.
    - `state`: parameters and the optimizer's state.
    - `x`, `y`: the batch.
    - `carry`: that of the time loop to go on from, to which no gradient flows; `None` starts anew.
    - `counting`: the samples and steps of the batch that count.
    """
    forward, objective, bounds, scaling = parts.forward, parts.objective, parts.bounds, parts.forward.precision.scaling
    params, scaled, learned, average = state.params, state.optimizer, state.learned, state.average
    optimizer = scaling.optimizer(scaled)

    # 1. Take the gradient of the loss. In float16 the loss is scaled up before, and the gradient down again afterwards.
    # On several devices each has summands of the gradient and of what is logged, and `total` adds them up.
    def loss(params: PyTree) -> Any:
        model = parts.model(joined(params, learned))
        model = forward.settled(model, x, key, carry, counting.ends(x, forward.layout))
        value, (after, logged) = objective(forward, model, x, y, key, carry, counting)
        new_learned = None if learned is None else learned_by(model, learned, after)
        return scaling.up(value, scaled), (after, logged, new_learned)

    gradient = forward.precision.products(jax.grad(loss, has_aux=True))
    grads, (after, logged, new_learned) = gradient(params)
    grads, logged = objective.total((grads, logged))
    grads, value = scaling.down(grads, scaled), jnp.asarray(logged.values["loss"])

    # 2. Let the optimizer move the parameters, as numbers that may be any (`bounds.py`). The gradient that it gets is
    # the one that is tracked.
    with jax.numpy_dtype_promotion("standard"):
        free, grads = bounds.free(params), bounds.pulled_back(grads, params)
        updates, new_optimizer = updated(parts.optimizer, grads, optimizer, free, value)
        new_params = bounds.moved(params, optax.apply_updates(free, updates))
        tracked = {} if parts.tracking is None else parts.tracking(grads, optimizer, new_optimizer)
    if twice := logged.values.keys() & tracked.keys():
        raise OptionError(f"track: the loss or a metric logs {sorted(twice)} already; give it another name.")

    # 3. See what is finite: of the loss, the gradients and the new parameters, in the order of `checked`.
    finite = jnp.stack([jnp.all(jnp.isfinite(a)) for a in jax.tree.leaves((value, grads, new_params))])
    moved = jnp.stack([jnp.any(g != 0) for g in jax.tree.leaves(grads)])
    good = jnp.all(finite)

    # 4. Where something is not, leave the parameters as they are, with all that goes by them.
    new_average = None if average is None else _chosen(stepped(new_optimizer), average.after(new_params), average)
    new = new_params, new_optimizer, new_learned, new_average
    old = params, optimizer, learned, average
    new_params, new_optimizer, new_learned, new_average = _chosen(good, new, old)

    # 5. That ends the training, unless the scale of the loss may be to blame: then it is lowered, and the step has
    # merely been left out. After the end nothing changes any more, the states that the next step goes on from included:
    # the host hears of it some steps later, and finds everything as it was before this step.
    ok = state.ok & (good | scaling.may_skip(value, scaled))
    new = new_params, scaling.after(new_optimizer, scaled, good), new_learned, new_average, after
    old = params, scaled, learned, average, after if carry is None else carry
    params, optimizer, learned, average, after = _chosen(ok, new, old)
    logged = logged._replace(values={**scaling.logged(scaled), **logged.values, **tracked})
    state = TrainState.of(params, optimizer, learned=learned, average=average, ok=ok)
    return Stepped(state, after, logged, finite, moved)


def _chosen(first: Array | bool, a: PyTree, b: PyTree) -> PyTree:
    return jax.tree.map(lambda x, y: jnp.where(first, x, y), a, b)


def checked(params: PyTree) -> list[str]:
    """The subjects of the flags in `Stepped.finite`, in words."""
    paths = [leaf.path for leaf in leaves(params)]
    return ["the loss", *(f"the gradient of {path}" for path in paths), *(f"the update of {path}" for path in paths)]
