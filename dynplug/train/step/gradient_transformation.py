"""The interface of optimizers that a training step needs."""

from collections.abc import Callable
from typing import Protocol, runtime_checkable

from jaxtyping import PyTree


@runtime_checkable
class Optimizer(Protocol):
    """An `optax.GradientTransformation`, or one that is made of its configuration."""

    @property
    def init(self) -> Callable[..., PyTree]:
        """Its state at the start, for parameters."""
        ...

    @property
    def update(self) -> Callable[..., tuple[PyTree, PyTree]]:
        """The updates and its next state, for gradients, its state and parameters."""
        ...
