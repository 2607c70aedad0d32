"""Ion channels and ions, the parts of a soma."""

from dynplug_conductance.channels.base import Channel as Channel, Gates as Gates
from dynplug_conductance.channels.ca_t import CaT as CaT
from dynplug_conductance.channels.ih import Ih as Ih
from dynplug_conductance.channels.ions import Ions as Ions
from dynplug_conductance.channels.k import K as K
from dynplug_conductance.channels.kca import KCa as KCa
from dynplug_conductance.channels.leak import Leak as Leak
from dynplug_conductance.channels.na import Na as Na
