"""Where time and batch are in an array. Inside, time comes first; outside, as the user says."""

from collections.abc import Callable
from typing import Any, Literal, get_args

import jax
import numpy as np

from dynplug.errors import DataError, OptionError, ShapeError

DataAxis = Literal["B", "T"]


def check_axis(axis: Any, *, optional: bool) -> Any:
    """`data_first_axis` as given, or `OptionError`."""
    if axis in get_args(DataAxis) or (axis is None and optional):
        return axis
    choices = "'B' (batch, time, ...) or 'T' (time, batch, ...)" + (", or None for one sample" if optional else "")
    raise OptionError(f"data_first_axis={axis!r}: it is {choices}.")


def as_arrays(tree: Any, convert: Callable[[Any], Any] = np.asarray) -> Any:
    """A pytree of inputs as arrays. A list is an array; tuples, dictionaries and modules are structure."""
    return jax.tree.map(convert, tree, is_leaf=lambda node: isinstance(node, list))


def swap_batch(tree: Any, axis: DataAxis | None) -> Any:
    """Exchange time and batch where the batch comes first; the way in and the way out."""
    if axis != "B":
        return tree
    return jax.tree.map(lambda a: a.swapaxes(0, 1), tree)


def length_of(tree: Any, axis: int, what: str) -> int:
    """The length that all arrays of a tree share along an axis."""
    arrays = jax.tree.leaves(tree)
    for a in arrays:
        if np.ndim(a) <= axis:
            raise ShapeError(f"{what} of shape {np.shape(a)} have no axis {axis}: check data_first_axis.")
    lengths = {np.shape(a)[axis] for a in arrays}
    if len(lengths) != 1:
        raise DataError(
            f"{what} disagree on the length of axis {axis}: {sorted(lengths)}." if lengths else f"No {what}."
        )
    return lengths.pop()
