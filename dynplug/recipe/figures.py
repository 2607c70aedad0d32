"""Pictures of a training: how it went, what the model does with a sample, what its weights are."""

from typing import Any

import equinox as eqx
import jax
import numpy as np

from dynplug.core import leaves, variables
from dynplug.errors import UnknownNameError
from dynplug.run import LoopOverTime
from dynplug.train.fit import History

_CURVES, _RASTERS, _WEIGHTS, _LINES = 3, 2, 6, 20  # at most, so that a picture stays legible


def draw(runner: Any, inputs: Any) -> dict[str, Any]:
    """Figures of matplotlib by name: `"result"`, curves and activity, and `"weights"`, where there are any.

    **Arguments:**

    - `runner`: a trainer after `fit`.
    - `inputs`: samples, the sample first; the activity is that of the first of them.

    **Raises:** `MissingPackageError` where there is no matplotlib.
    """
    from dynplug import plot

    ts, seen, out = _activity(runner, inputs)
    curves, rasters = _curves(runner.history), list(seen.items())[:_RASTERS]
    figure, axes = plot.figure(width=4.0 * (len(curves) + len(rasters) + 1), columns=len(curves) + len(rasters) + 1)
    panels = iter(axes)
    for metric, of_phase in curves.items():
        plot.learning_curve(next(panels), of_phase, label=metric)
    for path, spikes in rasters:
        plot.raster(next(panels), ts, spikes, title=path)
    plot.traces(next(panels), ts, out, label="output", title="output for one sample")
    figures = {"result": figure}
    matrices = [(path, w) for path, w in variables(runner.target).items() if _is_matrix(w)][:_WEIGHTS]
    if matrices:
        columns, rows = min(3, len(matrices)), -(-len(matrices) // 3)
        figures["weights"], axes = plot.figure(4.0 * columns, 3.0 * rows, columns, rows)
        for ax, (path, weight) in zip(axes, matrices, strict=False):
            plot.weights(ax, weight, title=path)
        for ax in axes[len(matrices) :]:
            ax.set_axis_off()
    return figures


def curve(history: Any, phase: str, metric: str) -> np.ndarray:
    """A metric's values, one an epoch; none where a phase did not measure it at all."""
    if not isinstance(history, History):  # a trainer's own, which may say no more than this
        try:
            return np.asarray(history.metric(phase, metric))
        except UnknownNameError:
            return np.zeros(0)
    epochs = history.epochs(phase)
    measured = any(metric in epoch for epoch in epochs)
    return np.array([epoch.get(metric, np.nan) for epoch in epochs] if measured else [])


def _curves(history: Any) -> dict[str, dict[str, Any]]:
    """One value an epoch, by metric and phase."""
    names = list(history.last("fit"))[:_CURVES]
    curves = {name: {phase: curve(history, phase, name) for phase in ("fit", "test")} for name in names}
    return {name: {phase: c for phase, c in of.items() if len(c)} for name, of in curves.items()}


def _activity(runner: Any, inputs: Any) -> tuple[np.ndarray, dict[str, Any], np.ndarray]:
    """Times, all fields of the state called `spike` by path, and the outputs, for the first of the samples."""
    x = jax.tree.map(lambda a: a[0], inputs)
    model = getattr(runner, "average", runner.target)  # which it predicts with
    loop = LoopOverTime(model, dt=runner.dt)
    state = loop.reset_state(key=jax.random.key(0)).system
    paths = [leaf.path for leaf in leaves(state) if leaf.path.rpartition(".")[2] == "spike"]
    _, (out, seen) = LoopOverTime(model, paths, dt=runner.dt)(x, key=jax.random.key(0))
    first = np.asarray(jax.tree.leaves(out)[0])
    first = first.reshape(len(first), -1)[:, :_LINES]
    return runner.dt * (1 + np.arange(len(first))), dict(zip(paths, seen, strict=True)), first


def _is_matrix(weight: Any) -> bool:
    return eqx.is_inexact_array(weight) and weight.ndim > 1 and weight.size > 0
