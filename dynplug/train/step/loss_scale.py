"""Losses scaled up, so that gradients are not rounded to zero in float16, whose least number is 6e-8.

The scale is a part of the optimizer's state, and so of checkpoints.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, PyTree

LEAST, LARGEST = 1.0, 2.0**24  # chosen; powers of two, by which nothing is rounded


class Scaled(NamedTuple):
    """An optimizer's state with a scale, and the number of good steps since that was changed."""

    optimizer: PyTree
    scale: Array
    good: Array


class Scaling(ABC):
    """A scale for losses."""

    @abstractmethod
    def started(self, optimizer: PyTree) -> PyTree:
        """The state that goes with an optimizer's."""

    @abstractmethod
    def optimizer(self, state: PyTree) -> PyTree:
        """The optimizer's own state."""

    @abstractmethod
    def up(self, value: Array, state: PyTree) -> Array:
        """A loss, of which the gradient is taken."""

    @abstractmethod
    def down(self, grads: PyTree, state: PyTree) -> PyTree:
        """The gradient of the loss, from that."""

    @abstractmethod
    def may_skip(self, value: Array, state: PyTree) -> Array | bool:
        """Whether a step whose gradient is not finite is left out, rather than an error."""

    @abstractmethod
    def after(self, optimizer: PyTree, state: PyTree, finite: Array) -> PyTree:
        """The state after a step, with that of the optimizer, and whether all was finite."""

    @abstractmethod
    def logged(self, state: PyTree) -> dict[str, Array]:
        """The values that a step logs."""


class Unscaled(Scaling):
    """No scale: what every dtype but float16 takes."""

    def started(self, optimizer: PyTree) -> PyTree:
        return optimizer

    def optimizer(self, state: PyTree) -> PyTree:
        return state

    def up(self, value: Array, state: PyTree) -> Array:
        return value

    def down(self, grads: PyTree, state: PyTree) -> PyTree:
        return grads

    def may_skip(self, value: Array, state: PyTree) -> Array | bool:
        return False

    def after(self, optimizer: PyTree, state: PyTree, finite: Array) -> PyTree:
        return optimizer

    def logged(self, state: PyTree) -> dict[str, Array]:
        return {}


@dataclass(frozen=True)
class LossScale(Scaling):
    """A scale that is halved where a gradient is not finite, and doubled after `good_steps` steps that were good."""

    first: float
    good_steps: int

    def started(self, optimizer: PyTree) -> Scaled:
        return Scaled(optimizer, jnp.asarray(self.first, jnp.float32), jnp.zeros((), jnp.int32))

    def optimizer(self, state: Scaled) -> PyTree:
        return state.optimizer

    def up(self, value: Array, state: Scaled) -> Array:
        return value * state.scale.astype(value.dtype)

    def down(self, grads: PyTree, state: Scaled) -> PyTree:
        return jax.tree.map(lambda g: g / state.scale, grads)

    def may_skip(self, value: Array, state: Scaled) -> Array | bool:
        # the scale has no part in the loss itself, and at its least it is not to blame
        return jnp.isfinite(value) & (state.scale > LEAST)

    def after(self, optimizer: PyTree, state: Scaled, finite: Array) -> Scaled:
        good = jnp.where(finite, state.good + 1, 0)
        grown = jnp.where(good < self.good_steps, state.scale, jnp.minimum(state.scale * 2.0, LARGEST))
        scale = jnp.where(finite, grown, jnp.maximum(state.scale * 0.5, LEAST))
        return Scaled(optimizer, scale, good % self.good_steps)

    def logged(self, state: Scaled) -> dict[str, Array]:
        return {"loss_scale": state.scale}
