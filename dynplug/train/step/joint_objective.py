"""The objective that several devices minimise together."""

from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, PRNGKeyArray, PyTree

from dynplug.timeloop import RunState
from dynplug.train.data import Layout
from dynplug.train.step.forward import Forward
from dynplug.train.step.objective import ALL, Counting, Logged, Objective
from dynplug.train.step.part import Piece


@dataclass(frozen=True)
class JointObjective:
    r"""An objective of a whole batch, of which each device gives a summand.

    Where all that is measured is a mean over samples, that is the device's own mean with the share of its samples:

    $$L = \sum_d \frac{n_d}{n} L_d$$

    Anything else is computed, on each device alike, of the outputs and targets of all; a device's summand is then the
    loss as far as it goes by its own outputs.

    **Arguments:**

    - `objective`: of a batch.
    - `piece`: this device's part of it.
    - `given`: the samples and steps of the batch that count; `filled`, the same of the padded batch.
    """

    objective: Objective
    piece: Piece
    given: Counting
    filled: Counting

    def __call__(
        self,
        forward: Forward,
        model: PyTree,
        x: PyTree,
        y: PyTree,
        key: PRNGKeyArray,
        carry: RunState | None,
        counting: Counting = ALL,
    ) -> tuple[Array, tuple[RunState | None, Logged]]:
        """This device's summands of the loss, and of what is logged; and the states of its samples."""
        layout, piece = forward.layout, self.piece
        carry, out, seen = forward(model, x, key, carry, counting.ends(x, layout))
        if self._is_mean(out, y, layout):
            return self._mean(out, y, seen, layout, counting.real, carry)
        out, seen = piece.shown((out, seen), layout.samples)
        y = piece.shown(y, lambda rank: layout.samples(rank, target=True))
        value, logged = self.objective.measured(out, y, seen, layout, self.given)
        return value, (carry, piece.once(logged))

    def total(self, tree: PyTree) -> PyTree:
        """The sums over the devices of all arrays: the one moment in a step in which they wait for each other."""
        return self.piece.total(tree)

    def _is_mean(self, out: PyTree, y: PyTree, layout: Layout) -> bool:
        """Whether all that is measured is a mean in which each sample weighs the same."""
        measures, of_lengths = (self.objective.loss, *self.objective.metrics), self.given.lengths is not None
        if self.objective.has_aux or of_lengths or not all(measure.is_mean for measure in measures):
            return False
        return all(measure.weight(out, y, layout) is None for measure in measures)

    def _mean(
        self,
        out: PyTree,
        y: PyTree,
        seen: dict[str, PyTree],
        layout: Layout,
        real: Array | None,
        carry: RunState | None,
    ) -> tuple[Array, tuple[RunState | None, Logged]]:
        if real is None:
            share: Any = 1.0 / jax.lax.axis_size(self.piece.over)
        else:
            assert self.filled.real is not None
            dtype = jax.tree.leaves(out)[0].dtype
            share = jnp.sum(real, dtype=dtype) / jnp.sum(self.filled.real, dtype=dtype)
            real = real | ~jnp.any(real)  # without any of its own it has no share, but a mean of something
        value, logged = self.objective.measured(out, y, seen, layout, Counting(real))
        return value * share, (carry, jax.tree.map(lambda v: v * share, logged))
