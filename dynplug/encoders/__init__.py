"""Encoders: from values to spikes over time."""

from dynplug.encoders.latency import Latency as Latency
from dynplug.encoders.poisson import Poisson as Poisson
