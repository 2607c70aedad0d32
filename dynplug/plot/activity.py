"""Plots of the activity of units over time."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes

from dynplug.errors import ShapeError


def raster(ax: Axes, ts: Any, spikes: Any, *, title: str = "") -> None:
    """Plot spikes (time, units) at times `ts` [ms] as a raster."""
    ts, spikes = _rows(ts, spikes)
    step, unit = np.nonzero(spikes)
    ax.scatter(ts[step], unit, s=4, marker="|", color="black")
    ax.set(xlim=_limits(ts), ylim=(-1, spikes.shape[1]), xlabel="time [ms]", ylabel="unit", title=title)


def traces(ax: Axes, ts: Any, values: Any, *, label: str = "V [mV]", title: str = "") -> None:
    """Plot values (time,) or (time, units) at times `ts` [ms]: a line per unit, or a dot for a single time."""
    ts, values = _rows(ts, values)
    ax.plot(ts, values, linewidth=0.8, marker="." if len(ts) == 1 else "")
    ax.set(xlim=_limits(ts), xlabel="time [ms]", ylabel=label, title=title)


def _rows(ts: Any, values: Any) -> tuple[np.ndarray, np.ndarray]:
    ts, values = np.asarray(ts, float), np.asarray(values)
    if len(ts) == 0 or values.shape[:1] != ts.shape:
        raise ShapeError(
            f"Expected one row of values per time, and at least one; got {ts.size} times and shape {values.shape}."
        )
    return ts, values.reshape(len(ts), -1)


def _limits(ts: np.ndarray) -> tuple[float, float]:
    """The first and last time with a margin, of half a millisecond if they are equal."""
    edge = 0.02 * float(ts[-1] - ts[0]) or 0.5
    return float(ts[0]) - edge, float(ts[-1]) + edge
