"""Targets as the trainers read them, batch first."""

import numpy as np
from jaxtyping import Array

import dynplug as dp


def has_time(y: Array | np.ndarray, outputs: Array | np.ndarray) -> bool:
    """Whether targets have a time axis, told by their rank beside that of outputs (batch, time, ...).

    Whole numbers one rank below are class indices, one a step.
    """
    return y.ndim == outputs.ndim or (np.issubdtype(y.dtype, np.integer) and y.ndim == outputs.ndim - 1)


def goals(y: np.ndarray, steps: int, units: int) -> np.ndarray:
    """The desired output of each of a readout's units at each step: (batch, steps, units), in double precision.

    Class indices become 1 for the unit of the class and 0 for the others; targets without time are held.

    **Raises:** `DataError` where the targets do not fit, or a class index has no unit.
    """
    if np.issubdtype(y.dtype, np.integer) and y.ndim < 3:
        if y.size and not 0 <= y.min() <= y.max() < units:
            raise dp.errors.DataError(
                f"Class indices from {y.min()} to {y.max()} do not fit a readout of {units} units."
            )
        y = np.eye(units)[y]
    if y.ndim == 2:
        y = np.repeat(y[:, None], steps, axis=1)
    if y.shape[1:] != (steps, units):
        raise dp.errors.DataError(
            f"Targets of shape {y.shape} do not fit a readout of {units} units over {steps} steps: give (batch, "
            f"{steps}, {units}), (batch, {units}) to be held, or class indices (batch,) or (batch, {steps})."
        )
    return y.astype(np.float64)
