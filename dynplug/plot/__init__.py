"""Pictures of runs and trainings (matplotlib, from the extra `plot`). Each function draws on given axes."""

from dynplug.errors import MissingPackageError

try:
    import matplotlib as matplotlib
except ImportError as error:
    raise MissingPackageError("Pictures need matplotlib: pip install 'dynplug[plot]'") from error

from dynplug.plot.activity import raster as raster, traces as traces
from dynplug.plot.canvas import figure as figure, save as save
from dynplug.plot.learning import learning_curve as learning_curve, weights as weights
