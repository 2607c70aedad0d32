"""The forward pass of a trainer: a batch through the model."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import PRNGKeyArray

from dynplug.core import DynamicalSystem
from dynplug.run import Experiment, Monitors
from dynplug.timeloop import Loop, RunState
from dynplug.train.data import Layout
from dynplug.train.step.precision import Precision


class Forward(eqx.Module):
    """How a batch, in the axes of the data, goes through a model: a pure function of what it is called with.

    **Arguments:**

    - `loop`: the loop over time.
    - `layout`: the axes of the data.
    - `monitors`: what to record of the states.
    - `precision`: of products; it is for whoever calls this within a function to apply it, so that it holds for the
        backward pass too.
    """

    loop: Loop
    layout: Layout = eqx.field(static=True)
    monitors: Monitors
    precision: Precision = eqx.field(static=True, default=Precision())

    def start(self, model: DynamicalSystem, batch_size: int, key: PRNGKeyArray) -> RunState:
        """The states before the first step."""
        return self.loop.start(model, batch_size=batch_size, key=key)

    def __call__(
        self, model: DynamicalSystem, x: Any, key: PRNGKeyArray, state: RunState | None = None
    ) -> tuple[RunState, Any, dict[str, Any]]:
        """Run over inputs from a state, or else from the start: the state after them, all outputs and all records."""
        xs, length, batch_size = self._entered(x)
        start_key, run_key = jax.random.split(key)
        goes_on = state is not None
        if state is None:
            state = self.start(model, batch_size, start_key)
        watched = Experiment(model, monitors=self.monitors)
        loop = self.loop if goes_on else self.loop.up_to(model, length)
        state, (recorded, _) = loop.advance(watched, state, (xs, ()), length, key=run_key)
        return state, *self.layout.leave(recorded)

    def explain(self, model: DynamicalSystem, x: Any, key: PRNGKeyArray) -> str:
        """The plan of the loop over such inputs, as text."""
        xs, length, batch_size = self._entered(x)
        watched = Experiment(model, monitors=self.monitors)
        plan = self.loop.explain(watched, self.start(model, batch_size, key), (xs, ()), length, key=key)
        return f"{plan}\n{told}" if (told := self.precision.describe()) else plan

    def _entered(self, x: Any) -> tuple[Any, int, int]:
        """Inputs as (time, batch, ...), and these two lengths."""
        xs = jax.tree.map(jnp.asarray, self.layout.enter(x))
        length, batch_size = jax.tree.leaves(xs)[0].shape[:2]
        return xs, length, batch_size


class Run(eqx.Module):
    """What a loss gets with `loss_auto_run=False`: the model, and how to run it.

    `run(inputs)` is what the trainer itself would do: the outputs, or with monitors the pair of outputs and records.

    **Attributes:** `model`; `key`, a `jax.random.key` of this batch.
    """

    model: Any
    key: PRNGKeyArray
    _forward: Forward

    def __call__(self, inputs: Any, *, key: PRNGKeyArray | None = None) -> Any:
        """The outputs of the model for inputs, both with the axes of the data.

        **Arguments:**

        - `inputs`: a batch of inputs.
        - `key`: other random numbers than those of the batch.
        """
        _, out, seen = self._forward(self.model, inputs, self.key if key is None else key)
        return (out, seen) if seen else out
