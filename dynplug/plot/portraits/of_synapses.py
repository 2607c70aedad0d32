"""A synapse: its response to one event, and the response of a neuron."""

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike
from matplotlib.figure import Figure

from dynplug.core import Sequential
from dynplug.neurons import LeakyIntegrator
from dynplug.plot.portraits.sitter import Sitter, panels
from dynplug.run import LoopOverTime

_DT, _DURATION, _EVENT = 0.1, 1500.0, 5.0  # [ms]
_REST = -65.0  # [mV]
_PARTS = {"jump": "jump [mV]", "conductance": "conductance [µS]", "current": "current [nA]"}
_OVER = 0.01  # of its maximum, below which a response counts as over


def synapse(sitter: Sitter, figure: Figure) -> None:
    """Above, the response to an event of weight 1; below, its effect on the potential of a leaky neuron at -65 mV."""
    with jax.enable_x64(True):  # else a small move, added to -65 mV in little steps, is lost in rounding
        _draw(sitter, figure)


def _draw(sitter: Sitter, figure: Figure) -> None:
    above, below = panels(figure, 2)
    system, size = sitter.made, sitter.made.in_size
    steps = round(_DURATION / _DT)
    xs = np.zeros((steps, *size))
    xs[round(_EVENT / _DT)] = 1.0
    _, drive = LoopOverTime(system, dt=_DT)(xs, key=jax.random.key(0))
    part = next(name for name in _PARTS if getattr(drive, name) is not None)
    ts, response = _DT * (1 + np.arange(steps)), _first(getattr(drive, part), steps)
    neuron = LeakyIntegrator(size, V_rest=_REST)
    _, potential = LoopOverTime(Sequential(system, neuron), dt=_DT)(jnp.asarray(xs), key=jax.random.key(0))
    move = _first(potential, steps) - _REST
    end = max(_end(ts, response), _end(ts, move))
    above.plot(ts, response)
    above.set(xlabel="time [ms]", ylabel=_PARTS[part], xlim=(0.0, end))
    below.plot(ts, move)
    below.set(xlabel="time [ms]", ylabel="V + 65 [mV]", xlim=(0.0, end))


def _first(values: ArrayLike, steps: int) -> np.ndarray:
    """The values of a first unit, over time."""
    return np.broadcast_to(np.asarray(values).reshape(steps, -1)[:, 0], (steps,))


def _end(ts: np.ndarray, response: np.ndarray) -> float:
    """The time at which a response is over [ms]."""
    size = np.abs(response)
    return float(1.05 * ts[np.flatnonzero(size >= _OVER * size.max())[-1]])
