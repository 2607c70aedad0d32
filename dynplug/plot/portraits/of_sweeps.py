"""Samplers and launchers on the trials of a small sweep."""

import itertools
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from dynplug.errors import ConfigError
from dynplug.plot.portraits.sitter import Sitter, panels
from dynplug.search import Outcome, Sampler, Search, Space, Trial

_POINTS, _TRIALS = 60, 4
_BEST = (0.3, -2.0)  # of the toy objective
_RECIPE: dict[str, Any] = {
    "seed": 0,
    "task": {"type": "digits", "test_share": 0.9, "encoder": {"type": "latency", "num_step": 4}},
    "model": {"type": "Dense", "in_size": 64, "out_size": 10},
    "runner": {"type": "BPTT", "dt": 1.0, "loss_fun": "cross_entropy"},
    "fit": {"num_epoch": 2, "batch_size": 64},
}


def sampler(sitter: Sitter, figure: Figure) -> None:
    """The trials that it chooses in two dimensions, where less is better near the cross; late ones are dark."""
    (ax,) = panels(figure, 1)
    with tempfile.TemporaryDirectory() as folder:
        try:
            points = _sampled(sitter.made, Path(folder), {"x": {"uniform": [0, 1]}, "y": {"loguniform": [1e-4, 1]}})
        except ConfigError:  # it takes lists alone
            points = _sampled(
                sitter.made, Path(folder), {"x": {"linspace": [0, 1, 7]}, "y": {"geomspace": [1e-4, 1, 5]}}
            )
    x, y = np.array(points).T
    ax.scatter(x, y, c=np.arange(len(x)), cmap="Blues", edgecolors="0.5", linewidths=0.3, s=16, vmin=-len(x) / 4)
    ax.plot(_BEST[0], 10.0 ** _BEST[1], "+", color="C3", markersize=10)
    ax.set(yscale="log", xlabel="hyperparameter x [-]", ylabel="hyperparameter y [-]")


def _sampled(made: Sampler, folder: Path, space: Mapping[str, object]) -> list[tuple[float, float]]:
    search = Search(Space.parse(space), folder=folder)
    points: list[tuple[float, float]] = []
    for number in range(_POINTS):
        values = made.ask(search, number)
        if values is None:
            break
        points.append((values["x"], values["y"]))
        far = (values["x"] - _BEST[0]) ** 2 + (np.log10(values["y"]) - _BEST[1]) ** 2
        made.tell(search, values, Outcome(number, "finished", float(far)))
    return points


def launcher(sitter: Sitter, figure: Figure) -> None:
    """A bar for each trial, from its start until its outcome."""
    (ax,) = panels(figure, 1)
    taken: dict[int, float] = {}
    ended: dict[int, float] = {}
    with tempfile.TemporaryDirectory() as folder:

        def trials() -> Iterator[Trial]:
            for number in range(_TRIALS):
                home = Path(folder, str(number))
                home.mkdir()
                (home / "trial.json").write_text("{}")
                taken[number] = time.perf_counter()
                yield Trial(number, {"seed": number}, {**_RECIPE, "seed": number}, str(home))

        for outcome in sitter.made.launch(trials()):
            ended[outcome.number] = time.perf_counter()
    began = min(itertools.chain(taken.values()))
    for number, end in ended.items():
        ax.barh(number, end - taken[number], left=taken[number] - began, color="C0", height=0.6)
    ax.set(xlabel="time [s]", ylabel="trial [number]", yticks=range(_TRIALS))
    ax.invert_yaxis()
