"""Arguments of modules: those that tell the phase, and the inputs."""

import inspect
from collections.abc import Callable, Iterable

from dynplug.errors import CompositionError

WHILE_FITTING = {
    "train": True,
    "training": True,
    "is_training": True,
    "deterministic": False,
    "use_running_average": False,
}
"""The arguments by which modules are told the phase, each with its value while a trainer is fitting."""

_ANY_NUMBER = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)


def phase(names: Iterable[str], fit: bool) -> dict[str, bool]:
    """The values of such arguments."""
    return {name: WHILE_FITTING[name] is fit for name in names}


def told_by(call: Callable[..., object]) -> dict[str, inspect.Parameter]:
    """The parameters of a method that tell the phase."""
    return {name: p for name, p in inspect.signature(call).parameters.items() if name in WHILE_FITTING}


def check_inputs(name: str, call: Callable[..., object], *, is_cell: bool) -> None:
    """Raise `CompositionError` for a bound method that is not called with one input, or a carry and an input."""
    parameters = inspect.signature(call).parameters.values()
    needed = [p.name for p in parameters if p.default is p.empty and p.kind not in _ANY_NUMBER]
    wanted = [n for n in needed if n not in WHILE_FITTING]
    takes = 2 if is_cell else 1
    positional = [p for p in parameters if p.kind is not p.KEYWORD_ONLY and p.name not in WHILE_FITTING]
    many = any(p.kind is p.VAR_POSITIONAL for p in positional)
    if len(wanted) > takes or not (many or len(positional) >= takes):
        given = "a carry and one input" if is_cell else "one input"
        raise CompositionError(
            f"FlaxLayer: {name} takes {', '.join(wanted) or 'no input'}, but a layer is called with {given}. Write a "
            "module that calls it so; what tells the phase is called train, training, is_training, deterministic or "
            "use_running_average."
        )
