"""An encoder: the spikes of values."""

import jax
import numpy as np
from matplotlib.figure import Figure

from dynplug.plot.portraits.sitter import Sitter, panels
from dynplug.plot.portraits.ticks import at_whole_numbers

_VALUES, _REPEATS = 26, 200


def encoder(sitter: Sitter, figure: Figure) -> None:
    """Above, the spikes of values from 0 to 1; below, their number over the value, the mean of 200 codes."""
    above, below = panels(figure, 2)
    values = np.linspace(0.0, 1.0, _VALUES)
    many = np.broadcast_to(values, (_REPEATS, _VALUES))
    code = np.asarray(sitter.made(many, key=jax.random.key(0)))
    step, at = np.nonzero(code[:, 0])
    above.scatter(step, values[at], marker="|", color="black")
    above.set(xlabel="time [steps]", ylabel="value [-]", xlim=(-0.5, len(code) - 0.5))
    at_whole_numbers(above.xaxis)
    below.plot(values, code.sum(axis=0).mean(axis=0), marker=".")
    below.set(xlabel="value [-]", ylabel="spikes [number]", ylim=(0.0, None))
