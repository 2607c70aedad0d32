"""Pictures of runs and trainings (matplotlib, from the extra `plot`). Each function draws on given axes."""

from typing import Any

import numpy as np

try:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
except ImportError as error:
    raise ImportError("Pictures need matplotlib: pip install 'dynplug[plot]'") from error


def figure(width: float = 8.0, height: float = 3.0, columns: int = 1) -> tuple[Figure, list[Axes]]:
    """A figure of `columns` panels side by side, `width` by `height` [inches], for `figure.savefig(path)`."""
    made = Figure(figsize=(width, height), layout="constrained")
    return made, list(np.atleast_1d(np.asarray(made.subplots(1, columns))))


def raster(ax: Axes, ts: Any, spikes: Any, *, title: str = "") -> None:
    """Spikes (time, units) at times `ts` [ms]: a dot per spike."""
    spikes = np.asarray(spikes).reshape(len(ts), -1)
    step, unit = np.nonzero(spikes)
    ax.scatter(np.asarray(ts)[step], unit, s=4, marker="|", color="black")
    edge = 0.02 * float(ts[-1] - ts[0])
    ax.set(xlim=(float(ts[0]) - edge, float(ts[-1]) + edge), ylim=(-1, spikes.shape[1]))
    ax.set(xlabel="time [ms]", ylabel="unit", title=title)


def traces(ax: Axes, ts: Any, values: Any, *, label: str = "V [mV]", title: str = "") -> None:
    """Values (time,) or (time, units) at times `ts` [ms]: a line per unit."""
    ax.plot(np.asarray(ts), np.asarray(values).reshape(len(ts), -1), linewidth=0.8)
    ax.set(xlabel="time [ms]", ylabel=label, title=title)


def learning_curve(ax: Axes, curves: dict[str, Any], *, label: str, title: str = "") -> None:
    """Curves by name, one value an epoch each."""
    for name, values in curves.items():
        ax.plot(np.arange(1, len(values) + 1), values, label=name)
    ax.set(xlabel="epoch", ylabel=label, title=title)
    if curves:
        ax.legend(frameon=False)
