"""Plasticity: the window of a rule, and its dependence on rates."""

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure

from dynplug.delivery import Fanout
from dynplug.plasticity import Plasticity, learned
from dynplug.plot.portraits.sitter import Sitter, panels

_LAGS = np.arange(-80, 81, 2)  # [ms]
_PAIRS, _APART, _RATES = 20, 10, np.array([1.0, 2.0, 5.0, 10.0, 20.0, 30.0, 40.0, 50.0])  # -, [ms], [Hz]


def plasticity(sitter: Sitter, figure: Figure) -> None:
    """Above, the change of a weight by one pair, over the time from the arrival to the spike; below, by 20 pairs, over
    the rate at which they are repeated, where the spike comes 10 ms after the arrival, and where it comes before it.
    """
    above, below = panels(figure, 2)
    above.axhline(0.0, color="0.8", linewidth=0.8)
    above.axvline(0.0, color="0.8", linewidth=0.8)
    middle, end = -_LAGS.min() + 1, 2 * _LAGS.max() + 2
    sent, spiked = np.zeros((2, end, len(_LAGS)), np.float32)
    sent[middle], spiked[middle + _LAGS, np.arange(len(_LAGS))] = 1.0, 1.0
    change = _change(sitter.made, sent, spiked)
    for side in (_LAGS < 0, _LAGS >= 0):
        above.plot(_LAGS[side], change[side], color="C0", marker=".", markersize=3)
    above.set(xlabel="spike after arrival [ms]", ylabel="change of weight [-]")

    intervals = np.rint(1000.0 / _RATES).astype(int)
    first = _APART + 1
    length = first + _PAIRS * int(intervals.max())
    for label, shift in (("spike after arrival", _APART), ("spike before arrival", -_APART)):
        sent, spiked = np.zeros((2, length, len(_RATES)), np.float32)
        for unit, interval in enumerate(intervals):
            times = first + interval * np.arange(_PAIRS)
            sent[times, unit], spiked[times + shift, unit] = 1.0, 1.0
        below.plot(_RATES, _change(sitter.made, sent, spiked), marker=".", label=label)
    below.axhline(0.0, color="0.8", linewidth=0.8)
    below.set(xlabel="rate of pairs [Hz]", ylabel="change of weight [-]")
    below.legend(frameon=False)


def _change(rule: Plasticity, sent: np.ndarray, spiked: np.ndarray) -> np.ndarray:
    """The changes of weights in the middle between the bounds, of pairs of units with a connection each."""
    units = np.arange(sent.shape[1])
    fanout, _ = Fanout.of(units, units, len(units), len(units), by_receiver=True)
    weight = jnp.full(len(units), (float(rule.w_min) + float(rule.w_max)) / 2)
    run = jax.jit(lambda sent, spiked: learned(rule, weight, sent, spiked, fanout, dt=1.0, key=jax.random.key(0))[-1])
    return np.asarray(run(sent, spiked) - weight)
