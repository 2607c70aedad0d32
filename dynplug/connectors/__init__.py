"""Connectors: rules for which units of one population connect to which of another, one rule per file."""

from dynplug.connectors.all_to_all import AllToAll as AllToAll
from dynplug.connectors.connections import Connections as Connections
from dynplug.connectors.fixed_in_degree import FixedInDegree as FixedInDegree
from dynplug.connectors.fixed_out_degree import FixedOutDegree as FixedOutDegree
from dynplug.connectors.fixed_probability import FixedProbability as FixedProbability
from dynplug.connectors.given import as_connector as as_connector
from dynplug.connectors.one_to_one import OneToOne as OneToOne
from dynplug.connectors.scale_free import ScaleFree as ScaleFree
from dynplug.connectors.small_world import SmallWorld as SmallWorld
