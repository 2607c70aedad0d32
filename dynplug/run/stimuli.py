"""Stimuli as users write them: `(target, value, type, operation)`."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import DTypeLike
from jaxtyping import PyTree

from dynplug.core import Context, Drive, to_jax
from dynplug.errors import OptionError
from dynplug.run.data_axes import as_arrays, device_or_host
from dynplug.run.input_rows import ArraySource, InputRows, IterableSource

OPERATIONS = ("+", "-", "*", "/", "=")
TYPES = ("fix", "iter", "func")
_FORM = "(target, value), (target, value, type) or (target, value, type, operation)"


class Entry(NamedTuple):
    """A value for a target at one step."""

    target: str
    value: PyTree
    operation: str


class Stimulus(eqx.Module):
    """A value that is the same at all steps, or a function of the context; a varying one is passed at each step."""

    target: str = eqx.field(static=True)
    operation: str = eqx.field(static=True)
    value: PyTree = None
    function: Callable[[Context], PyTree] | None = None

    def now(self, row: PyTree, ctx: Context) -> Entry:
        if self.function is not None:
            row = jax.tree.map(jnp.asarray, self.function(ctx))
        return Entry(self.target, self.value if row is None else row, self.operation)


def parse(item: object, dtype: DTypeLike) -> tuple[Stimulus, InputRows | None]:
    """A stimulus from what the user wrote, and the source of its rows if it varies.

    **Raises:** `OptionError` if it is malformed.
    """
    if not isinstance(item, (tuple, list)) or not 2 <= len(item) <= 4 or not isinstance(item[0], str):
        raise OptionError(f"Input {item!r}: write {_FORM}, the target being a path such as 'V' or 'hidden.input'.")
    target, value, kind, operation = (*item, *("fix", "+")[len(item) - 2 :])
    if not isinstance(kind, str) or kind not in TYPES:
        hint = f" An operation comes fourth: ({target!r}, ..., 'fix', {kind!r})." if kind in OPERATIONS else ""
        raise OptionError(
            f"Input {target!r} has unknown type {kind!r}: give one of {', '.join(map(repr, TYPES))}.{hint}"
        )
    check_operation(target, operation)
    return _READERS[kind](target, value, operation, dtype)


def read_entries(given: object) -> list[Entry]:
    """The entries that a function of the context returned: `(target, value[, operation])`, or a list of them."""
    if given is None:
        return []
    items = [given] if is_one(given) else given
    if not isinstance(items, (tuple, list)):
        raise OptionError(f"The function given as inputs returned {_short(given)}: {_RETURNED}")
    return [_entry(item) for item in items]


_RETURNED = (
    "return (target, value) or (target, value, operation), or a list of them, such as "
    "`lambda ctx: [('V', jnp.sin(ctx.t))]`."
)


def is_one(given: object) -> bool:
    """Whether it is one entry rather than several."""
    return isinstance(given, (tuple, list)) and len(given) > 0 and isinstance(given[0], str)


def check_operation(target: str, operation: object) -> None:
    """Raise `OptionError` for an unknown operation."""
    if not isinstance(operation, str) or operation not in OPERATIONS:
        choices = ", ".join(map(repr, OPERATIONS))
        raise OptionError(f"Input {target!r} has unknown operation {operation!r}: give one of {choices}.")


def _entry(item: object) -> Entry:
    if not isinstance(item, (tuple, list)) or not 2 <= len(item) <= 3 or not isinstance(item[0], str):
        raise OptionError(f"The function given as inputs returned, among others, {_short(item)}: {_RETURNED}")
    target, value, operation = (*item, *("+",)[len(item) - 2 :])
    check_operation(target, operation)
    return Entry(target, jax.tree.map(to_jax, value), operation)


def _fixed(target: str, value: PyTree, operation: str, dtype: DTypeLike) -> tuple[Stimulus, None]:
    if _is_function(value) or isinstance(value, (Iterator, str)):
        raise OptionError(
            f"Input {target!r} is of type 'fix', the default, but its value is {_short(value)}: give a number or an "
            "array; for a function of the context write type 'func', for varying values 'iter'."
        )
    arrays = as_arrays(value, to_jax)
    arrays = jax.tree.map(lambda a: a.astype(dtype) if jnp.issubdtype(a.dtype, jnp.floating) else a, arrays)
    return Stimulus(target, operation, arrays), None


def _varying(target: str, value: PyTree, operation: str, dtype: DTypeLike) -> tuple[Stimulus, InputRows]:
    if _is_function(value) or (isinstance(value, Iterable) and not _holds_arrays(value)):
        return Stimulus(target, operation), IterableSource(target, value)
    arrays = as_arrays(value, device_or_host)
    if not jax.tree.leaves(arrays) or any(a.ndim == 0 for a in jax.tree.leaves(arrays)):
        raise OptionError(
            f"Input {target!r} is of type 'iter', but its value is {_short(value)}: give an array whose time axis has "
            "a row for each step, an iterable of rows, or a function that returns one."
        )
    return Stimulus(target, operation), ArraySource(target, arrays)


def _computed(target: str, value: PyTree, operation: str, dtype: DTypeLike) -> tuple[Stimulus, None]:
    if not _is_function(value):
        raise OptionError(
            f"Input {target!r} is of type 'func', but its value is {_short(value)}: give a function of the context "
            "such as `lambda ctx: jnp.sin(ctx.t)`."
        )
    return Stimulus(target, operation, function=value), None


_READERS = {"fix": _fixed, "iter": _varying, "func": _computed}


def _holds_arrays(value: object) -> bool:
    return isinstance(value, (list, tuple, Mapping, np.ndarray)) or hasattr(value, "__array__")


def _is_function(value: object) -> bool:
    return callable(value) and not isinstance(value, Drive)  # a drive may be called with a potential


def _short(value: object) -> str:
    shape = getattr(value, "shape", None)
    return repr(value)[:80] if shape is None else f"{type(value).__name__} of shape {shape}"
