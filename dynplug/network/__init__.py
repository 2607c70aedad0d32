"""Populations joined by projections."""

from dynplug.network.coupled import Coupled as Coupled, CoupledState as CoupledState
from dynplug.network.coupling import Coupling as Coupling
from dynplug.network.diagram import diagram as diagram
from dynplug.network.gap_junction import GapJunction as GapJunction, Junctions as Junctions
from dynplug.network.network import Network as Network
from dynplug.network.pathway import Magnitude as Magnitude, Pathway as Pathway, PathwayState as PathwayState
from dynplug.network.projection import Projection as Projection
