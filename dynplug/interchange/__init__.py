"""Taking over models that other libraries have trained."""

from dynplug.interchange.brainpy import from_brainpy as from_brainpy
