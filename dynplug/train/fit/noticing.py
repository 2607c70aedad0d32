"""Predictions and tests in which something is not a number say so, once."""

import warnings
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, PyTree

from dynplug.errors import NonFiniteWarning
from dynplug.run import has_nan
from dynplug.timeloop import RunState
from dynplug.train.step import StepProgram


class _Batch(NamedTuple):
    """A batch, kept to find its first value that is not finite."""

    n: int
    x: Any
    y: Any
    carry: RunState | None
    nan: Bool[Array, ""]


class Noticing:
    """Looks at batches one late, so that the device need not wait for the host.

    **Arguments:**

    - `program`: the functions that the batches go through.
    - `params`: the trained part of the model.
    - `what`: the activity, for the message.
    """

    def __init__(self, program: StepProgram, params: PyTree, what: str):
        self._program, self._params, self._what = program, params, what
        self._last: _Batch | None = None
        self._said = False

    def batch(self, n: int, x: PyTree, y: PyTree, carry: RunState | None, results: PyTree) -> None:
        """One more batch, the states that it started with, and all that came of it."""
        before, self._last = self._last, _Batch(n, x, y, carry, _any_nan(results))
        self._look(before)

    def end(self) -> None:
        """There is no other batch."""
        self._look(self._last)

    def _look(self, batch: _Batch | None) -> None:
        if batch is None or self._said or not bool(batch.nan):
            return
        self._said = True
        culprit = self._program.first_culprit(self._params, batch.x, batch.y, batch.carry, batch.n)
        warnings.warn(
            f"{self._what}, batch {batch.n + 1}: {culprit or 'what is measured'} is not finite. What follows from it "
            "is NaN. Look at the data first, then for parameters out of their range or a step dt that is too great.",
            NonFiniteWarning,
            stacklevel=5,
        )


@jax.jit
def _any_nan(results: PyTree) -> Array:
    return jnp.any(has_nan(results))
