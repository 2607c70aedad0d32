"""Figures, and where they go. No window is opened, no global state of matplotlib is touched."""

from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

_DOTS_PER_INCH = 150


def figure(width: float = 8.0, height: float = 3.0, columns: int = 1, rows: int = 1) -> tuple[Figure, list[Axes]]:
    """A figure of panels, `width` by `height` [inches], and its axes, row by row."""
    made = Figure(figsize=(width, height), layout="constrained")
    return made, list(np.asarray(made.subplots(rows, columns, squeeze=False)).flat)


def save(drawn: Figure, path: str | Path) -> Path:
    """Write a figure to a file, whose ending says the format, and make its folder."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    drawn.savefig(path, dpi=_DOTS_PER_INCH)
    return path
