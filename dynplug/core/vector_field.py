"""Right-hand sides of differential equations."""

from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
from jaxtyping import Array, PyTree

from dynplug.core.context import Time
from dynplug.core.drive import Drive
from dynplug.core.paths import leaves
from dynplug.core.step_results import described_value
from dynplug.errors import StateError

VectorField = Callable[[Array | float, PyTree, Drive], PyTree]
"""The time derivative of a state, of the time [ms], the state and its input, in diffrax's order."""


def checked(vector_field: VectorField, owner: str) -> VectorField:
    """A vector field whose result has the form of the state. Solvers would broadcast another one, or raise anything.

    **Raises:** `StateError`, when it is traced. A Python number, the same rate for all units, is as good as an array.
    """

    def field(t: Time | float, y: PyTree, drive: Drive) -> PyTree:
        slopes = vector_field(t, y, drive)
        variables, found = ({leaf.path: leaf.value for leaf in leaves(tree)} for tree in (y, slopes))
        if jax.tree.structure(y) != jax.tree.structure(slopes):
            wrong = sorted(variables.keys() ^ found.keys() if isinstance(slopes, type(y)) else ())
            raise StateError(
                f"{owner}: vector_field returns {described_value(slopes)}{_of(wrong)}, but must return the derivative "
                f"of each variable that is integrated, {type(y).__name__}({'=..., '.join(variables)}=...), and "
                "None, the default, for each field declared dp.discrete()."
            )
        for path, slope in found.items():
            shape = jnp.shape(variables[path])
            if jnp.shape(slope) != shape and not isinstance(slope, (int, float)):
                raise StateError(
                    f"{owner}: vector_field gives {path!r} a derivative of shape {jnp.shape(slope)}, but the variable "
                    f"has shape {shape}: give one value per unit, as by jnp.broadcast_to(..., {shape}) for one of all."
                )
        return slopes

    return field


def _of(names: Sequence[str]) -> str:
    return f" that differs from the state in {', '.join(map(repr, names))}" if names else ""
