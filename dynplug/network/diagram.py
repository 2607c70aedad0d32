"""A network as a picture."""

from itertools import count
from typing import TYPE_CHECKING

import numpy as np

from dynplug.core import DynamicalSystem, children
from dynplug.network.drawn_edge import DrawnEdge

if TYPE_CHECKING:  # no network needs matplotlib
    from matplotlib.axes import Axes

_RADIUS, _APART = 1.0, 0.18  # of the circle of populations; between the arrows of one pair


def diagram(ax: "Axes", net: DynamicalSystem) -> None:
    """Draw a network: its populations on a circle, its projections as arrows with their names.

    Gap junctions are lines with a bar at both ends. Projections of one pair of populations lie beside each other.

    **Arguments:**

    - `ax`: axes of matplotlib.
    - `net`: a `dynplug.Network`.
    """
    parts = dict(children(net))
    edges = {name: part for name, part in parts.items() if isinstance(part, DrawnEdge)}
    names = [name for name in parts if name not in edges]
    angles = np.pi / 2 - 2 * np.pi * np.arange(len(names)) / len(names)
    places = {name: _RADIUS * np.array([np.cos(a), np.sin(a)]) for name, a in zip(names, angles, strict=True)}
    beside: dict[tuple[str, str], count[int]] = {}
    for name, edge in edges.items():
        for source, target, style in edge.arrows():
            turn = _APART * (1 + next(beside.setdefault((source, target), count())))
            _arrow(ax, places[source], places[target], turn, style, name)
    for name, place in places.items():
        units = " × ".join(map(str, getattr(parts[name], "out_size", None) or ()))
        box = {"boxstyle": "round,pad=0.4", "facecolor": "white", "edgecolor": "0.3"}
        ax.annotate(f"{name}\n{units}", tuple(place), ha="center", va="center", bbox=box, zorder=3)
    ax.set(xlim=(-1.6, 1.6), ylim=(-1.5, 1.6), aspect="equal")
    ax.axis("off")


def _arrow(ax: "Axes", start: np.ndarray, end: np.ndarray, turn: float, style: str, label: str) -> None:
    """An arrow that bends to its left, or a loop away from the centre; its label at its middle."""
    from matplotlib.patches import FancyArrowPatch  # of the extra `plot`

    if np.allclose(start, end):
        out = start / np.linalg.norm(start)
        side = np.array([-out[1], out[0]])
        start, end = start + 0.12 * side, end - 0.12 * side
        bend, middle = -3.0 - 4.0 * turn, start - 0.12 * side + (0.42 + turn) * out
    else:
        along = end - start
        bend, middle = turn, (start + end) / 2 - turn / 2 * np.array([-along[1], along[0]])
    ax.add_patch(
        FancyArrowPatch(
            tuple(start),
            tuple(end),
            connectionstyle=f"arc3,rad={bend}",
            arrowstyle=style,
            mutation_scale=14,
            shrinkA=20,
            shrinkB=20,
            color="0.4",
        )
    )
    paper = {"boxstyle": "round,pad=0.1", "facecolor": "white", "edgecolor": "none"}
    ax.annotate(label, tuple(middle), ha="center", va="center", fontsize="small", color="0.2", bbox=paper)
