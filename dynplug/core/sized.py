"""Systems of which each unit has an input and an output."""

import dataclasses
from typing import TypeVar

import equinox as eqx

from dynplug.core.system import DynamicalSystem

S = TypeVar("S", bound="Sized")


class Sized(DynamicalSystem):
    """A system with as many inputs and outputs as units."""

    size: eqx.AbstractVar[tuple[int, ...]]
    """The number of units, as a tuple."""

    @property
    def in_size(self) -> tuple[int, ...]:
        return self.size

    @property
    def out_size(self) -> tuple[int, ...]:
        return self.size

    def with_size(self: S, size: int | tuple[int, ...]) -> S:
        """The same system with another number of units.

        **Raises:** `ParameterError` for a parameter that has one value per unit.
        """
        return dataclasses.replace(self, size=size)
