"""A training step, as one pure function of the training's state, a batch and a key."""

from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, PRNGKeyArray

from dynplug.core import leaves
from dynplug.errors import OptionError
from dynplug.timeloop import RunState
from dynplug.train.step.average import Average
from dynplug.train.step.bounds import Bounds
from dynplug.train.step.forward import Forward
from dynplug.train.step.objective import Objective
from dynplug.train.step.optimizer import updated
from dynplug.train.step.tracking import Tracking


@partial(jax.tree_util.register_dataclass, data_fields=["leaves", "ok"], meta_fields=["structure"])
@dataclass(frozen=True)
class TrainState:
    """What a training step changes. Once anything in it is not finite, `ok` falls and nothing changes any more.

    It is kept flat: else Python would go through the model three times at every step.

    **Attributes:** `params`, the trained part of the model; `optimizer`, the optimizer's state; `average`, the mean of
    the parameters, if there is one; `tested`, that mean, or else the parameters; `ok`.
    """

    leaves: list[Any]
    ok: Any
    structure: Any

    @classmethod
    def of(cls, params: Any, optimizer: Any, average: Average | None = None, ok: Any = True) -> "TrainState":
        """The state of these."""
        leaves, structure = jax.tree.flatten((params, optimizer, average))
        return cls(leaves, jnp.asarray(ok), structure)

    def moved_to(self, params: Any) -> "TrainState":
        """The state with other parameters, from which the mean starts anew."""
        average = self.average
        return TrainState.of(params, self.optimizer, average and Average.of(params, average.decay))

    @property
    def params(self) -> Any:
        return jax.tree.unflatten(self.structure, self.leaves)[0]

    @property
    def optimizer(self) -> Any:
        return jax.tree.unflatten(self.structure, self.leaves)[1]

    @property
    def average(self) -> Average | None:
        return jax.tree.unflatten(self.structure, self.leaves)[2]

    @property
    def tested(self) -> Any:
        average = self.average
        return self.params if average is None else average.params


class Stepped(NamedTuple):
    """What a training step gives.

    **Attributes:** `state`, its new state; `run`, the run's; `logged`; `finite`, a flag for each of `checked`; `moved`,
    whether the gradient of each parameter is other than zero.
    """

    state: TrainState
    run: RunState | None
    logged: dict[str, Array]
    finite: Array
    moved: Array


def train_step(
    forward: Forward,
    objective: Objective,
    optimizer: Any,
    bounds: Bounds,
    static: Any,
    state: TrainState,
    x: Any,
    y: Any,
    run: RunState | None,
    key: PRNGKeyArray,
    real: Array | None = None,
    tracking: Tracking | None = None,
) -> Stepped:
    """One step of the optimizer.

    **Arguments:**

    - `forward`: how a batch goes through the model.
    - `objective`: what is minimised.
    - `optimizer`: an `optax.GradientTransformation`.
    - `bounds`: which parameters stay above zero.
    - `static`: what of the model is not trained.
    - `state`: parameters and the optimizer's state.
    - `x`, `y`: the batch.
    - `run`: the states to go on from, to which no gradient flows; `None` starts anew.
    - `key`: of the batch.
    - `real`: which samples count; `None` for all.
    - `tracking`: what else is logged of the step, if anything.
    """

    def loss(params: Any) -> Any:
        return objective(forward, eqx.combine(params, static), x, y, key, run, real)

    was, old_optimizer_state, average = state.params, state.optimizer, state.average
    (value, (after, logged)), grads = jax.value_and_grad(loss, has_aux=True)(was)
    with jax.numpy_dtype_promotion("standard"):
        free, grads = bounds.free(was), bounds.pulled_back(grads, was)
        updates, optimizer_state = updated(optimizer, grads, old_optimizer_state, free, value)
        params = bounds.moved(was, optax.apply_updates(free, updates))
        tracked = {} if tracking is None else tracking(grads, old_optimizer_state, optimizer_state)
    if twice := logged.keys() & tracked.keys():
        raise OptionError(f"track: the loss or a metric logs {sorted(twice)} already; give it another name.")
    finite = jnp.stack([jnp.all(jnp.isfinite(a)) for a in jax.tree.leaves((value, grads, params))])
    moved = jnp.stack([jnp.any(g != 0) for g in jax.tree.leaves(grads)])
    ok = state.ok & jnp.all(finite)
    new = params, optimizer_state, None if average is None else average.after(params), after
    old = was, old_optimizer_state, average, after if run is None else run
    params, optimizer_state, average, after = jax.tree.map(lambda now, before: jnp.where(ok, now, before), new, old)
    return Stepped(TrainState.of(params, optimizer_state, average, ok), after, {**logged, **tracked}, finite, moved)


def checked(params: Any) -> list[str]:
    """What the flags of `Stepped.finite` are about."""
    paths = [leaf.path for leaf in leaves(params)]
    return ["the loss", *(f"the gradient of {path}" for path in paths), *(f"the update of {path}" for path in paths)]
