"""The contract: what a dynamical system is, and what it is given."""

from dynplug.core.context import Context as Context
from dynplug.core.drive import Drive as Drive
from dynplug.core.ode import (
    Neuron as Neuron,
    ODESystem as ODESystem,
    Synapse as Synapse,
    discrete as discrete,
    ode as ode,
)
from dynplug.core.parameter import Parameter as Parameter, as_size as as_size, param as param
from dynplug.core.paths import leaves as leaves, lookup as lookup
from dynplug.core.system import DynamicalSystem as DynamicalSystem, Lift as Lift, Sequential as Sequential
