"""The picture of a sweep: what matters, and how."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from dynplug.sweep.results import SweepResult

PICTURE = "sweep.png"
_PANELS = 5  # hyperparameters at most, the most important ones


def draw_sweep(result: SweepResult, folder: Path, say: Callable[[str], None]) -> None:
    """Write `sweep.png`: how much each hyperparameter explains, and the metric against the values of each.

    Without matplotlib there is none, and `say` is told what to install.
    """
    done = [trial for trial in result.trials if trial["status"] == "finished"]
    if not done:
        return
    from dynplug import plot

    paths = list(result.importance)[:_PANELS]
    try:
        figure, axes = plot.figure(width=3.4 * (len(paths) + 1), columns=len(paths) + 1)
    except ImportError as error:
        say(f"No picture was made: {error}")
        return
    shares = [result.importance[path] for path in paths]
    axes[0].barh(range(len(paths)), [0.0 if math.isnan(share) else share for share in shares], color="0.5")
    axes[0].set(xlim=(0.0, 1.0), xlabel=f"share of the variance of {result.search.metric} [-]")
    axes[0].set_yticks(range(len(paths)), [path.rpartition(".")[2] for path in paths])
    axes[0].invert_yaxis()
    for ax, path in zip(axes[1:], paths, strict=True):
        _scatter(ax, [t["values"][path] for t in done], [t["value"] for t in done], result.search.space.is_log(path))
        ax.set(xlabel=path, ylabel=result.search.metric)
    figure.savefig(folder / PICTURE, dpi=150)


def _scatter(ax: Any, values: list[Any], metric: list[float], log: bool) -> None:
    if all(isinstance(v, (int, float)) and not isinstance(v, bool) for v in values):
        ax.plot(values, metric, ".")
        if log:
            ax.set_xscale("log")
        return
    names = list(dict.fromkeys(map(str, values)))
    places = np.array([names.index(str(value)) for value in values])
    ax.plot(places, metric, ".")
    ax.set_xticks(range(len(names)), names)
    ax.margins(x=0.3)
