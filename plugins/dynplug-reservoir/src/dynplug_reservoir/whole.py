"""A check that layers and trainers share."""

from typing import Any

import dynplug as dp


def whole(value: Any, least: int, where: str) -> int:
    """A whole number, `least` or more, or `ParameterError`."""
    if type(value) is not int or value < least:
        raise dp.errors.ParameterError(f"{where} must be a whole number, {least} or more; got {value!r}.")
    return value
