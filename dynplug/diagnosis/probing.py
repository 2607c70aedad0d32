"""One forward and one backward pass that collect the evidence for all diagnostics."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, PRNGKeyArray, PyTree

from dynplug.core import Context, DynamicalSystem, leaves, updated
from dynplug.diagnosis.spiking_activity import Activity, is_real, measured, reader
from dynplug.timeloop import Loop, RunState


class Probed(DynamicalSystem):
    """A system to whose state zeros are added before each step: their gradient is that of the state."""

    target: DynamicalSystem

    def init_state(self, ctx: Context) -> PyTree:
        return self.target.init_state(ctx)

    def update(self, state: PyTree, x: PyTree, ctx: Context) -> tuple[PyTree, PyTree]:
        x, nothing = x
        return updated(self.target, eqx.apply_updates(state, nothing), x, ctx)


class PassResults(NamedTuple):
    """The results of a pass: the activity, and the fields of `Backward`."""

    activity: Activity
    loss: Array
    gradients: dict[str, Array]
    steps: dict[str, Array]
    outputs: PyTree


@dataclass(frozen=True, eq=False)
class Probe:
    """One forward and backward pass of a batch through a model and its loss.

    **Attributes:**

    - `loop`: the loop over time.
    - `model`: the model of its trained part.
    - `observed`: a model with whatever else a step does; its input is `entered` of the model's.
    - `entered`: inputs as the observed model takes them.
    - `loss`: the loss of what is recorded, (time, batch, ...), and targets.
    - `settled`: a model with the statistics of a batch, for such inputs and a key.
    """

    loop: Loop
    model: Callable[[PyTree], DynamicalSystem]
    observed: Callable[[DynamicalSystem], DynamicalSystem]
    entered: Callable[[PyTree], PyTree]
    loss: Callable[[PyTree, PyTree], Array]
    settled: Callable[[DynamicalSystem, PyTree, PRNGKeyArray], DynamicalSystem] = lambda model, xs, key: model

    def __call__(self, params: PyTree, xs: PyTree, y: PyTree, key: PRNGKeyArray) -> PassResults:
        """A forward and a backward pass, to be compiled as a whole."""
        length, batch_size = jax.tree.leaves(xs)[0].shape[:2]
        start_key, run_key = jax.random.split(key)
        shapes = jax.eval_shape(lambda: self._start(params, batch_size, start_key).system)
        real = jax.tree.map(lambda a: a if is_real(a) else None, shapes)
        nothing = jax.tree.map(lambda a: jnp.zeros((length, *a.shape), a.dtype), real)

        def forward(params: PyTree, nothing: PyTree) -> tuple[PyTree, tuple[PyTree, PyTree]]:
            model = self.settled(self.model(params), xs, key)
            start = self._start(params, batch_size, start_key)
            probed, read = Probed(self.observed(model)), reader(model, start.system)
            loop = self.loop.up_to(model, length)
            given = self.entered(xs), nothing
            _, (recorded, seen) = loop.advance(probed, start, given, length, key=run_key, read=read)
            return self.loss(recorded, y), (recorded[0], measured(model, start.system, seen))

        (loss, (out, did)), (grads, steps) = jax.value_and_grad(forward, (0, 1), has_aux=True)(params, nothing)
        steps = jax.lax.optimization_barrier(steps)  # else XLA folds the zeros of what nothing reads, slowly
        by_param = {leaf.path: _size(leaf.value) for leaf in leaves(grads)}
        by_step = {leaf.path: _size(leaf.value, first=1) for leaf in leaves(steps) if leaf.value.size}
        return PassResults(did, loss, by_param, by_step, out)

    def _start(self, params: PyTree, batch_size: int, key: PRNGKeyArray) -> RunState:
        return self.loop.start(self.model(params), batch_size=batch_size, key=key)


def _size(a: Array, first: int = 0) -> Array:
    """The root mean square over all axes from `first` on; scaled first, so that no square overflows or vanishes."""
    axes = tuple(range(first, a.ndim))
    greatest = jnp.max(jnp.abs(a), axis=axes, keepdims=True)
    scaled = jnp.where(greatest > 0, a / jnp.where(greatest > 0, greatest, 1), a)
    return jnp.squeeze(greatest, axes) * jnp.sqrt(jnp.mean(scaled**2, axis=axes))
