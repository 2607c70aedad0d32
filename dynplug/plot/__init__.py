"""Plots of runs, training and components, drawn on given axes by matplotlib (the extra `plot`)."""

from dynplug.errors import MissingPackageError

try:
    import matplotlib as matplotlib
except ImportError as error:
    raise MissingPackageError("Plots need matplotlib: pip install 'dynplug[plot]'") from error

from dynplug.network import diagram as diagram
from dynplug.plot.activity import traces as traces
from dynplug.plot.canvas import figure as figure, formats as formats, save as save
from dynplug.plot.learning import (
    histogram as histogram,
    learning_curve as learning_curve,
    learning_rates as learning_rates,
    weights as weights,
)
from dynplug.plot.portrait import caption as caption, portrait as portrait
from dynplug.plot.rasters import psth as psth, raster as raster
from dynplug.plot.sheet import inline_svg as inline_svg, sheet as sheet
