"""Right-hand sides of differential equations."""

from collections.abc import Callable

from jaxtyping import Array, PyTree

from dynplug.core.drive import Drive

VectorField = Callable[[Array | float, PyTree, Drive], PyTree]
"""The time derivative of a state, of the time [ms], the state and its input, in diffrax's order."""
