"""The axes of losses, batch first, then time, and the arguments by which trainers know them."""

import inspect
from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial
from typing import TypeVar

import jax

Function = TypeVar("Function", bound=Callable[..., object])


def batch_first(function: Function) -> Function:
    """Mark a function of (predicts, targets) as reading (batch, time, ...), so that trainers pass arrays that way."""
    function.batch_first = True  # pyright: ignore[reportFunctionMemberAccess]
    return function


def reads_records(function: Function) -> Function:
    """Mark a loss that is `batch_first` as one of (outputs, records) where a trainer has monitors, batch first too."""
    function.reads_records = True  # pyright: ignore[reportFunctionMemberAccess]
    return function


def is_reading_records(function: Callable[..., object]) -> bool:
    """Whether a function, or the one below a `functools.partial`, is marked by `reads_records`."""
    return getattr(function_of(function), "reads_records", False)


def is_batch_first(function: Callable[..., object]) -> bool:
    """Whether a function, or the one below a `functools.partial`, is marked by `batch_first`."""
    return getattr(function_of(function), "batch_first", False)


def takes_weights(function: Callable[..., object]) -> bool:
    """Whether a function has an argument `sample_weight`, and is therefore a weighted mean over samples."""
    return is_batch_first(function) and "sample_weight" in inspect.signature(function_of(function)).parameters


def takes(function: Callable[..., object], argument: str) -> bool:
    """Whether a function, or the one below a `functools.partial`, has a parameter of this name that is not bound."""
    bound: set[str] = set()
    while isinstance(function, partial):
        bound |= function.keywords.keys()
        function = function.func
    try:
        return argument not in bound and argument in inspect.signature(function).parameters
    except (TypeError, ValueError):  # a function written in C does not say
        return False


def function_of(function: Callable[..., object]) -> Callable[..., object]:
    """A function, or the one below the `functools.partial`s that bind its options."""
    return function_of(function.func) if isinstance(function, partial) else function


def optax_rules() -> AbstractContextManager[object]:
    """The dtype promotion that optax expects; all code of dynplug is strict."""
    return jax.numpy_dtype_promotion("standard")
