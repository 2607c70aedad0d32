"""What units do over time."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes

from dynplug.errors import ShapeError


def raster(ax: Axes, ts: Any, spikes: Any, *, title: str = "") -> None:
    """Spikes (time, units) at times `ts` [ms]: a mark per spike."""
    ts, spikes = _rows(ts, spikes)
    step, unit = np.nonzero(spikes)
    ax.scatter(ts[step], unit, s=4, marker="|", color="black")
    ax.set(xlim=_limits(ts), ylim=(-1, spikes.shape[1]), xlabel="time [ms]", ylabel="unit", title=title)


def traces(ax: Axes, ts: Any, values: Any, *, label: str = "V [mV]", title: str = "") -> None:
    """Values (time,) or (time, units) at times `ts` [ms]: a line per unit, and a dot where there is but one time."""
    ts, values = _rows(ts, values)
    ax.plot(ts, values, linewidth=0.8, marker="." if len(ts) == 1 else "")
    ax.set(xlim=_limits(ts), xlabel="time [ms]", ylabel=label, title=title)


def _rows(ts: Any, values: Any) -> tuple[np.ndarray, np.ndarray]:
    ts, values = np.asarray(ts, float), np.asarray(values)
    if len(ts) == 0 or values.shape[:1] != ts.shape:
        raise ShapeError(
            f"There are {ts.size} times for values of shape {values.shape}: give a row per time, one at least."
        )
    return ts, values.reshape(len(ts), -1)


def _limits(ts: np.ndarray) -> tuple[float, float]:
    """The first and last time with room on both sides, half a millisecond where they are the same."""
    edge = 0.02 * float(ts[-1] - ts[0]) or 0.5
    return float(ts[0]) - edge, float(ts[-1]) + edge
