"""A search over parameters that are numbers compiles a program for each of them, and says so."""

import warnings
from functools import lru_cache
from typing import Any

import jax
import numpy as np

from dynplug.core import leaves
from dynplug.errors import RecompilationWarning

_MANY = 8  # programs of one model that differ by numbers alone


@lru_cache(maxsize=256)  # what is known of a model must not keep it for ever
def _numbers_of(form: Any) -> set[tuple[float, ...]]:
    """The numbers that models of a form have been run with."""
    return set()


def note_numbers(model: Any) -> None:
    """Remember which numbers a model is run with; warn once where they alone have made many programs of it."""
    found = leaves(model)
    numbers = tuple(leaf.value for leaf in found if type(leaf.value) is float)
    form = jax.tree.structure(model), tuple(_form(leaf.value) for leaf in found)
    try:
        seen = _numbers_of(form)
    except TypeError:  # something in it has no hash, and no program of it is kept
        return
    if len(seen) >= _MANY:
        return
    seen.add(numbers)
    if len(seen) == _MANY:
        paths = [leaf.path for leaf in found if type(leaf.value) is float]
        varied = [path for path, *values in zip(paths, *seen, strict=True) if len(set(values)) > 1]
        warnings.warn(
            f"This {type(model).__name__} has been run with {_MANY} values of {', '.join(varied)}. A number is "
            "compiled into the program, so that each was compiled anew and is kept: give an array, as "
            f"{varied[0]}=jnp.array(1.0), or one value a unit, and one program serves all.",
            RecompilationWarning,
            stacklevel=3,
        )


def _form(value: Any) -> Any:
    if type(value) is float:
        return float
    return (np.shape(value), value.dtype) if hasattr(value, "dtype") else value
