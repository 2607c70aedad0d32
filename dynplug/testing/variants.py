"""Other values for each argument of a component's constructor."""

import dataclasses
import inspect
import re
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, Literal, get_args, get_origin

import equinox as eqx
import jax
import numpy as np
from jax.typing import ArrayLike

from dynplug.errors import DynplugError
from dynplug.plugin import KINDS, Component, build, parameters, registry
from dynplug.testing.static import documented_entry
from dynplug.testing.subject import Subject

_FACTORS = (1.05, 0.95, 1.5, 0.5, 4.0, 100.0)
_STEPS = (0.1, -0.1, 1.0, -1.0, 10.0)
_PARTS = 3  # other components to try in the place of one


def arguments(subject: Subject) -> dict[str, object]:
    """The arguments that can be varied, with their present values: from the instance, the example, or the default."""
    found: dict[str, object] = {}
    for name, p in parameters(subject.target).items():
        if name == "key" or p.kind in (p.VAR_POSITIONAL, p.VAR_KEYWORD):
            continue
        given = subject.example.get(name, p.default)
        held = _field(subject, name)
        value = given if held is None else held
        if value is not inspect.Parameter.empty and (value is not None or name == "dtype"):
            found[name] = value
    return found


def _field(subject: Subject, name: str) -> object:
    instance = subject.instance
    fields = {f.name for f in dataclasses.fields(instance) if f.init} if dataclasses.is_dataclass(instance) else ()
    return getattr(instance, name, None) if name in fields else None


def variants(subject: Subject, name: str, value: Any) -> Iterator[object]:
    """Other values of an argument, likely ones first; none if its type is unknown."""
    annotation = parameters(subject.target)[name].annotation
    if name == "dtype":
        yield np.dtype(np.float16)
    elif isinstance(value, (bool, np.bool_)):
        yield not value
    elif get_origin(annotation) is Literal:
        yield from (choice for choice in get_args(annotation) if choice != value)
    elif isinstance(value, (int, np.integer)):
        yield from (value + 1, value + 2, 2 * value)
    elif isinstance(value, (float, np.floating)) or (eqx.is_array(value) and np.ndim(value) == 0):
        yield from _numbers(value)
    elif isinstance(value, tuple) and value and all(isinstance(n, (int, float)) for n in value):
        yield from ((*value[:-1], other) for other in variants_of_number(value[-1]))
    elif isinstance(value, str):
        choices = re.findall(r'`"([^"`]+)"`', documented_entry(subject, name))
        yield from (choice for choice in choices if choice != value)
        yield from _others(value)
    elif isinstance(value, eqx.Module):
        yield from _others(type(value))


def variants_of_number(value: ArrayLike) -> Iterator[ArrayLike]:
    """Other integers for an integer, other floating-point numbers for another number."""
    yield from ((value + 1, value + 2) if isinstance(value, int) else _numbers(value))


def _numbers(value: ArrayLike) -> Iterator[ArrayLike]:
    yield from (value * factor for factor in _FACTORS if value != 0)
    yield from (value + step for step in _STEPS)


def _others(given: str | type) -> Iterator[object]:
    """Other components of the same kind as one given by name or class, with the arguments of their examples."""
    for kind in KINDS:
        known = registry().components(kind)
        if not any(c.spec.name == given or c.given is given or _is(c, given) for c in known):
            continue
        others = [c for c in known if c.spec.name != given and not _is(c, given)]
        for component in others[:_PARTS]:
            with suppress(DynplugError):  # one that needs a package which is not there
                yield build({"type": component.id, **component.spec.example}, kind=kind, key=jax.random.key(0))
        return


def _is(component: Component, given: object) -> bool:
    target = component.spec.target.partition(":")[2]
    return isinstance(given, type) and target == given.__name__
