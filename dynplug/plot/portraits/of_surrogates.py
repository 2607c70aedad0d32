"""A surrogate derivative."""

import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure

from dynplug.plot.portraits.sitter import Sitter, panels

_REACH = 3.0  # [mV]


def surrogate(sitter: Sitter, figure: Figure) -> None:
    """Above, the spike over the distance to the threshold; below, the derivative that takes the place of its own."""
    above, below = panels(figure, 2)
    x = np.linspace(-_REACH, _REACH, 601, dtype=np.float32)
    above.plot(x, np.asarray(sitter.made(jnp.asarray(x))), drawstyle="steps-post")
    above.set(xlabel="V - V_th [mV]", ylabel="spike [-]")
    below.plot(x, np.asarray(sitter.made.derivative(jnp.asarray(x))))
    below.axhline(0.0, color="0.8", zorder=0, linewidth=0.8)
    below.set(xlabel="V - V_th [mV]", ylabel="derivative [1/mV]")
