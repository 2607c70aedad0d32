"""The equations that a model states as text."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import numpy as np

from dynplug.equations.expression import Node
from dynplug.equations.grammar import parse, parse_condition
from dynplug.equations.units import MILLISECOND, Unit, apart
from dynplug.errors import EquationError, nearest

SPIKE = "spike"
"""The left-hand side of the spike condition."""
BEFORE = "_before"
"""The suffix of a variable's name that denotes its value before the step."""
WEIGHT = "w"
"""The weight of an event."""


@dataclass(frozen=True)
class Stated:
    """The time derivatives of the state variables, the definitions they use, and the effects of spikes and events.

    **Attributes:** `derivatives`, by state variable; `definitions`, by name, each after those that it uses; `starts`,
    the initial values, if stated; `spike`, the condition of a spike, if stated; `effects`, the values that a spike
    assigns to variables; `events`, the values that an event of weight `w` assigns to them.
    """

    derivatives: Mapping[str, Node]
    definitions: Mapping[str, Node]
    starts: Mapping[str, Node] = field(default_factory=dict)
    spike: Node | None = None
    effects: Mapping[str, Node] = field(default_factory=dict)
    events: Mapping[str, Node] = field(default_factory=dict)

    @property
    def lines(self) -> dict[str, Node]:
        """All right-hand sides by left-hand side."""
        named = {
            **{derivative(name): node for name, node in self.derivatives.items()},
            **{at_start(name): node for name, node in self.starts.items()},
            **{after_spike(name): node for name, node in self.effects.items()},
            **{after_event(name): node for name, node in self.events.items()},
        }
        return {**self.definitions, **named, **({SPIKE: self.spike} if self.spike else {})}

    def check_names(self, variables: Collection[str], parameters: Collection[str], others: Collection[str]) -> None:
        """Raise `EquationError` for an unknown, ambiguous or unused name, or a variable without an equation."""
        for name in self.derivatives:
            if name not in variables:
                raise EquationError(
                    f"`equations` has {name!r}, which is not a variable of the state. {nearest(name, variables)} "
                    "Auxiliary quantities belong into `definitions`."
                )
        for text, named in (("equations", self.derivatives), ("starts_at", self.starts)):
            if named and (missing := [name for name in variables if name not in named]):
                raise EquationError(f"`{text}` has no line for {', '.join(map(repr, missing))}.")
        for text, named in (("starts_at", self.starts), ("on_spike", self.effects), ("on_event", self.events)):
            for name in named:
                if name not in variables:
                    raise EquationError(
                        f"`{text}` has {name!r}, which is not a variable of the state. {nearest(name, variables)}"
                    )
        if self.effects and self.spike is None:
            raise EquationError("`on_spike` states the effects of a spike, but `spikes_if` is missing, its condition.")
        kinds = {"variable": variables, "parameter": parameters, "definition": self.definitions, "given": others}
        used = {name for node in self.lines.values() for name in node.names()}
        for name in sorted(used | self.definitions.keys()):
            if len(meanings := [kind for kind, names in kinds.items() if name in names]) > 1:
                raise EquationError(f"{name!r} is both a {' and a '.join(meanings)}: rename one of them.")
        known = [name for names in kinds.values() for name in names]
        before = [name + BEFORE for name in variables]
        also = {SPIKE: before} | {after_spike(name): before for name in self.effects}
        also |= {after_event(name): [WEIGHT] for name in self.events}
        for name in sorted(set().union(*also.values()) & set(known) & used):
            raise EquationError(f"{name!r} is reserved in the lines about spikes and events: rename it.")
        for left, node in self.lines.items():
            there = [*known, *also.get(left, ())]
            for name in node.names():
                if name not in there:
                    raise EquationError(f"{left} = {node.text}: unknown name {name!r}. {nearest(name, there)}")
        for name in self.definitions:
            if name not in used:
                raise EquationError(f"`definitions` has {name!r}, which is not used.")

    def used_by(self, name: str) -> set[str]:
        """All names that a variable's equation uses, directly or through definitions."""
        used = set(self.derivatives[name].names())
        for defined in list(self.definitions)[::-1]:
            if defined in used:
                used |= set(self.definitions[defined].names())
        return used

    def values(self, names: Mapping[str, object]) -> dict[str, np.ndarray]:
        """The time derivative of each variable."""
        with np.errstate(all="ignore"):
            known = self._defined(names)
            return {name: np.asarray(node.value(known)) for name, node in self.derivatives.items()}

    def start_values(self, names: Mapping[str, object]) -> dict[str, np.ndarray]:
        """The initial value of each variable; a line may use the values of the lines before it."""
        known, found = dict(names), dict[str, np.ndarray]()
        with np.errstate(all="ignore"):
            for name, node in self.starts.items():
                known[name] = found[name] = np.asarray(node.value(self._defined(known)))
        return found

    def after_step(self, names: Mapping[str, Any]) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        """A mask of spikes, and the value of each variable after the step, reset where there is a spike."""
        assert self.spike is not None
        with np.errstate(all="ignore"):
            known = self._defined(names)
            spike = np.asarray(self.spike.value(known))
            return spike, {
                name: np.where(spike, self.effects[name].value(known), names[name])
                if name in self.effects
                else np.asarray(names[name])
                for name in self.derivatives
            }

    def after_event(self, names: Mapping[str, object]) -> dict[str, np.ndarray]:
        """The value of each variable after an event of weight `w`."""
        with np.errstate(all="ignore"):
            known = self._defined(names)
            return {
                name: np.asarray(self.events[name].value(known) if name in self.events else names[name])
                for name in self.derivatives
            }

    def _defined(self, names: Mapping[str, object]) -> dict[str, object]:
        """These values, and those of all definitions that follow from them."""
        known = dict(names)
        for name, node in self.definitions.items():
            if all(used in known for used in node.names()):
                known[name] = node.value(known)
        return known

    def check_units(self, unit_of: Callable[[str], Unit]) -> None:
        """Raise `EquationError` for the first line with inconsistent units, naming the part at fault.

        **Arguments:**

        - `unit_of`: a function from the name of a variable, a parameter or a given quantity to its unit.
        """
        found: dict[str, Unit | None] = {}
        spiking = {SPIKE, *map(after_spike, self.effects)}
        raised = {after_event(name): name for name in self.events}
        for left, node in self.lines.items():
            for name in node.names():
                if left in raised and name == WEIGHT:
                    found[name] = unit_of(raised[left])
                elif name not in found:
                    found[name] = unit_of(name.removesuffix(BEFORE) if left in spiking else name)
            try:
                found[left] = node.unit(found)
            except EquationError as error:
                raise EquationError(f"{left} = {node.text}: {error}.") from None
        sides = [
            *((derivative(name), node, unit_of(name) / MILLISECOND) for name, node in self.derivatives.items()),
            *((at_start(name), node, unit_of(name)) for name, node in self.starts.items()),
            *((after_spike(name), node, unit_of(name)) for name, node in self.effects.items()),
            *((after_event(name), node, unit_of(name)) for name, node in self.events.items()),
        ]
        for left, node, wanted in sides:
            unit = found[left]
            if unit is not None and not unit.same(wanted):
                raise EquationError(f"{left} = {node.text}: the sides are in {apart(wanted, unit)}, but must agree.")


