"""The definition of a model: all but its arrays, as classes and constants by path in plain JSON; and differences."""

import dataclasses
import enum
import functools
import json
from collections.abc import Collection, Iterator, Mapping
from typing import NamedTuple

import jax.tree_util as jtu
import numpy as np
from jaxtyping import PyTree

from dynplug.core.nodes import is_array
from dynplug.core.paths import children


class Difference(NamedTuple):
    """The saved and the present value at a path; `None` if there is none."""

    path: str
    saved: object
    present: object

    def __str__(self) -> str:
        return f"{self.path or 'it'} is {self.saved}, not {self.present}"


def definition(tree: PyTree) -> dict[str, object]:
    """The classes and constants of a model by path: `{"hidden": "dynplug:LIF", "hidden.tau": 20.0, ...}`.

    Numbers and static values appear as they are, functions and classes by name; arrays are left out.

    **Arguments:**

    - `tree`: a model, or any other pytree.
    """
    return dict(_told(tree, ""))


def differences(
    saved: Mapping[str, object], present: Mapping[str, object], arrays: Collection[str] = ()
) -> list[Difference]:
    """The differences of two definitions. A part that only one of them has is listed once, without its own parts.

    **Arguments:**

    - `saved`, `present`: definitions.
    - `arrays`: the paths at which either side has an array; a number that became one by training does not differ.
    """
    found: list[Difference] = []
    covered: set[str] = set()
    for path in {**present, **saved}:
        both = path in saved and path in present
        if path in arrays or (both and _same(saved[path], present[path])):
            continue
        if both or not covered.intersection(_above(path)):
            found.append(Difference(path, saved.get(path), present.get(path)))
        covered.add(path)
    return found


def _told(node: PyTree, path: str) -> Iterator[tuple[str, object]]:
    if is_array(node):
        return
    if node is None or jtu.all_leaves([node]):
        yield path, _plain(node)
        return
    if dataclasses.is_dataclass(node):
        yield path, _name(type(node))
        for field in dataclasses.fields(node):
            if field.metadata.get("static"):
                yield _join(path, field.name), _plain(getattr(node, field.name, None))
    for name, child in children(node):
        yield from _told(child, _join(path, name))


@functools.singledispatch
def _plain(value: object) -> object:
    """A constant as JSON; anything without a JSON form by its name, or that of its class."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return [_name(type(value)), {f.name: _plain(getattr(value, f.name, None)) for f in dataclasses.fields(value)}]
    return _name(value)


@_plain.register(bool | int | float | str | None)
def _(value: bool | int | float | str | None) -> bool | int | float | str | None:
    return value


@_plain.register(complex | enum.Enum | np.dtype)
def _(value: complex | enum.Enum | np.dtype) -> str:
    return str(value)


@_plain.register(np.generic | np.ndarray)
def _(value: np.generic | np.ndarray) -> object:
    return _plain(value.tolist())


@_plain.register(list | tuple)
def _(value: list | tuple) -> list[object]:
    return [_plain(item) for item in value]


@_plain.register(set | frozenset)
def _(value: set | frozenset) -> list[object]:
    return sorted((_plain(item) for item in value), key=str)


@_plain.register(dict)
def _(value: dict) -> dict[str, object]:
    return {str(name): _plain(item) for name, item in value.items()}


@_plain.register(functools.partial)
def _(value: functools.partial) -> list[object]:
    return [_plain(value.func), _plain(value.args), _plain(value.keywords)]


def _name(thing: object) -> str:
    """`"package:name"`, without modules, as these may be reorganised; names of a script have no package."""
    named = thing if hasattr(thing, "__name__") else type(thing)
    package = str(getattr(named, "__module__", None) or "").partition(".")[0]
    name = str(getattr(named, "__qualname__", None) or getattr(named, "__name__", "")).rpartition("<locals>.")[2]
    return name if package in ("", "__main__") else f"{package}:{name}"


def _same(a: object, b: object) -> bool:
    if isinstance(a, str) and isinstance(b, str):  # what a script defines may later be imported from it
        (one, _, name), (two, _, other) = a.rpartition(":"), b.rpartition(":")
        return name == other and (one == two or not one or not two)
    return a == b or json.dumps(a) == json.dumps(b)  # where a number is NaN


def _above(path: str) -> Iterator[str]:
    """The paths of all that contains a part."""
    yield ""
    yield from (path[:n] for n, sign in enumerate(path) if sign in "./")


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name
