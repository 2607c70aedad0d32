"""Numbers as users give them: the length of a time step, counts."""

import math
from typing import Any

import numpy as np

from dynplug.errors import OptionError


def as_dt(dt: Any) -> float:
    """The length of a step [ms] as a number.

    **Raises:** `OptionError` for what is no positive, finite number.
    """
    return _number("dt", dt, "the step [ms], a number above zero such as 0.1", least=0.0)


def as_t0(t0: Any) -> float:
    """The time at step 0 [ms] as a number.

    **Raises:** `OptionError` for what is no finite number.
    """
    return _number("t0", t0, "the time at step 0 [ms], a finite number")


def as_number(name: str, given: Any) -> float:
    """A finite Python number as given.

    **Raises:** `OptionError` for anything else.
    """
    return _number(
        name,
        given,
        "a finite Python number, in a static field for one, as it must be known when the program is compiled",
    )


def as_whole(name: str, given: Any, *, least: int = 1, error: type[Exception] = OptionError) -> int:
    """A whole number as given.

    **Raises:** `error` for anything else, and for less than `least`: `OptionError` for what runners and functions take,
    `ParameterError` for what a part of a model does.
    """
    if not is_whole(given, least):
        raise error(f"{name}={given!r} must be a whole number, {least} or more.")
    return int(given)


def is_whole(given: Any, least: int = 1) -> bool:
    """Whether it is a whole number, Python's or NumPy's, of at least `least`; `True` is none."""
    return isinstance(given, (int, np.integer)) and not isinstance(given, bool) and int(given) >= least


def _number(name: str, given: Any, meaning: str, least: float = -math.inf) -> float:
    try:
        value = float(given)
    except (TypeError, ValueError) as error:
        raise OptionError(f"{name}={given!r}: it is {meaning}.") from error
    if isinstance(given, (str, bool)) or not (math.isfinite(value) and value > least):
        raise OptionError(f"{name}={given!r}: it is {meaning}.")
    return value