def read(
    equations: Mapping[str, str],
    definitions: Mapping[str, str],
    starts_at: Mapping[str, str] = MappingProxyType({}),
    spikes_if: str = "",
    on_spike: Mapping[str, str] = MappingProxyType({}),
    on_event: Mapping[str, str] = MappingProxyType({}),
) -> Stated:
    """Parse the equations of a model.

    **Raises:** `EquationError` for a text that is not in the grammar, and for circular definitions.
    """
    nodes = {name: _parsed(name, text) for name, text in definitions.items()}
    return Stated(
        {name: _parsed(derivative(name), text) for name, text in equations.items()},
        _ordered(nodes),
        {name: _parsed(at_start(name), text) for name, text in starts_at.items()},
        _parsed(SPIKE, spikes_if, parse_condition) if spikes_if else None,
        {name: _parsed(after_spike(name), text) for name, text in on_spike.items()},
        {name: _parsed(after_event(name), text) for name, text in on_event.items()},
    )


def derivative(name: str) -> str:
    """The left-hand side of a variable's equation."""
    return f"d{name}/dt" if name.isidentifier() else f"d({name})/dt"


def at_start(name: str) -> str:
    """The left-hand side of a variable's initial value."""
    return f"{name}(0)"


def after_spike(name: str) -> str:
    """The left-hand side of the value that a spike assigns to a variable."""
    return f"{name} after a spike"


def after_event(name: str) -> str:
    """The left-hand side of the value that an event assigns to a variable."""
    return f"{name} after an event"


def _parsed(left: str, text: str, parsed: Callable[[str], Node] = parse) -> Node:
    try:
        return parsed(text)
    except EquationError as error:
        raise EquationError(f"{left}: {error}") from None


def _ordered(nodes: Mapping[str, Node]) -> dict[str, Node]:
    """The definitions in an order in which each follows those that it uses."""
    done: dict[str, Node] = {}

    def add(name: str, above: tuple[str, ...]) -> None:
        if name in above:
            raise EquationError(f"`definitions` are circular: {' -> '.join((*above, name))}.")
        if name in nodes and name not in done:
            for used in nodes[name].names():
                add(used, (*above, name))
            done[name] = nodes[name]

    for name in nodes:
        add(name, ())
    return done
