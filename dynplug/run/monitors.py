"""What a run records."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import equinox as eqx
import numpy as np

from dynplug.core import lookup
from dynplug.errors import OptionError, UnknownNameError, UnknownPathError, nearest


class PathReader(eqx.Module):
    """Reads a state at a path, and there at an index."""

    path: str = eqx.field(static=True)
    index: Any = eqx.field(static=True, default=None)

    def __call__(self, state: Any) -> Any:
        value = lookup(state, self.path)
        if self.index is None:
            return value
        index = np.asarray(self.index) if isinstance(self.index, tuple) else self.index
        try:
            np.arange(value.shape[0])[index]  # JAX would take the nearest index in silence
        except IndexError as error:
            raise UnknownPathError(f"Monitor {self.path!r} has {value.shape[0]} units; {error}.") from error
        return value[index]


class Monitors(eqx.Module):
    """Named readers of a system's state, called after each step on the state of one sample."""

    readers: dict[str, Any]

    def __init__(self, monitors: Any = None):
        """Readers from the forms that users write.

        **Arguments:**

        - `monitors`: a sequence of paths and of (path, index); or a mapping from names to paths, to (path, index), or
            to functions of the state.
        """
        self.readers = dict(_named(item) for item in _items(monitors))

    def __call__(self, state: Any) -> dict[str, Any]:
        return {name: reader(state) for name, reader in self.readers.items()}


class Records(dict[str, Any]):
    """What a run recorded: arrays by monitor, also as attributes. A row belongs to the end of its step.

    `ts` holds the times of the rows [ms].
    """

    ts: np.ndarray

    def __missing__(self, name: str) -> Any:
        raise UnknownNameError(f"Nothing called {name!r} was monitored. {nearest(name, self)}")

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return self[name]


def _items(monitors: Any) -> list[tuple[str | None, Any]]:
    if monitors is None:
        return []
    if isinstance(monitors, Mapping):
        return list(monitors.items())
    if isinstance(monitors, str) or not isinstance(monitors, Sequence):
        raise OptionError(
            f"monitors={monitors!r}: give a list of paths such as ['V'], or a mapping from names to paths."
        )
    return [(None, item) for item in monitors]


def _named(item: tuple[str | None, Any]) -> tuple[str, Callable[[Any], Any]]:
    name, what = item
    if isinstance(what, str):
        return name or what, PathReader(what)
    if isinstance(what, tuple) and len(what) == 2 and isinstance(what[0], str):
        index = what[1] if isinstance(what[1], (int, slice)) else tuple(np.asarray(what[1]).tolist())
        return name or what[0], PathReader(what[0], index)
    if name is not None and callable(what):
        return name, what
    raise OptionError(f"Monitor {what!r}: give a path, a pair (path, index) or, by name, a function of the state.")
