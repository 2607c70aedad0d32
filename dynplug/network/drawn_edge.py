"""The contract of edges whose connections have been drawn."""

from abc import abstractmethod

import equinox as eqx
from jaxtyping import PyTree

from dynplug.core import Context, DynamicalSystem, Resizable
from dynplug.delivery import Fanout
from dynplug.network.acted_on import ByPopulation


class DrawnEdge(DynamicalSystem):
    """An edge whose connections have been drawn: a system from what it `sees` to what `act` makes drives of."""

    fanout: eqx.AbstractVar[Fanout]
    """The connections."""

    targets: eqx.AbstractVar[tuple[str, ...]]
    """The names of the populations that it drives."""

    synapse: eqx.AbstractVar[Resizable | None]
    """The synapses in which it ends, if any are its own."""

    @abstractmethod
    def open(self, state: PyTree, states: ByPopulation) -> PyTree:
        """The state before the first step, from those of the populations."""

    @abstractmethod
    def sees(self, state: PyTree, states: ByPopulation, outs: ByPopulation) -> PyTree:
        """The input of a step, from states before it and outputs of populations that have been updated."""

    @abstractmethod
    def act(self, state: PyTree, arrived: PyTree, states: ByPopulation, ctx: Context, /) -> tuple[PyTree, PyTree]:
        """The next state, and the drive of the targets, from what has arrived by this edge and those that share."""

    @abstractmethod
    def close(self, state: PyTree, outs: ByPopulation, ctx: Context) -> PyTree:
        """The next state, when all populations have been updated."""

    @abstractmethod
    def arrows(self) -> list[tuple[str, str, str]]:
        """The arrows in a diagram: source, target, and the style of the line."""

    @abstractmethod
    def described(self, shares: str | None) -> str:
        """The edge in words; `shares` is the edge that has its synapses."""
