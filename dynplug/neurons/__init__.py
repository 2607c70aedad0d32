"""Neurons: ODE systems with a membrane potential, or with a rate or a phase in its place."""

from typing import Never

from dynplug.neurons.adex_if import AdExIF as AdExIF
from dynplug.neurons.alif import ALIF as ALIF
from dynplug.neurons.hh import HH as HH
from dynplug.neurons.if_ import IF as IF
from dynplug.neurons.izhikevich import Izhikevich as Izhikevich
from dynplug.neurons.kuramoto import Kuramoto as Kuramoto
from dynplug.neurons.leaky_integrator import LeakyIntegrator as LeakyIntegrator
from dynplug.neurons.lif import LIF as LIF
from dynplug.neurons.threshold_linear import ThresholdLinear as ThresholdLinear
from dynplug.neurons.wilson_cowan import WilsonCowan as WilsonCowan
from dynplug.plugin import missing_attribute


def __getattr__(name: str) -> Never:
    raise missing_attribute(__name__, name, globals())
