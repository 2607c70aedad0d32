"""A layer: its outputs under a pulse of one input, and its weights."""

import jax
import numpy as np
from matplotlib.figure import Figure

from dynplug.core import DynamicalSystem, ODESystem, leaves, nodes
from dynplug.plot.portraits.sitter import Sitter, panels
from dynplug.plot.portraits.ticks import at_whole_numbers
from dynplug.run import LoopOverTime

_STEPS, _PULSE = 60, slice(10, 30)
_FINE = 20  # steps of an equation for each of a layer's, of 1 ms
_UNITS = 8  # that are drawn, at most


def layer(sitter: Sitter, figure: Figure) -> None:
    """Above, the outputs while the first input is 1, shaded, and otherwise 0; below, the weights.

    They are those in training, unless the layer needs the statistics of a batch for them.
    """
    system = sitter.made
    weights = _weights(system)
    above, *rest = panels(figure, 2 if weights is not None else 1)
    fine = _FINE if any(isinstance(node, ODESystem) for node in nodes(system).values()) else 1
    xs = np.zeros((_STEPS * fine, *_size(system)), np.float32)
    pulse = slice(_PULSE.start * fine, _PULSE.stop * fine)
    xs.reshape(len(xs), -1)[pulse, :1] = 1.0
    fit = not any(leaf.statistic for leaf in leaves(system))
    loop = LoopOverTime(system, dt=1.0 / fine, shared_arg={"fit": fit})
    _, out = loop(xs, key=jax.random.key(0))
    ys = np.asarray(jax.tree.leaves(out)[0], float).reshape(len(xs), -1)
    ts = np.arange(1, 1 + len(xs)) / fine
    above.axvspan(_PULSE.start + 0.5, _PULSE.stop + 0.5, color="0.93", zorder=0)
    for unit in range(min(_UNITS, ys.shape[1])):
        above.plot(ts, ys[:, unit], marker="" if fine > 1 else ".", linewidth=1.0, label=f"unit {unit}")
    above.set(xlabel="time [ms], a step being 1 ms" if fine == 1 else "time [ms]", ylabel="output [-]")
    above.margins(y=0.1)
    if weights is not None:
        path, matrix = weights
        limit = float(np.max(np.abs(matrix), initial=0.0)) or 1.0
        image = rest[0].imshow(matrix, cmap="RdBu_r", vmin=-limit, vmax=limit, aspect="auto", interpolation="nearest")
        figure.colorbar(image, ax=rest[0], label=f"{path} [-]")
        rest[0].set(xlabel="in [index]", ylabel="out [index]")
        at_whole_numbers(rest[0].xaxis, rest[0].yaxis)


def _size(system: DynamicalSystem) -> tuple[int, ...]:
    size = getattr(system, "in_size", None)
    return (1,) if size is None else size


def _weights(system: DynamicalSystem) -> tuple[str, np.ndarray] | None:
    """The first matrix among a system's parameters, with its path."""
    found = ((leaf.path, np.asarray(leaf.value)) for leaf in leaves(system) if np.ndim(leaf.value) == 2)
    return next(((path, w.astype(float)) for path, w in found if w.dtype.kind == "f"), None)
