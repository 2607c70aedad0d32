"""A connector: its connections, and how many a unit has."""

import jax
import numpy as np
from matplotlib.figure import Figure

from dynplug.plot.portraits.sitter import Sitter, panels
from dynplug.plot.portraits.ticks import at_whole_numbers

_UNITS = 40


def connector(sitter: Sitter, figure: Figure) -> None:
    """Above, the connections of 40 units with 40, black where there is one; below, how many units have a degree."""
    above, below = panels(figure, 2)
    figure.set_figheight(1.35 * figure.get_figheight())
    made = sitter.made(_UNITS, _UNITS, key=jax.random.key(0))
    mask = np.asarray(made.mask)
    above.imshow(mask, cmap="Greys", vmin=0, vmax=1, interpolation="nearest")
    above.set(xlabel="sending unit [index]", ylabel="receiving unit [index]")
    incoming, outgoing = mask.sum(axis=1), mask.sum(axis=0)
    edges = np.arange(min(incoming.min(), outgoing.min()), max(incoming.max(), outgoing.max()) + 2) - 0.5
    counts, _, _ = below.hist([incoming, outgoing], bins=list(edges), label=["received", "sent"])
    room = 1.35 * float(np.max(counts))  # for the legend
    below.set(xlabel="connections of a unit [number]", ylabel="units [number]", ylim=(0.0, room))
    below.legend(frameon=False, ncols=2, loc="upper right")
    at_whole_numbers(below.xaxis)
