"""Base class of ion channels."""

from abc import abstractmethod
from collections.abc import Mapping
from typing import ClassVar

import equinox as eqx
from jaxtyping import Array, Float

from dynplug.core import check_number, check_parameters
from dynplug_conductance.channels.ions import Ions

Gates = Mapping[str, Float[Array, "*size"]]
"""The gates of a channel by name; none for a leak."""


class Channel(eqx.Module):
    """An ionic current through the membrane of a soma.

    Implementing one: its parameters as fields; `init(V, Ca)`; `derivative(gates, V, Ca)`, whose equation of each gate
    is best linear in that gate; and `current(gates, V, Ca, ions)`. One whose current is carried by calcium sets
    `carries_calcium`, so that the soma adds it to what fills its shell.
    """

    carries_calcium: ClassVar[bool] = False

    equations: ClassVar[Mapping[str, str]] = {}
    """The time derivative of each gate as text, from which the soma makes its own."""

    definitions: ClassVar[Mapping[str, str]] = {}
    """The current `I` as text, outward positive, and the quantities that it and the gates use."""

    def __check_init__(self) -> None:
        check_parameters(self)
        check_number(f"{type(self).__name__}: g", getattr(self, "g", 0.0), least=0.0)

    @abstractmethod
    def init(self, V: Float[Array, "*size"], Ca: Float[Array, "*size"]) -> Gates:
        """The gates at their steady state for a potential [mV] and an intracellular calcium [µM]."""

    @abstractmethod
    def derivative(self, gates: Gates, V: Float[Array, "*size"], Ca: Float[Array, "*size"]) -> Gates:
        """The time derivative of each gate [1/ms]."""

    @abstractmethod
    def current(
        self, gates: Gates, V: Float[Array, "*size"], Ca: Float[Array, "*size"], ions: Ions
    ) -> Float[Array, "*size"]:
        """The current, outward positive [µA/cm²]."""
