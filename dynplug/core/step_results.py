"""The results of a step of a system: the next state and the output."""

from typing import Protocol, runtime_checkable

import jax
from jaxtyping import PyTree

from dynplug.core.context import Context
from dynplug.core.drive import Drive
from dynplug.errors import DynplugError, ShapeError, StateError


@runtime_checkable
class _Updating(Protocol):
    """A dynamical system: its class is defined by means of this file."""

    def update(self, state: PyTree, x: PyTree, ctx: Context) -> tuple[PyTree, PyTree]: ...


def updated(system: _Updating, state: PyTree, x: PyTree, ctx: Context) -> tuple[PyTree, PyTree]:
    """`system.update(state, x, ctx)`: the next state and the output.

    **Raises:** `StateError` for an update that returns anything but these two; `ShapeError` for a system that was given
    a `Drive` and takes none.
    """
    try:
        made = system.update(state, x, ctx)
    except (AttributeError, TypeError) as error:
        if isinstance(error, DynplugError) or not (isinstance(x, Drive) and Drive.__name__ in str(error)):
            raise
        raise ShapeError(
            f"{_where(system, ctx)} takes no Drive, the output of a synapse ({str(error).splitlines()[0]}). A synapse "
            "stands directly before neurons, or in a projection onto them; a function of a Drive reads drive.current."
        ) from error
    return state_and_output(made, system, "update", ctx)


def state_and_output(made: object, system: object, method: str, ctx: Context) -> tuple[PyTree, PyTree]:
    """The two values that a method of a system has to return."""
    if isinstance(made, (tuple, list)) and len(made) == 2:
        return made[0], made[1]
    given = f"{len(made)} values" if isinstance(made, (tuple, list)) else described_value(made)
    raise StateError(
        f"{_where(system, ctx)}: {method} returns {given}, but must return two values, the next state and the output: "
        "`return new_state, y`, or `return None, y` of a system without state."
    )


def _where(system: object, ctx: Context) -> str:
    return f"{ctx.path} ({type(system).__name__})" if ctx.path else type(system).__name__


def described_value(value: object) -> str:
    """The type and the shape of a value, in words."""
    if isinstance(value, jax.Array):
        return f"an array of shape {value.shape}"
    return "None" if value is None else type(value).__name__
