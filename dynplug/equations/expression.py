"""The parts of an expression that was read: numbers, names, and calls of operators and functions."""

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
    """A part of an expression."""

    text: str
    """As it is written."""

    @abstractmethod
    def value(self, names: Mapping[str, Any]) -> Any:
        """The value, from those of the names."""

    @abstractmethod
    def unit(self, names: Mapping[str, Unit | None]) -> Unit | None:
        """The unit, from those of the names; `None` for a zero, which suits any.

        **Raises:** `EquationError` for the part whose units do not fit.
        """

    @abstractmethod
    def names(self) -> Iterator[str]:
        """All names in it."""


@dataclass(frozen=True)
class Number(Node):
    """A number, in the unit that its brackets say."""

    text: str
    number: float
    given: Unit = PURE

    def __post_init__(self) -> None:
        if not math.isfinite(self.number):
            raise EquationError(f"`{self.text}` cannot be read: it is beyond double precision.")

    def value(self, names: Mapping[str, Any]) -> float:
        return self.number

    def unit(self, names: Mapping[str, Unit | None]) -> Unit | None:
        return None if self.number == 0.0 and self.given == PURE else self.given

    def names(self) -> Iterator[str]:
        yield from ()


@dataclass(frozen=True)
class Name(Node):
    """A variable, a parameter, or a quantity that another line defines; with brackets, in the unit that they say."""

    text: str
    name: str
    given: Unit | None = None

    def value(self, names: Mapping[str, Any]) -> Any:
        return names[self.name]

    def unit(self, names: Mapping[str, Unit | None]) -> Unit | None:
        return self.given or names[self.name]

    def names(self) -> Iterator[str]:
        yield self.name


@dataclass(frozen=True)
class Call(Node):
    """An operator or a function with its arguments."""

    text: str
    function: Function
    arguments: tuple[Node, ...]

    def value(self, names: Mapping[str, Any]) -> Any:
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
    """A power whose exponent is a number."""

    text: str
    base: Node
    exponent: float

    def value(self, names: Mapping[str, Any]) -> Any:
        return self.base.value(names) ** self.exponent

    def unit(self, names: Mapping[str, Unit | None]) -> Unit | None:
        unit = self.base.unit(names)
        return None if unit is None else unit ** Fraction(self.exponent).limit_denominator(12)

    def names(self) -> Iterator[str]:
        yield from self.base.names()
