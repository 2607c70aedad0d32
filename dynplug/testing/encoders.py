"""Checks of encoders."""

from typing import Any

import equinox as eqx
import jax
import numpy as np

from dynplug.errors import KeyRequiredError
from dynplug.testing.demands import close, demand
from dynplug.testing.subject import Subject

_SHAPES = ((3,), (2, 3))


def _values(shape: tuple[int, ...]) -> np.ndarray:
    return np.random.default_rng(0).random(shape).astype(np.float32)


def is_random(subject: Subject) -> bool:
    """Whether it raises `KeyRequiredError` without a key."""
    try:
        eqx.filter_eval_shape(lambda: subject.instance(_values(_SHAPES[0])))
    except KeyRequiredError:
        return True
    return False


def _encode(subject: Subject, x: np.ndarray, seed: int = 0) -> Any:
    return subject.instance(x, key=jax.random.key(seed))


def puts_time_first(subject: Subject) -> None:
    """Values of any shape become (time, *shape), in the same number of steps for all shapes, with or without a key."""
    lengths: set[int] = set()
    for shape in _SHAPES:
        out = _encode(subject, _values(shape))
        demand(out.shape[1:] == shape, f"Values of shape {shape} become {out.shape}; (time, *{shape}) is expected.")
        lengths.add(out.shape[0])
    demand(len(lengths) == 1, f"The number of steps depends on the values' shape: {sorted(lengths)}.")


def same_key_same_code(subject: Subject) -> None:
    """The same values and key give the same code; a deterministic encoder ignores the key."""
    x = _values(_SHAPES[1])
    first = _encode(subject, x)
    _encode(subject, x[::-1], 1)
    close(_encode(subject, x), first, "two codes with one key", rtol=0.0)
    if not is_random(subject):
        close(subject.instance(x), first, "codes with a key and without: it is random, so demand one", rtol=0.0)


def other_key_other_code(subject: Subject) -> None:
    """Different keys give different codes, if the encoder raises `KeyRequiredError` without one."""
    x = np.full((8, 8), 0.5, np.float32)
    same = np.array_equal(_encode(subject, x, 0), _encode(subject, x, 1))
    demand(not same, "Two keys give the same code: the key is not used.")


def every_value_matters(subject: Subject) -> None:
    """Changing a value changes the code of its own unit and of no other."""
    x = np.full(_SHAPES[1], 0.4, np.float32)
    code = np.asarray(_encode(subject, x))
    for place in np.ndindex(*x.shape):
        moved: np.ndarray = np.zeros(x.shape, bool)
        for value in (0.05, 0.7, 0.95):
            other = x.copy()
            other[place] = value
            moved |= np.any(np.asarray(_encode(subject, other)) != code, axis=0)
        demand(moved[place], f"The value at {list(place)} changes nothing of its code.")
        moved[place] = False
        demand(not np.any(moved), f"The value at {list(place)} changes the code of others.")


def orders_values(subject: Subject) -> None:
    """Larger values have a larger or an earlier code, never the reverse."""
    x = np.repeat(np.linspace(0.1, 1.0, 6, dtype=np.float32)[:, None], 200, axis=1)
    code = np.asarray(_encode(subject, x), float)
    amount = code.sum(axis=0).mean(axis=1)
    when = np.arange(len(code))[:, None, None]
    mean_time = (np.abs(code) * when).sum(axis=0).mean(axis=1) / np.maximum(np.abs(code).sum(axis=0).mean(axis=1), 1e-9)
    more, sooner = np.diff(amount), -np.diff(mean_time)
    demand(
        np.all(more >= 0) and (amount[-1] > amount[0] or (np.all(sooner >= 0) and mean_time[-1] < mean_time[0])),
        f"Values 0.1 to 1 give codes of the sums {np.round(amount, 3).tolist()} at the mean steps "
        f"{np.round(mean_time, 2).tolist()}: neither grows with the value, nor comes sooner.",
    )


def draws_each_step_anew(subject: Subject) -> None:
    """A random code differs from step to step and from unit to unit."""
    code = np.asarray(_encode(subject, np.full((8, 8), 0.5, np.float32)))
    demand(np.any(code != code[:1]), "Every step has the same code: draw numbers for each step.")
    demand(np.any(code != code[:, :1, :1]), "Every unit has the same code: draw numbers for each value.")
