"""A progress bar that shows when it waits for the compiler."""

from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from typing import Protocol, runtime_checkable

import jax
import numpy as np
from jaxtyping import PyTree


@runtime_checkable
class Bar(Protocol):
    """A progress bar, as far as it is told that it waits."""

    disable: bool

    def set_postfix_str(self, s: str, refresh: bool) -> object: ...


class Compiling:
    """Remembers the shapes and dtypes of data so far: new ones need a new compilation, which takes time."""

    def __init__(self) -> None:
        self._known: set[Hashable] = set()

    @contextmanager
    def __call__(self, bar: Bar, *data: PyTree) -> Iterator[None]:
        """Show "compiling" on a visible bar while data of a new form are processed for the first time."""
        if bar.disable or (form := self._form(data)) in self._known:
            yield
            return
        self._known.add(form)
        bar.set_postfix_str("compiling", refresh=True)
        try:
            yield
        finally:
            bar.set_postfix_str("", refresh=False)

    def __reduce__(self) -> tuple[type, tuple[()]]:
        return Compiling, ()  # another process compiles its own programs

    def _form(self, data: PyTree) -> Hashable:
        leaves, structure = jax.tree.flatten(data)
        return structure, tuple((np.shape(a), str(getattr(a, "dtype", a))) for a in leaves)
