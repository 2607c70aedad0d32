"""The picture of a sweep: the importance of hyperparameters, and their effect on the metric."""

import math
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from dynplug.sweep.results import SweepResult

if TYPE_CHECKING:  # no sweep needs matplotlib
    from matplotlib.axes import Axes

PICTURE = "sweep.png"
_PANELS = 5  # hyperparameters at most, the most important ones


def draw_sweep(result: SweepResult, folder: Path, say: Callable[[str], None]) -> None:
    """Write `sweep.png`: the share that each hyperparameter explains, and the metric against the values of each.

    Without matplotlib there is none, and `say` is told what to install.
    """
    done = [trial for trial in result.trials if trial["status"] == "finished"]
    if not done:
        return
    paths = list(result.importance)[:_PANELS]
    shares = {path: 0.0 if math.isnan(share := result.importance[path]) else share for path in paths}
    metric, space = result.search.metric, result.search.space
    panels = [partial(_shares, shares=shares, metric=metric)]
    for path in paths:
        of = [t["values"][path] for t in done], [t["value"] for t in done]
        panels.append(partial(_scatter, values=of[0], metric=of[1], log=space.is_log(path), labels=(path, metric)))
    try:
        from dynplug import plot

        plot.sheet(panels, columns=3).savefig(folder / PICTURE, dpi=150)
    except ImportError as error:
        say(f"No picture was made: {error}")


def _shares(ax: "Axes", *, shares: dict[str, float], metric: str) -> None:
    ax.barh(range(len(shares)), list(shares.values()), color="0.5")
    ax.set(xlim=(0.0, 1.0), xlabel=f"share of the variance of {metric} [-]")
    ax.set_yticks(range(len(shares)), [path.rpartition(".")[2] for path in shares])
    ax.invert_yaxis()


def _scatter(ax: "Axes", *, values: Sequence[object], metric: list[float], log: bool, labels: tuple[str, str]) -> None:
    ax.set(xlabel=labels[0], ylabel=labels[1])
    numbers = [v for v in values if isinstance(v, (int, float)) and not isinstance(v, bool)]
    if len(numbers) == len(values):
        ax.plot(numbers, metric, ".")
        if log:
            ax.set_xscale("log")
        return
    names = list(dict.fromkeys(map(str, values)))
    places = np.array([names.index(str(value)) for value in values])
    ax.plot(places, metric, ".")
    ax.set_xticks(range(len(names)), names)
    ax.margins(x=0.3)
