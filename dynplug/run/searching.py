"""A warning about searches over numbers, which compile a program for each value."""

import warnings
from collections.abc import Hashable
from functools import lru_cache

import jax
import numpy as np
from jaxtyping import PyTree

from dynplug.core import leaves
from dynplug.errors import RecompilationWarning

_MANY = 8  # programs of one model that differ only in numbers


@lru_cache(maxsize=256)  # bounded, so that models are not kept alive forever
def _numbers_of(form: Hashable) -> set[tuple[float, ...]]:
    """The numbers with which models of one form have been run."""
    return set()


def note_numbers(model: PyTree) -> None:
    """Remember the numbers with which a model is run; warn once if they alone have caused many compilations."""
    found = leaves(model)
    numbers = tuple(leaf.value for leaf in found if type(leaf.value) is float)
    form = jax.tree.structure(model), tuple(_form(leaf.value) for leaf in found)
    try:
        seen = _numbers_of(form)
    except TypeError:  # not hashable, so no program of it is cached
        return
    if len(seen) >= _MANY:
        return
    seen.add(numbers)
    if len(seen) == _MANY:
        paths = [leaf.path for leaf in found if type(leaf.value) is float]
        varied = [path for path, *values in zip(paths, *seen, strict=True) if len(set(values)) > 1]
        warnings.warn(
            f"This {type(model).__name__} has been run with {_MANY} values of {', '.join(varied)}. A number is "
            "compiled into the program, so each value was compiled anew and its program is kept: give an array, "
            f"such as {varied[0]}=jnp.array(1.0), or one value per unit, and one program serves all.",
            RecompilationWarning,
            stacklevel=3,
        )


def _form(value: PyTree) -> object:
    if type(value) is float:
        return float
    return (np.shape(value), value.dtype) if hasattr(value, "dtype") else value
