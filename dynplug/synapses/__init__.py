"""Synapses: from weighted presynaptic events to a drive."""

from dynplug.synapses.alpha import Alpha as Alpha
from dynplug.synapses.delta import Delta as Delta
from dynplug.synapses.exponential import Exponential as Exponential
from dynplug.synapses.outputs import COBA as COBA, CUBA as CUBA, Output as Output
