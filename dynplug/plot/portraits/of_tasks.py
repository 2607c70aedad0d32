"""A task: some of its samples."""

import jax
import numpy as np
from matplotlib.figure import Figure

from dynplug.plot.portraits.sitter import Sitter, panels

_SAMPLES = 3
_LINES = 6  # inputs up to which a sample is drawn as lines, not as an image
_STEPS = 400


def task(sitter: Sitter, figure: Figure) -> None:
    """The inputs over time of the first samples for training, each with its target."""
    x, y = (np.asarray(a) for a in sitter.made.load(jax.random.key(0)).train)
    shown = min(_SAMPLES, len(x))
    for n, ax in enumerate(panels(figure, shown)):
        sample = np.asarray(x[n], float).reshape(len(x[n]), -1)[:_STEPS]
        if sample.shape[1] <= _LINES:
            ax.plot(sample, linewidth=1.0)
            ax.set(xlabel="time [steps]", ylabel="input [-]")
        else:
            ax.imshow(sample.T, cmap="Greys", aspect="auto", interpolation="nearest", origin="lower")
            ax.set(xlabel="time [steps]", ylabel="input [index]")
        if np.ndim(y[n]) == 0:
            ax.set_title(f"target {y[n]}", fontsize="medium")
