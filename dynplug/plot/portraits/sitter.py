"""The component that a portrait shows, and the panels to draw it in."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure


@dataclass(frozen=True)
class Sitter:
    """A component that is drawn.

    **Attributes:**

    - `made`: an instance; of a runner, a function of the model and options that makes one.
    - `target`: its class, or the function itself.
    - `name`: its name.
    - `capabilities`: those of its spec.
    """

    made: Any
    target: Any
    name: str
    capabilities: tuple[str, ...] = ()


Drawer = Callable[[Sitter, Figure], None]

_HEIGHT = 2.1  # of a panel [inches]


def panels(figure: Figure, rows: int, columns: int = 1) -> list[Axes]:
    """Panels row by row, in a figure that becomes as high as they need."""
    figure.set_figheight(_HEIGHT * rows)
    return list(np.asarray(figure.subplots(rows, columns, squeeze=False)).flat)
