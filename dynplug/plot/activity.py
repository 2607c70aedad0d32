"""Plots of the activity of units over time."""

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import ArrayLike

from dynplug.errors import ShapeError


def traces(ax: Axes, ts: ArrayLike, values: ArrayLike, *, label: str = "V [mV]", title: str = "") -> None:
    """Plot values (time,) or (time, units) at times `ts` [ms]: a line per unit, or a dot for a single time."""
    ts, values = rows(ts, values)
    ax.plot(ts, values, linewidth=0.8, marker="." if len(ts) == 1 else "")
    ax.set(xlim=limits(ts), xlabel="time [ms]", ylabel=label, title=title)


def rows(ts: ArrayLike, values: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """Times, and the values at each as a row of units; `ShapeError` if they do not fit."""
    ts, values = np.asarray(ts, float), np.asarray(values)
    if len(ts) == 0 or values.shape[:1] != ts.shape:
        raise ShapeError(
            f"Expected one row of values per time, and at least one; got {ts.size} times and shape {values.shape}."
        )
    return ts, values.reshape(len(ts), -1)


def limits(ts: np.ndarray) -> tuple[float, float]:
    """The first and last time with a margin, of half a millisecond if they are equal."""
    edge = 0.02 * float(ts[-1] - ts[0]) or 0.5
    return float(ts[0]) - edge, float(ts[-1]) + edge
