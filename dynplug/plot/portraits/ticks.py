"""Placement of the ticks of an axis."""

from matplotlib.axis import Axis
from matplotlib.ticker import MaxNLocator


def at_whole_numbers(*axes: Axis) -> None:
    """Put the ticks at whole numbers, however few of them there are to see."""
    for axis in axes:
        axis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
