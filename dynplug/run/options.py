"""Options that several runners take, checked before anything is compiled."""

from collections.abc import Mapping

from dynplug.core import as_whole
from dynplug.errors import OptionError, ShapeError, nearest

_PHASES = ("predict", "fit")


def check_batch_size(batch_size: int | None, axis: str | None) -> None:
    """Raise `ShapeError` for a batch size without a batch axis, or a batch axis without a size."""
    if (batch_size is None) != (axis is None):
        raise ShapeError(
            f"reset_state(batch_size={batch_size}) with data_first_axis={axis!r}: a batch size is needed if and only "
            "if the data have a batch axis."
        )
    if batch_size is not None:
        as_whole("batch_size", batch_size)


def jit_for(phase: str, jit: object) -> bool:
    """Whether a phase is compiled, from a bool or a mapping of phases to bools; all others are compiled."""
    if isinstance(jit, bool):
        return jit
    if not isinstance(jit, Mapping) or not all(isinstance(value, bool) for value in jit.values()):
        raise OptionError(f"jit={jit!r} must be True, False, or a mapping such as {{'predict': True, 'fit': False}}.")
    for name in jit:
        if name not in _PHASES:
            raise OptionError(f"jit={jit!r}: unknown phase {name!r}. {nearest(str(name), _PHASES)}")
    return jit.get(phase, True)
