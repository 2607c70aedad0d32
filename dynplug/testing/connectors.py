"""Checks of connectors."""

from typing import Any

import jax
import numpy as np

from dynplug.connectors import Connections
from dynplug.errors import KeyRequiredError, ShapeError
from dynplug.testing.demands import close, demand
from dynplug.testing.subject import Subject

_SIZES = ((12, 12), (12, 9))


def _connect(subject: Subject, pre: int = 12, post: int = 12, seed: int = 0) -> Any:
    return subject.instance(pre, post, key=jax.random.key(seed))


def is_random(subject: Subject) -> bool:
    """Whether it raises `KeyRequiredError` without a key."""
    try:
        subject.instance(*_SIZES[0])
    except KeyRequiredError:
        return True
    return False


def connects_the_units_given(subject: Subject) -> None:
    """Calling it returns `Connections` between the given numbers of units; `ShapeError` if sizes must be equal."""
    for pre, post in _SIZES:
        try:
            made = _connect(subject, pre, post)
        except ShapeError:
            demand(pre != post, f"It refuses {pre} and {post} units.")
            continue
        demand(isinstance(made, Connections), f"It returns a {type(made).__name__}, not Connections.")
        found = (made.pre_size, made.post_size)
        demand(found == (pre, post), f"For {pre} and {post} units it connects {found[0]} and {found[1]}.")


def same_key_same_connections(subject: Subject) -> None:
    """The same key gives the same connections; a deterministic connector ignores the key."""
    first = _connect(subject)
    _connect(subject, seed=1)
    close(_connect(subject), first, "connections with one key", rtol=0.0)
    if not is_random(subject):
        given = subject.instance(*_SIZES[0])
        close(given, first, "connections with a key and without: it is random, so demand one", rtol=0.0)


def other_key_other_connections(subject: Subject) -> None:
    """Different keys give different connections, if the connector raises `KeyRequiredError` without one."""
    one, other = (np.asarray(_connect(subject, 12, 12, seed).mask) for seed in (0, 1))
    demand(not np.array_equal(one, other), "Two keys give the same connections: the key is not used.")
