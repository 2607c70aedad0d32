"""The axes of time and batch. Internally time comes first; in the user's data, as `data_first_axis` says."""

from collections.abc import Callable
from typing import Literal, get_args, overload

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, PyTree

from dynplug.core import with_auto_axes
from dynplug.errors import DataError, OptionError, ShapeError

DataAxis = Literal["B", "T"]


@overload
def check_axis(axis: object, *, optional: Literal[False]) -> DataAxis: ...
@overload
def check_axis(axis: object, *, optional: Literal[True]) -> DataAxis | None: ...
def check_axis(axis: object, *, optional: bool) -> DataAxis | None:
    """`data_first_axis`, checked, or `OptionError`."""
    if axis is None and optional:
        return None
    for known in get_args(DataAxis):
        if axis == known:
            return known
    choices = "'B' (batch, time, ...) or 'T' (time, batch, ...)" + (", or None for one sample" if optional else "")
    raise OptionError(f"data_first_axis={axis!r} must be {choices}.")


def as_arrays(tree: PyTree, convert: Callable[[PyTree], PyTree] = np.asarray) -> PyTree:
    """A pytree of inputs as arrays. A list is an array; tuples, dictionaries and modules are structure.

    **Raises:** `DataError` for arrays of which a part would be lost.
    """

    def one(leaf: PyTree) -> PyTree:
        if any(np.ma.isMaskedArray(part) for part in (leaf if isinstance(leaf, list) else [leaf])):
            raise DataError(
                "A masked array is among the data, whose mask would be lost: fill it, as by data.filled(0.0); "
                "sequences of several lengths are told by their lengths."
            )
        array = convert(with_auto_axes(leaf))
        if jnp.issubdtype(array.dtype, jnp.complexfloating):
            raise DataError(
                f"An array of {array.dtype} is among the data, but units are real: give real and imaginary parts side "
                "by side, as by np.concatenate([data.real, data.imag], -1), or the magnitude."
            )
        return array

    return jax.tree.map(one, tree, is_leaf=lambda node: isinstance(node, list))


def device_or_host(x: PyTree) -> PyTree:
    """An array where it is: on the device, or on the host, as it may be too large for the device."""
    return x if isinstance(x, jax.Array) else np.asarray(x)


def rows_of(tree: PyTree, first: int, count: int, axis: DataAxis | None) -> PyTree:
    """The rows of `count` steps with unchanged axes: views on the host, one compiled program on a device."""
    along = 1 if axis == "B" else 0

    def rows(a: Array | np.ndarray) -> Array | np.ndarray:
        if first == 0 and a.shape[along] == count:
            return a
        if isinstance(a, jax.Array):
            return jax.lax.dynamic_slice_in_dim(a, jnp.asarray(np.int32(first), jnp.int32), count, along)
        return a[:, first : first + count] if along else a[first : first + count]

    return jax.tree.map(rows, tree)


def swap_batch(tree: PyTree, axis: DataAxis | None) -> PyTree:
    """Exchange time and batch if the batch comes first; for inputs and outputs alike."""
    if axis != "B":
        return tree
    return jax.tree.map(lambda a: a.swapaxes(0, 1), tree)


def length_of(tree: PyTree, axis: int, what: str) -> int:
    """The length that all arrays of a tree share along an axis."""
    arrays = jax.tree.leaves(tree)
    numbers = [a for a in arrays if not np.ndim(a)]
    if 0 < len(numbers) < len(arrays):
        raise ShapeError(
            f"{what}: a number, {numbers[0]}, stands beside arrays of several steps. Give it as an array of as many "
            "steps, or a DSRunner as a constant of its own: inputs=('E.input', 2.0)."
        )
    for a in arrays:
        if np.ndim(a) <= axis:
            raise ShapeError(f"{what} of shape {np.shape(a)} have no axis {axis}: check data_first_axis.")
    lengths = {np.shape(a)[axis] for a in arrays}
    if len(lengths) != 1:
        raise DataError(
            f"{what} disagree on the length of axis {axis}: {sorted(lengths)}."
            if lengths
            else f"No {what} tell the length of axis {axis}."
        )
    return lengths.pop()
