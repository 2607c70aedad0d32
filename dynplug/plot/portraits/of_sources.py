"""A source: its output over time, and the output accumulated so far."""

import jax
import numpy as np
from matplotlib.figure import Figure

from dynplug.plot.portraits.sitter import Sitter, panels
from dynplug.run import LoopOverTime

_DT, _DURATION = 0.1, 100.0  # [ms]
_UNITS = 8  # that are drawn, at most


def source(sitter: Sitter, figure: Figure) -> None:
    """Above, the output of each unit; below, its integral since the start: the number of spikes, or the charge."""
    above, below = panels(figure, 2)
    loop = LoopOverTime(sitter.made, dt=_DT)
    state, out = loop(_DURATION, key=jax.random.key(0))
    spikes = getattr(state.system, "spike", None) is not None
    rows = np.asarray(out, float).reshape(round(_DURATION / _DT), -1)[:, :_UNITS]
    ts = _DT * np.arange(1, 1 + len(rows))
    if spikes:
        step, unit = np.nonzero(rows)
        above.scatter(ts[step], unit, marker="|", color="black")
        above.set(ylabel="unit [index]", yticks=range(rows.shape[1]), ylim=(-0.5, rows.shape[1] - 0.5))
    else:
        above.plot(ts, rows, linewidth=0.8)
        above.set(ylabel="output [nA]")
    below.plot(ts, np.cumsum(rows, axis=0) * (1.0 if spikes else _DT))
    below.set(ylabel="spikes [number]" if spikes else "charge [pC]")
    for ax in (above, below):
        ax.set(xlabel="time [ms]", xlim=(0.0, _DURATION))
