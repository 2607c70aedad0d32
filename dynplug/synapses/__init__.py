"""Synapses: from weighted presynaptic events to a drive."""

from typing import Never

from dynplug.plugin import missing_attribute
from dynplug.synapses.alpha import Alpha as Alpha
from dynplug.synapses.delta import Delta as Delta
from dynplug.synapses.direct import Direct as Direct
from dynplug.synapses.dual_exponential import DualExponential as DualExponential
from dynplug.synapses.exponential import Exponential as Exponential
from dynplug.synapses.outputs import COBA as COBA, CUBA as CUBA, Output as Output


def __getattr__(name: str) -> Never:
    raise missing_attribute(__name__, name, globals())
