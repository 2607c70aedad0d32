"""Plots of learning curves and trained weights."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from dynplug.plot.portraits import at_whole_numbers


def learning_curve(ax: Axes, curves: Mapping[str, Any], *, label: str, title: str = "", each: str = "epoch") -> None:
    """Plot curves by name, with one value per epoch, `"report"` or `"step"`; a single value is a dot."""
    for name, values in curves.items():
        ax.plot(np.arange(1, len(values) + 1), values, label=name, marker="." if len(values) == 1 else "")
    at_whole_numbers(ax.xaxis)
    ax.set(xlabel=each, ylabel=label, title=title)
    if curves:
        ax.legend(frameon=False)


def learning_rates(ax: Axes, rates: Any, losses: Any, smoothed: Any, suggestion: float) -> None:
    """Plot the loss over learning rates, each and smoothed, and mark the rate that is suggested."""
    ax.plot(rates, losses, ".", color="0.7", markersize=4, label="each step")
    ax.plot(rates, smoothed, label="smoothed")
    ax.axvline(suggestion, color="C1", linestyle="--", label=f"suggested: {suggestion:.2g}")
    ax.set(xscale="log", xlabel="learning rate [-]", ylabel="loss [-]")
    ax.legend(frameon=False)


def weights(ax: Axes, weight: Any, *, title: str = "") -> None:
    """Plot a weight (out, in) as an image, blue below zero and red above; a kernel has one row per output."""
    weight = np.asarray(weight, float)
    weight = weight.reshape(len(weight), -1)
    limit = float(np.max(np.abs(weight), initial=0.0)) or 1.0
    image = ax.imshow(weight, cmap="RdBu_r", vmin=-limit, vmax=limit, aspect="auto", interpolation="nearest")
    ax.figure.colorbar(image, ax=ax)
    ax.set(xlabel="in", ylabel="out", title=title)
    at_whole_numbers(ax.xaxis, ax.yaxis)
