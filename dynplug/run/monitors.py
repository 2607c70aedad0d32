"""Monitors: readers of the state after each step."""

import inspect
from collections.abc import Callable, Mapping, Sequence

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import PyTree

from dynplug.core import Context, lookup
from dynplug.errors import OptionError, UnknownPathError

TIMES = "ts"
_FORMS = "give a path, a pair (path, index) or, by name, a function of the state or of the state and the context"


class PathReader(eqx.Module):
    """Reads a state at a path and, optionally, an index."""

    path: str = eqx.field(static=True)
    index: int | slice | tuple | None = eqx.field(static=True, default=None)

    def __call__(self, state: PyTree, ctx: Context) -> PyTree:
        value = self.find(state)
        if self.index is None:
            return value
        return value[self._key()]

    def find(self, state: PyTree) -> PyTree:
        """The value at the path; `UnknownPathError` if it has no such index."""
        value = lookup(state, self.path)
        if self.index is None:
            return value
        if not np.shape(value):
            raise UnknownPathError(f"Monitor {self.path!r} is not an array of units: it cannot be read at an index.")
        try:
            np.arange(value.shape[0])[self._key()]
        except IndexError as error:  # JAX would silently take the nearest index
            raise UnknownPathError(f"Monitor {self.path!r} has {value.shape[0]} units; {error}.") from error
        return value

    def _key(self) -> int | slice | np.ndarray | None:
        return np.asarray(self.index) if isinstance(self.index, tuple) else self.index


class StateReader(eqx.Module):
    """Reads a state by a function of it alone."""

    function: Callable[[PyTree], PyTree]

    def __call__(self, state: PyTree, ctx: Context) -> PyTree:
        return self.function(state)


class Monitors(eqx.Module):
    """Named readers of a system's state, called after each step on the state of one sample."""

    readers: dict[str, Callable[[PyTree, Context], PyTree]]

    def __init__(self, monitors: object = None):
        """Readers from the forms that users write.

        **Arguments:**

        - `monitors`: a sequence of paths and of (path, index); or a mapping from names to paths, to (path, index), or
            to functions of the state, or of the state and the context.
        """
        self.readers = {}
        for item in _items(monitors):
            name, reader = _named(item)
            if name in self.readers:
                raise OptionError(
                    f"Two monitors are called {name!r}: name them, as in monitors={{'a': {item[1]!r}, 'b': ...}}."
                )
            if name == TIMES:
                raise OptionError(f"A monitor cannot be called {TIMES!r}, the name of the times of the rows.")
            self.readers[name] = reader

    def __call__(self, state: PyTree, ctx: Context) -> dict[str, PyTree]:
        return {name: reader(state, ctx) for name, reader in self.readers.items()}

    def sources(self, state: PyTree, seen: dict[str, PyTree]) -> dict[str, PyTree]:
        """The monitored values, those read at an index being replaced by the whole array."""
        indexed = {
            name: reader.find(state)
            for name, reader in self.readers.items()
            if isinstance(reader, PathReader) and reader.index is not None
        }
        return {**seen, **indexed}

    def check(self, state: PyTree) -> None:
        """Read all paths once, so that an unknown one raises."""
        for reader in self.readers.values():
            if isinstance(reader, PathReader):
                found = reader.find(state)
                if any(jnp.issubdtype(a.dtype, jax.dtypes.prng_key) for a in jax.tree.leaves(found)):
                    raise OptionError(
                        f"Monitor {reader.path!r} is a random key, not a number: monitor a function of the "
                        "state, such as {'key': lambda state: jax.random.key_data(state[...])}."
                    )


def _items(monitors: object) -> list[tuple[str | None, object]]:
    if monitors is None:
        return []
    if isinstance(monitors, Mapping):
        return list(monitors.items())
    if isinstance(monitors, str) or not isinstance(monitors, Sequence):
        raise OptionError(
            f"monitors={monitors!r}: give a list of paths such as ['V'], or a mapping from names to paths."
        )
    return [(None, item) for item in monitors]


def _named(item: tuple[str | None, object]) -> tuple[str, Callable[..., PyTree]]:
    name, what = item
    if isinstance(what, str):
        return name or what, PathReader(what)
    if isinstance(what, tuple) and len(what) == 2 and isinstance(what[0], str):
        return name or what[0], PathReader(what[0], _as_index(what))
    if name is not None and callable(what):
        return name, what if _takes_context(what) else StateReader(what)
    raise OptionError(f"Monitor {what!r}: {_FORMS}.")


def _as_index(monitor: tuple[str, object]) -> int | slice | tuple[int, ...]:
    path, given = monitor
    if isinstance(given, (int, slice)):
        return given
    index = np.asarray(given)
    if not (index.ndim <= 1 and (index.dtype.kind in "iub" or index.size == 0)):
        raise OptionError(
            f"Monitor {monitor!r}: the index of {path!r} is a whole number, a slice, a list of them, or a mask."
        )
    return tuple(index.tolist()) if index.ndim else index.item()


def _takes_context(function: Callable[..., PyTree]) -> bool:
    positional = [
        p
        for p in inspect.signature(function).parameters.values()
        if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD) and p.default is p.empty
    ]
    if len(positional) not in (1, 2):
        raise OptionError(f"Monitor {function!r} takes {len(positional)} arguments: {_FORMS}.")
    return len(positional) == 2
