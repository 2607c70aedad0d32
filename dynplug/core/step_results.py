"""What a step of a system returns: the next state and the output."""

from typing import Any

from jaxtyping import PyTree

from dynplug.core.context import Context
from dynplug.errors import StateError


def updated(system: Any, state: PyTree, x: PyTree, ctx: Context) -> tuple[PyTree, PyTree]:
    """`system.update(state, x, ctx)`: the next state and the output.

    **Raises:** `StateError` for an update that returns anything but these two.
    """
    return state_and_output(system.update(state, x, ctx), system, "update", ctx)


def state_and_output(made: Any, system: Any, method: str, ctx: Context) -> tuple[PyTree, PyTree]:
    """What a method of a system returned, which must be two values."""
    if isinstance(made, (tuple, list)) and len(made) == 2:
        return made[0], made[1]
    where = f"{ctx.path} ({type(system).__name__})" if ctx.path else type(system).__name__
    given = f"{len(made)} values" if isinstance(made, (tuple, list)) else described_value(made)
    raise StateError(
        f"{where}: {method} returns {given}, but must return two values, the next state and the output: "
        "`return new_state, y`, or `return None, y` of a system without state."
    )


def described_value(value: Any) -> str:
    """The type and the shape of a value, in words."""
    shape = getattr(value, "shape", None)
    return "None" if value is None else type(value).__name__ + ("" if shape is None else f" of shape {shape}")
