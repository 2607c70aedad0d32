"""Creating and saving figures, without opening a window or touching matplotlib's global state."""

from io import BytesIO
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

_DOTS_PER_INCH = 150


class _ShownInNotebooks(Figure):
    """A figure that a notebook shows without matplotlib's global state, which alone tells it how to show others."""

    def _repr_png_(self) -> bytes:
        drawn = BytesIO()
        self.savefig(drawn, dpi=_DOTS_PER_INCH)
        return drawn.getvalue()


def figure(width: float = 8.0, height: float = 3.0, columns: int = 1, rows: int = 1) -> tuple[Figure, list[Axes]]:
    """A figure of `width` by `height` [inches], which notebooks show, and the axes of its panels, row by row."""
    made = _ShownInNotebooks(figsize=(width, height), layout="constrained")
    return made, list(np.asarray(made.subplots(rows, columns, squeeze=False)).flat)


def formats() -> list[str]:
    """The suffixes of files that `save` writes, as `.png`."""
    return sorted(f".{form}" for form in Figure().canvas.get_supported_filetypes())


def save(drawn: Figure, path: str | Path) -> Path:
    """Save a figure to a file, in the format of its suffix, or as PNG, creating the folder. **Returns:** its path."""
    path = Path(path)
    path = path if path.suffix else path.with_suffix(".png")
    path.parent.mkdir(parents=True, exist_ok=True)
    drawn.savefig(path, dpi=_DOTS_PER_INCH)
    return path
