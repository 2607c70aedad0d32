"""Plots of learning curves and trained weights."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import ArrayLike

from dynplug.plot.portraits import at_whole_numbers

_BINS = range(5, 41)  # of a histogram


def learning_curve(
    ax: Axes,
    curves: Mapping[str, Sequence[float] | np.ndarray],
    *,
    label: str,
    title: str = "",
    each: str = "epoch",
    best: int | None = None,
) -> None:
    """Plot curves by name, with one value per epoch, `"report"` or `"step"`; a single value is a dot.

    The number of the `best` one, if it is given, is marked by a line.
    """
    for name, values in curves.items():
        ax.plot(np.arange(1, len(values) + 1), values, label=name, marker="" if _makes_a_line(values) else ".")
    if best is not None:
        ax.axvline(best, color="0.5", linestyle=":", label=f"best: {best}")
    at_whole_numbers(ax.xaxis)
    ax.set(xlabel=each, ylabel=label, title=title)
    if curves:
        ax.legend(frameon=False)


def learning_rates(ax: Axes, rates: ArrayLike, losses: ArrayLike, smoothed: ArrayLike, suggestion: float) -> None:
    """Plot the loss over learning rates, each and smoothed, and mark the rate that is suggested."""
    ax.plot(rates, losses, ".", color="0.7", markersize=4, label="each step")
    ax.plot(rates, smoothed, label="smoothed")
    ax.axvline(suggestion, color="C1", linestyle="--", label=f"suggested: {suggestion:.2g}")
    ax.set(xscale="log", xlabel="learning rate [-]", ylabel="loss [-]")
    ax.legend(frameon=False)


def histogram(
    ax: Axes, values: ArrayLike, before: ArrayLike | None = None, *, label: str = "value", title: str = ""
) -> None:
    """Plot a histogram of values, and one of earlier values as an outline. Values that are not finite are left out."""
    after, former = (_finite(given) for given in (values, np.zeros(0) if before is None else before))
    bins = min(_BINS[-1], max(_BINS[0], int(np.sqrt(after.size))))
    edges = np.histogram_bin_edges(np.concatenate([after, former]), bins).tolist()
    ax.hist(after, edges, label="after" if before is not None else None)
    if before is not None:
        ax.hist(former, edges, histtype="step", color="black", label="before")
        ax.legend(frameon=False)
    at_whole_numbers(ax.yaxis)
    ax.set(xlabel=label, ylabel="number", title=title)


def weights(ax: Axes, weight: ArrayLike, *, title: str = "") -> None:
    """Plot a weight (out, in) as an image, blue below zero and red above; a kernel has one row per output."""
    weight = np.asarray(weight, float)
    weight = weight.reshape(len(weight), -1)
    limit = float(np.max(np.abs(weight), initial=0.0)) or 1.0
    image = ax.imshow(weight, cmap="RdBu_r", vmin=-limit, vmax=limit, aspect="auto", interpolation="nearest")
    ax.figure.colorbar(image, ax=ax)
    ax.set(xlabel="in", ylabel="out", title=title)
    at_whole_numbers(ax.xaxis, ax.yaxis)


def _finite(values: ArrayLike) -> np.ndarray:
    values = np.asarray(values, float).ravel()
    return values[np.isfinite(values)]


def _makes_a_line(values: ArrayLike) -> bool:
    """Whether two values that are finite follow upon each other."""
    finite = np.isfinite(np.asarray(values, float))
    return bool(np.any(finite[1:] & finite[:-1]))
