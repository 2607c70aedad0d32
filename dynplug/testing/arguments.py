"""Checks that a component ignores none of its arguments."""

from collections.abc import Iterator
from typing import Any

import equinox as eqx
import jax
import numpy as np
from jaxtyping import PyTree

from dynplug.core import leaves
from dynplug.testing.behaviours import BEHAVIOURS, Behaviour
from dynplug.testing.demands import close, demand
from dynplug.testing.driving import traced
from dynplug.testing.subject import Skip, Subject
from dynplug.testing.variants import arguments, variants

_ALIKE = 0.999  # a correlation of two arrays above this says that they were drawn from one key
_FEWEST = 6  # numbers in an array, below which a correlation says nothing


def every_argument_matters(subject: Subject) -> None:
    """Changing any argument changes the behaviour: for a system, a state, an output or a gradient."""
    varied, declared = arguments(subject), subject.spec.inert
    for name in varied:
        if name in declared:
            _demand_inert(subject, name, varied[name])
    silent = [name for name in varied if name not in declared and _is_inert(subject, name, varied[name])]
    demand(
        not silent,
        f"Other values of {', '.join(map(repr, silent))} change nothing that it does. Use what is given, or drop the "
        "argument, or say in the spec's `inert` why it changes no number.",
    )


def _others(subject: Subject, name: str, value: object) -> Iterator[object]:
    """Instances with other values of an argument, leaving out values that are rejected."""
    for other in variants(subject, name, value):
        try:
            made = _made(subject, name, other)
        except Exception:
            continue
        yield made


def _is_inert(subject: Subject, name: str, value: object) -> bool:
    """Whether no other value that the constructor accepts changes the behaviour."""
    accepted = False
    for other in _others(subject, name, value):  # one after the other, as most arguments show in the first
        accepted = True
        if any(_differs(_done(subject, other, do), _usual(subject, do)) for do in BEHAVIOURS[subject.kind]):
            return False
    return accepted


def _demand_inert(subject: Subject, name: str, value: object) -> None:
    """Demand that an argument declared inert changes no number beyond rounding."""
    behave = BEHAVIOURS[subject.kind][0]
    for other in _others(subject, name, value):
        close(
            _done(subject, other, behave),
            _usual(subject, behave),
            f"what it does with another {name!r}, which is `inert`",
        )


def _usual(subject: Subject, behave: Behaviour) -> list[np.ndarray]:
    return subject.remember(behave.__name__, lambda: _done(subject, _made(subject), behave))


def _made(subject: Subject, name: str = "", other: Any = None) -> object:
    if subject.kind not in _SYSTEMS:
        return subject.make(**({name: other} if name else {}))
    return traced(subject, **({name: other} if name else {}))


_SYSTEMS = ("neuron", "synapse", "layer", "source")


def _done(subject: Subject, made: object, behave: Behaviour) -> list[np.ndarray]:
    """Its behaviour, or the name of the error if it fails, as arrays drawn for another size do."""
    try:
        return jax.tree.map(np.asarray, [leaf.value for leaf in leaves({"": behave(subject, made)})])
    except Exception as error:
        return [np.asarray(type(error).__name__)]


def _differs(one: list[np.ndarray], other: list[np.ndarray]) -> bool:
    if len(one) != len(other):
        return True
    pairs = zip(one, other, strict=True)
    return any(a.dtype != b.dtype or not np.array_equal(a, b, equal_nan=a.dtype.kind == "f") for a, b in pairs)


def key_makes_the_arrays(subject: Subject) -> None:
    """Different keys draw different arrays, and no two arrays are drawn from the same key."""
    one, other = (_drawn(subject.make(seed)) for seed in (0, 1))
    if not any(np.ptp(a) > 0 for a in one.values() if a.size > 1):
        raise Skip("nothing is drawn: its arrays are constant")
    same = one.keys() == other.keys() and all(np.array_equal(one[n], other[n]) for n in one)
    demand(not same, "Two keys give the same arrays: the key is not used.")
    names = [n for n, a in one.items() if a.size >= _FEWEST and np.ptp(a) > 0]
    twins = [(a, b) for i, a in enumerate(names) for b in names[:i] if _correlation(one[a], one[b]) > _ALIKE]
    demand(not twins, f"{twins[:1]} are the same numbers but for their scale: split the key, one for each.")


def _drawn(system: PyTree) -> dict[str, np.ndarray]:
    found = leaves(eqx.filter(system, eqx.is_inexact_array))
    return {leaf.path: np.asarray(leaf.value).ravel() for leaf in found}


def _correlation(a: np.ndarray, b: np.ndarray) -> float:
    size = min(a.size, b.size)
    a, b = a[:size], b[:size]
    return 0.0 if not (np.ptp(a) and np.ptp(b)) else abs(float(np.corrcoef(a, b)[0, 1]))
