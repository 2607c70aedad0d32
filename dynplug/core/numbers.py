"""Conversion of numbers that users give: the length of a time step, counts."""

import math
from typing import TypeGuard

import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

from dynplug.errors import DurationError, OptionError, ParameterError


def as_dt(dt: object) -> float:
    """The length of a step [ms] as a number.

    **Raises:** `OptionError` unless it is a positive, finite number.
    """
    return _number("dt", dt, "the step [ms], a number above zero such as 0.1", least=0.0)


def as_t0(t0: object) -> float:
    """The time at step 0 [ms] as a number.

    **Raises:** `OptionError` unless it is a finite number.
    """
    return _number("t0", t0, "the time at step 0 [ms], a finite number")


def as_number(name: str, given: object) -> float:
    """A finite Python number, checked.

    **Raises:** `OptionError` for anything else.
    """
    return _number(
        name,
        given,
        "a finite Python number, in a static field for example, as it must be known at compile time",
    )


def as_whole(name: str, given: object, *, least: int = 1, error: type[Exception] = OptionError) -> int:
    """An integer of at least `least`, checked.

    **Raises:** `error` for anything else: `OptionError` for an argument of a runner or a function, `ParameterError` for
    one of a part of a model.
    """
    if not is_whole(given, least):
        raise error(f"{name}={given!r} must be a whole number, {least} or more.")
    return int(given)


def is_whole(given: object, least: int | float = 1) -> TypeGuard[int | np.integer]:
    """Whether it is an integer, Python's or NumPy's, of at least `least`; `True` is not one."""
    return isinstance(given, (int, np.integer)) and not isinstance(given, bool) and int(given) >= least


def as_flag(name: str, given: object, *, error: type[Exception] = OptionError) -> bool:
    """`True` or `False`, checked: any text would count as true.

    **Raises:** `error` for anything else, as `as_whole`.
    """
    if not isinstance(given, (bool, np.bool_)):
        raise error(f"{name}={given!r} must be True or False.")
    return bool(given)


def as_indices(name: str, given: object) -> np.ndarray:
    """Indices of units, in a list or an array of one axis, as an array of 64 bits.

    **Raises:** `ParameterError` for anything else; truth values are none.
    """
    array = np.asarray(given)
    if array.ndim != 1 or (array.size and array.dtype.kind not in "iu"):
        raise ParameterError(f"{name} must be whole numbers in a list or an array of one axis; got {given!r:.80}.")
    return array.astype(np.int64)


def is_real(given: object) -> bool:
    """Whether it is a real number, or an array of them; truth values are none."""
    try:
        dtype = getattr(given, "dtype", None)
        dtype = np.asarray(given).dtype if dtype is None else dtype
    except ValueError:  # rows of several lengths
        return False
    return any(jnp.issubdtype(dtype, kind) for kind in (jnp.floating, jnp.integer))


def check_number(
    name: str,
    given: object,
    *,
    least: float = -math.inf,
    above: float = -math.inf,
    most: float = math.inf,
    below: float = math.inf,
) -> None:
    """Raise `ParameterError` unless it is a finite real number, or an array of them, within limits; traced ones pass.

    **Arguments:**

    - `name`: the name of the value, for the message.
    - `given`: the value.
    - `least`, `most`: the limits, if the value may be equal to them.
    - `above`, `below`: the limits, if it may not.
    """
    if isinstance(given, Tracer):
        return
    if is_real(given):
        x = np.asarray(given)
        if np.all(np.isfinite(x) & (x >= least) & (x > above) & (x <= most) & (x < below)):
            return
    limits = {"of at least": least, "above": above, "of at most": most, "below": below}
    wanted = " and ".join(f"{which} {limit:g}" for which, limit in limits.items() if math.isfinite(limit))
    raise ParameterError(f"{name}={given!r:.80} must be a finite number {wanted}".rstrip() + ".")


def step_count(duration: object, dt: float) -> int:
    """The number of steps of `dt` in `duration`, both [ms]; it must be whole to within a thousandth of a step."""
    if isinstance(duration, (str, bool)) or np.ndim(duration) or duration is None:  # pyright: ignore[reportArgumentType]
        raise DurationError(f"A duration of {duration!r} is no number: give it in ms, such as 100.0.")
    count = float(duration) / dt  # pyright: ignore[reportArgumentType]: as above
    if not (math.isfinite(count) and round(count) >= 1 and abs(count - round(count)) < 1e-3):
        raise DurationError(
            f"A duration of {duration} ms is {count:g} steps of dt={dt} ms: give a whole number of steps, at least one."
        )
    return round(count)


def _number(name: str, given: object, meaning: str, least: float = -math.inf) -> float:
    try:
        value = float(given)  # pyright: ignore[reportArgumentType]: what is no number is refused
    except (TypeError, ValueError) as error:
        raise OptionError(f"{name}={given!r} must be {meaning}.") from error
    if isinstance(given, (str, bool)) or not (math.isfinite(value) and value > least):
        raise OptionError(f"{name}={given!r} must be {meaning}.")
    return value
