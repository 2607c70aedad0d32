"""Checks of encoders."""

from typing import Any

import jax
import numpy as np

from dynplug.errors import KeyRequiredError
from dynplug.testing.compare import close, demand
from dynplug.testing.subject import Skip, Subject

_SHAPES = ((3,), (2, 3))


def _values(shape: tuple[int, ...]) -> np.ndarray:
    return np.random.default_rng(0).random(shape).astype(np.float32)


def _random(subject: Subject) -> bool:
    try:
        subject.instance(_values(_SHAPES[0]))
    except KeyRequiredError:
        return True
    return False


def _encode(subject: Subject, x: Any, seed: int = 0) -> Any:
    return subject.instance(x, key=jax.random.key(seed))


def puts_time_first(subject: Subject) -> None:
    """Values of any shape become (time, *shape), of the same length whatever the shape, with or without a key."""
    lengths: set[int] = set()
    for shape in _SHAPES:
        out = _encode(subject, _values(shape))
        demand(out.shape[1:] == shape, f"Values of shape {shape} become {out.shape}; (time, *{shape}) is expected.")
        lengths.add(out.shape[0])
    demand(len(lengths) == 1, f"The number of steps depends on the values' shape: {sorted(lengths)}.")


def same_key_same_code(subject: Subject) -> None:
    """The same values and key give the same code; an encoder that takes no random numbers ignores the key."""
    x = _values(_SHAPES[1])
    first = _encode(subject, x)
    _encode(subject, x[::-1], 1)
    close(_encode(subject, x), first, "two codes with one key", rtol=0.0)
    if not _random(subject):
        close(subject.instance(x), first, "codes with a key and without: it is random, so demand one", rtol=0.0)


def other_key_other_code(subject: Subject) -> None:
    """Different keys give different codes, where the encoder raises `KeyRequiredError` without one."""
    if not _random(subject):
        raise Skip("not stochastic: it raises no KeyRequiredError without a key")
    x = np.full((8, 8), 0.5, np.float32)
    same = np.array_equal(_encode(subject, x, 0), _encode(subject, x, 1))
    demand(not same, "Two keys give the same code: the key is not used.")
