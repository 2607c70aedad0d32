"""A progress line that says when it waits for the compiler."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import jax
import numpy as np


class Compiling:
    """Remembers which forms of data there were: another one is another program, which takes its time to compile."""

    def __init__(self) -> None:
        self._known: set[Any] = set()

    @contextmanager
    def __call__(self, bar: Any, *data: Any) -> Iterator[None]:
        """Say "compiling" on a bar that is shown, while what is done with these data is done for the first time."""
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
        return Compiling, ()  # another process has programs of its own

    def _form(self, data: Any) -> Any:
        leaves, structure = jax.tree.flatten(data)
        return structure, tuple((np.shape(a), str(getattr(a, "dtype", a))) for a in leaves)
