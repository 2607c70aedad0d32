"""Times on the grid of steps, on the host and in double precision."""

import numpy as np

from dynplug.errors import ParameterError


def as_times(name: str, given: object) -> tuple[float, ...]:
    """Times [ms] as Python numbers. One in single precision is the decimal that it stands for, 100.1, not 100.09999847.

    **Raises:** `ParameterError` unless they are finite numbers in a list or an array of one axis.
    """
    array = np.asarray(given)
    if array.ndim != 1 or (array.size and array.dtype.kind not in "iuf"):
        raise ParameterError(f"{name} must be times [ms], a list of numbers or an array of one axis; got {given!r}.")
    array = in_double(array)
    if not np.all(np.isfinite(array)):
        raise ParameterError(f"{name} must be finite times [ms]; got {array[~np.isfinite(array)][0]}.")
    return tuple(array.tolist())


def in_double(array: object) -> np.ndarray:
    """Numbers in double precision, in which one in single precision is the decimal that it stands for."""
    array = np.asanyarray(array)
    if array.dtype.kind == "f" and array.dtype.itemsize < 8:
        array = array.astype(str)
    return array.astype(float, copy=False)


def in_steps(times: float | np.ndarray, t0: float, dt: float) -> np.ndarray:
    """Times [ms] as numbers of steps since step 0. A decimal time is not quite a whole number of steps in binary."""
    steps = (np.asarray(times, float) - t0) / dt
    near = np.round(steps)
    return np.asarray(np.where(np.isclose(steps, near, rtol=1e-12, atol=1e-9), near, steps))


def first_steps(times: float | np.ndarray, t0: float, dt: float) -> np.ndarray:
    """For each time [ms] the first step that starts then or later, within the range of an index."""
    return np.asarray(np.clip(np.ceil(in_steps(times, t0, dt)), -(2**31), 2**31 - 1), np.int32)
