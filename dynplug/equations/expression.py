"""The nodes of a parsed expression: numbers, names, and calls of operators and functions."""

import math
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from dynplug.equations.functions import Function
from dynplug.equations.units import PURE, Unit
from dynplug.errors import EquationError


class Node(ABC):
    """A node of a parsed expression."""

    text: str
    """Its source."""

    @abstractmethod
    def value(self, names: Mapping[str, object]) -> Any:
        """The value, given those of the names."""

    @abstractmethod
    def unit(self, names: Mapping[str, Unit | None]) -> Unit | None:
        """The unit, given those of the names; `None` for a zero, which is compatible with any.

        **Raises:** `EquationError` for the part with inconsistent units.
        """

    @abstractmethod
    def names(self) -> Iterator[str]:
        """All names in the expression."""


@dataclass(frozen=True)
class Number(Node):
    """A number, in the unit given in brackets."""

    text: str
    number: float
    given: Unit = PURE

    def __post_init__(self) -> None:
        if not math.isfinite(self.number):
            raise EquationError(f"`{self.text}` cannot be read: it exceeds double precision.")

    def value(self, names: Mapping[str, object]) -> float:
        return self.number

    def unit(self, names: Mapping[str, Unit | None]) -> Unit | None:
        return None if self.number == 0.0 and self.given == PURE else self.given

    def names(self) -> Iterator[str]:
        yield from ()


@dataclass(frozen=True)
class Name(Node):
    """A variable, a parameter, or a quantity defined by another line; in the unit given in brackets, if any."""

    text: str
    name: str
    given: Unit | None = None

    def value(self, names: Mapping[str, object]) -> Any:
        return names[self.name]

    def unit(self, names: Mapping[str, Unit | None]) -> Unit | None:
        return self.given or names[self.name]

    def names(self) -> Iterator[str]:
        yield self.name


@dataclass(frozen=True)
class Call(Node):
    """An operator or function with its arguments."""

    text: str
    function: Function
    arguments: tuple[Node, ...]

    def value(self, names: Mapping[str, object]) -> Any:
        return self.function.value(*(argument.value(names) for argument in self.arguments))

    def unit(self, names: Mapping[str, Unit | None]) -> Unit | None:
        units = [argument.unit(names) for argument in self.arguments]
        try:
            return self.function.unit(units)
        except EquationError as error:
            raise EquationError(f"in `{self.text}` {error}") from None

    def names(self) -> Iterator[str]:
        for argument in self.arguments:
            yield from argument.names()


@dataclass(frozen=True)
class Power(Node):
    """A power with a number as its exponent."""

    text: str
    base: Node
    exponent: float

    def value(self, names: Mapping[str, object]) -> Any:
        return self.base.value(names) ** self.exponent

    def unit(self, names: Mapping[str, Unit | None]) -> Unit | None:
        unit = self.base.unit(names)
        return None if unit is None else unit ** Fraction(self.exponent).limit_denominator(12)

    def names(self) -> Iterator[str]:
        yield from self.base.names()
