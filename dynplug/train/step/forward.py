"""The forward pass of a trainer: a batch through the model."""

from dataclasses import replace

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, PRNGKeyArray, PyTree

from dynplug.core import DynamicalSystem, Sequential, to_jax
from dynplug.run import Experiment, Monitors
from dynplug.timeloop import Loop, RunState
from dynplug.train.data import Layout
from dynplug.train.step.part import WHOLE, Part
from dynplug.train.step.precision import Precision


class Forward(eqx.Module):
    """The forward pass of a batch, in the axes of the data, through a model: a pure function of its arguments.

    **Arguments:**

    - `loop`: the loop over time.
    - `layout`: the axes of the data.
    - `monitors`: records of the states.
    - `precision`: of products; it is for whoever calls this within a function to apply it, so that it holds for the
        backward pass too.
    - `part`: this device's part of the batch.
    """

    loop: Loop
    layout: Layout = eqx.field(static=True)
    monitors: Monitors
    precision: Precision = eqx.field(static=True, default=Precision())
    part: Part = eqx.field(static=True, default=WHOLE)

    def start(self, model: DynamicalSystem, batch_size: int, key: PRNGKeyArray) -> RunState:
        """The states before the first step."""
        return self.loop.start(model, batch_size=batch_size, key=key)

    def __call__(
        self,
        model: DynamicalSystem,
        x: PyTree,
        key: PRNGKeyArray,
        carry: RunState | None = None,
        lengths: Array | None = None,
    ) -> tuple[RunState, PyTree, dict[str, PyTree]]:
        """Run over inputs from a state, or else from the start: the state after them, all outputs and all records.

        With `lengths`, only so many steps of each sample count.
        """
        xs, length, batch_size = self._entered(x)
        start_key, run_key = jax.random.split(key)
        goes_on = carry is not None
        if carry is None:
            carry = self.start(model, batch_size, start_key)
        watched = Experiment(model, monitors=self.monitors)
        loop = self.loop if goes_on else self.loop.up_to(model, length)
        carry, (recorded, _) = loop.advance(watched, carry, (xs, ()), length, key=run_key, lengths=lengths)
        return carry, *self.layout.leave(recorded)

    def settled(
        self, model: PyTree, x: PyTree, key: PRNGKeyArray, carry: RunState | None = None, lengths: Array | None = None
    ) -> PyTree:
        """The model with the statistics of this batch, where parts of it have a method `settle`.

        The parts are gone through in their order: what comes before each is run over all steps, as it will be run.
        """
        parts = model.named_children() if isinstance(model, Sequential) and self.loop.fit else []
        if not any(hasattr(part, "settle") for _, part in parts):
            return model
        xs, length, batch_size = self._entered(x)
        start_key, run_key = jax.random.split(key)
        before = self.start(model, batch_size, start_key) if carry is None else carry
        loop = self.loop if carry is not None else self.loop.up_to(model, length)
        steps = jnp.arange(length, dtype=jnp.int32)[:, None]
        counts, first = None if lengths is None else steps < lengths[None], 0
        for n, (_, part) in enumerate(parts):
            settle = getattr(part, "settle", None)
            if settle is None:
                continue
            if n > first:
                states = {name: before.system[name] for name, _ in parts[first:n]}
                start = replace(before, system=states)
                _, (xs, _) = loop.advance(model[first:n], start, xs, length, key=run_key, lengths=lengths)
            settled = settle(self.part.joined(xs, 1), self.part.joined(counts, 1), before.i)
            model, first = eqx.tree_at(lambda m, n=n: m.systems[n], model, settled), n
        return model

    def explain(self, model: DynamicalSystem, x: PyTree, key: PRNGKeyArray) -> str:
        """The plan of the loop over such inputs, as text."""
        xs, length, batch_size = self._entered(x)
        watched = Experiment(self.settled(model, x, key), monitors=self.monitors)
        plan = self.loop.explain(watched, self.start(model, batch_size, key), (xs, ()), length, key=key)
        return f"{plan}\n{told}" if (told := self.precision.describe()) else plan

    def _entered(self, x: PyTree) -> tuple[PyTree, int, int]:
        """Inputs as (time, batch, ...), and these two lengths."""
        xs = jax.tree.map(to_jax, self.layout.enter(x))
        length, batch_size = jax.tree.leaves(xs)[0].shape[:2]
        return xs, length, batch_size


class Run(eqx.Module):
    """The first argument of a loss with `loss_auto_run=False`: the model, and a function to run it.

    `run(inputs)` is what the trainer itself would do: the outputs, or with monitors the pair of outputs and records.

    **Attributes:** `model`; `key`, a `jax.random.key` of this batch.
    """

    model: PyTree
    key: PRNGKeyArray
    _forward: Forward

    def __call__(self, inputs: PyTree, *, key: PRNGKeyArray | None = None) -> PyTree:
        """The outputs of the model for inputs, both with the axes of the data.

        **Arguments:**

        - `inputs`: a batch of inputs.
        - `key`: other random numbers than those of the batch.
        """
        _, out, seen = self._forward(self.model, inputs, self.key if key is None else key)
        return (out, seen) if seen else out
