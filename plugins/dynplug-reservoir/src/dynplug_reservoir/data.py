"""Data as the trainers read them: checked, and batch first."""

from typing import Any

import jax
import numpy as np

import dynplug as dp


def swap(tree: Any, axis: str) -> Any:
    """Exchange time and batch where time comes first, in all that has both; the way in and the way out."""
    return jax.tree.map(lambda a: a.swapaxes(0, 1) if axis == "T" and a.ndim > 1 else a, tree)


def as_arrays(tree: Any) -> Any:
    """A pytree of inputs as NumPy arrays; a list is an array."""
    return jax.tree.map(np.asarray, tree, is_leaf=lambda node: isinstance(node, list))


def as_pair(data: Any, axis: str, name: str) -> tuple[Any, np.ndarray]:
    """Inputs and targets, batch first.

    **Raises:** `DataError` where they are no pair, or not of the same number of samples.
    """
    if not (isinstance(data, (tuple, list)) and len(data) == 2):
        raise dp.errors.DataError(f"{name}: give a pair (x, y) of arrays; got {type(data).__name__}.")
    x, y = swap(as_arrays(data[0]), axis), swap(np.asarray(data[1]), axis)
    shapes = [a.shape for a in jax.tree.leaves(x)]
    if not shapes or any(len(shape) < 2 for shape in shapes) or y.ndim < 1:
        raise dp.errors.DataError(f"{name}: x of shape {shapes} or y of shape {y.shape} lacks a time or a sample axis.")
    samples = {shape[0] for shape in shapes} | {y.shape[0]}
    if len(samples) != 1 or samples == {0}:
        raise dp.errors.DataError(
            f"{name}: with data_first_axis={axis!r}, x and y have {sorted(samples)} samples; give the same number, one "
            "at least."
        )
    return x, y


def has_time(y: Any, outputs: Any) -> bool:
    """Whether targets have a time axis, told by their rank beside that of outputs (batch, time, ...).

    Whole numbers one rank below are class indices, one a step.
    """
    return y.ndim == outputs.ndim or (np.issubdtype(y.dtype, np.integer) and y.ndim == outputs.ndim - 1)


def goals(y: np.ndarray, steps: int, units: int) -> np.ndarray:
    """What each of a readout's units shall put out at each step: (batch, steps, units), in double precision.

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
