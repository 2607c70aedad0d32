"""Surrogate derivatives of the spike."""

from typing import Never

from dynplug.plugin import missing_attribute
from dynplug.surrogates.arctan import Arctan as Arctan
from dynplug.surrogates.base import Surrogate as Surrogate
from dynplug.surrogates.gaussian import Gaussian as Gaussian
from dynplug.surrogates.sigmoid import Sigmoid as Sigmoid
from dynplug.surrogates.super_spike import SuperSpike as SuperSpike
from dynplug.surrogates.triangle import Triangle as Triangle


def __getattr__(name: str) -> Never:
    raise missing_attribute(__name__, name, globals())
