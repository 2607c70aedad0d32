"""The equations of a model as a whole."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from dynplug.equations.grammar import parse
from dynplug.equations.nodes import Node
from dynplug.equations.units import MILLISECOND, Unit, apart
from dynplug.errors import EquationError, nearest


@dataclass(frozen=True)
class Stated:
    """The time derivative of each state variable, and the quantities that these lines use.

    **Attributes:** `derivatives`, by state variable; `definitions`, by name, each after those that it uses.
    """

    derivatives: Mapping[str, Node]
    definitions: Mapping[str, Node]

    @property
    def lines(self) -> dict[str, Node]:
        """Each right-hand side by what stands on the left."""
        return {**self.definitions, **{derivative(name): node for name, node in self.derivatives.items()}}

    def check_names(self, variables: Collection[str], parameters: Collection[str], others: Collection[str]) -> None:
        """Raise `EquationError` where a name means nothing, or two things, or a variable has no equation."""
        for name in self.derivatives:
            if name not in variables:
                raise EquationError(
                    f"`equations` has {name!r}, which is no variable of the state. {nearest(name, variables)} A "
                    "quantity that equations use stands in `definitions`."
                )
        if missing := [name for name in variables if name not in self.derivatives]:
            raise EquationError(f"`equations` has no line for {', '.join(map(repr, missing))}.")
        kinds = {"variable": variables, "parameter": parameters, "definition": self.definitions, "given": others}
        used = {name for node in self.lines.values() for name in node.names()}
        for name in sorted(used | self.definitions.keys()):
            if len(meanings := [kind for kind, names in kinds.items() if name in names]) > 1:
                raise EquationError(f"{name!r} is both a {' and a '.join(meanings)}: rename one of them.")
        known = [name for names in kinds.values() for name in names]
        for left, node in self.lines.items():
            for name in node.names():
                if name not in known:
                    raise EquationError(f"{left} = {node.text}: there is no {name!r}. {nearest(name, known)}")
        for name in self.definitions:
            if name not in used:
                raise EquationError(f"`definitions` has {name!r}, which no line uses.")

    def used_by(self, name: str) -> set[str]:
        """All names that a variable's equation uses, by way of definitions too."""
        used = set(self.derivatives[name].names())
        for defined in list(self.definitions)[::-1]:
            if defined in used:
                used |= set(self.definitions[defined].names())
        return used

    def values(self, names: Mapping[str, Any]) -> dict[str, np.ndarray]:
        """The time derivative of each variable."""
        with np.errstate(all="ignore"):
            known = dict(names)
            for name, node in self.definitions.items():
                known[name] = node.value(known)
            return {name: np.asarray(node.value(known)) for name, node in self.derivatives.items()}

    def check_units(self, unit_of: Callable[[str], Unit]) -> None:
        """Raise `EquationError` for the first line whose units do not fit, with its part that is to blame.

        **Arguments:**

        - `unit_of`: the unit of a variable, a parameter, or what else is given.
        """
        found: dict[str, Unit | None] = {}
        for left, node in self.lines.items():
            for name in node.names():
                if name not in found:
                    found[name] = unit_of(name)
            try:
                found[left] = node.unit(found)
            except EquationError as error:
                raise EquationError(f"{left} = {node.text}: {error}.") from None
        for name, node in self.derivatives.items():
            unit, wanted = found[derivative(name)], unit_of(name) / MILLISECOND
            if unit is not None and not unit.same(wanted):
                raise EquationError(
                    f"{derivative(name)} = {node.text}: the sides are in {apart(wanted, unit)}, and have to agree."
                )


def read(equations: Mapping[str, str], definitions: Mapping[str, str]) -> Stated:
    """Equations and definitions from their texts.

    **Raises:** `EquationError` for a text that is not in the grammar, and for definitions that go round in a circle.
    """
    derivatives = {name: _parsed(derivative(name), text) for name, text in equations.items()}
    nodes = {name: _parsed(name, text) for name, text in definitions.items()}
    return Stated(derivatives, _ordered(nodes))


def derivative(name: str) -> str:
    """What stands on the left of a variable's equation."""
    return f"d{name}/dt" if name.isidentifier() else f"d({name})/dt"


def _parsed(left: str, text: str) -> Node:
    try:
        return parse(text)
    except EquationError as error:
        raise EquationError(f"{left}: {error}") from None


def _ordered(nodes: Mapping[str, Node]) -> dict[str, Node]:
    """Each definition after those that it uses."""
    done: dict[str, Node] = {}

    def add(name: str, above: tuple[str, ...]) -> None:
        if name in above:
            raise EquationError(f"`definitions` go round in a circle: {' -> '.join((*above, name))}.")
        if name in nodes and name not in done:
            for used in nodes[name].names():
                add(used, (*above, name))
            done[name] = nodes[name]

    for name in nodes:
        add(name, ())
    return done
