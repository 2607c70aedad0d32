"""Systems of units, whose number can be changed."""

import dataclasses
from typing import TypeVar

import equinox as eqx

from dynplug.core.system import DynamicalSystem

S = TypeVar("S", bound="Resizable")


class Resizable(DynamicalSystem):
    """A system with one output per unit."""

    size: eqx.AbstractVar[tuple[int, ...]]
    """The number of units, as a tuple."""

    @property
    def out_size(self) -> tuple[int, ...]:
        return self.size

    def with_size(self: S, size: int | tuple[int, ...]) -> S:
        """The same system with another number of units.

        **Raises:** `ParameterError` for a parameter that has one value per unit.
        """
        return dataclasses.replace(self, size=size)


class Sized(Resizable):
    """A system with as many inputs and outputs as units."""

    size: eqx.AbstractVar[tuple[int, ...]]
    """The number of units, as a tuple."""

    @property
    def in_size(self) -> tuple[int, ...]:
        return self.size
