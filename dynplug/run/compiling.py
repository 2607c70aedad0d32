"""A progress bar that shows when it waits for the compiler."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import jax
import numpy as np
from jaxtyping import PyTree


class Compiling:
    """Remembers the shapes and dtypes of data so far: new ones need a new compilation, which takes time."""

    def __init__(self) -> None:
        self._known: set[Any] = set()

    @contextmanager
    def __call__(self, bar: Any, *data: PyTree) -> Iterator[None]:
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

    def __reduce__(self) -> Any:
        return Compiling, ()  # another process compiles its own programs

    def _form(self, data: PyTree) -> Any:
        leaves, structure = jax.tree.flatten(data)
        return structure, tuple((np.shape(a), str(getattr(a, "dtype", a))) for a in leaves)
