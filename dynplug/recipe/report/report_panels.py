"""The figures of a report: learning curves, the model's response to a sample, its weights."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import jax
import numpy as np

from dynplug.plugin import shortened
from dynplug.recipe.report.answering import Answers
from dynplug.recipe.report.epoch_curves import PHASES, at, is_rate
from dynplug.recipe.report.layer_activity import LayerActivity
from dynplug.recipe.report.learned_parameters import LearnedParameter, in_short
from dynplug.recipe.report.reported import Reported

if TYPE_CHECKING:  # no report needs matplotlib
    from matplotlib.axes import Axes
    from matplotlib.lines import Line2D

_CURVES, _RASTERS, _WEIGHTS = 6, 4, 12  # panels at most
_LAYERS = 8  # lines of different colours
_LINES = 20  # in a panel, and of those with a target each
_PAIRS = 4
_CARPET = 400  # numbers at most that an image of them shows
_FEWEST = 16  # numbers that make a histogram
_LABEL = 28  # characters along an axis


class Panel(NamedTuple):
    """A figure: what is drawn is said in a title, and in a sentence for those who cannot see it."""

    title: str
    about: str
    draw: "Callable[[Axes], None]"


def of_learning(reported: Reported) -> list[Panel]:
    """The learning curves, with the best epoch, and the rates of layers where they were tracked."""
    panels: list[Panel] = []
    epoch = None if reported.best is None else reported.best.epoch
    metrics = [name for name in reported.curves if not is_rate(name)]
    for metric in metrics[:_CURVES]:
        by_phase = reported.curves[metric]
        named = {PHASES[phase]: values for phase, values in by_phase.items()}
        ends = ", ".join(f"{name} {at(v, reported.epoch, reported.epoch):.4g}" for name, v in named.items())
        mark = "" if epoch is None else f"; the dotted line is the best epoch, {epoch}"
        about = f"by epoch, in the end {ends}{mark}."
        panels.append(Panel(metric, about, partial(_curve, curves=named, label=metric, best=epoch)))
    return panels + _of_rates(reported)


def _of_rates(reported: Reported) -> list[Panel]:
    """The rates of layers by epoch, a line each."""
    tracked = [name for name in reported.curves if is_rate(name)]
    rates: dict[str, np.ndarray] = {}
    for name in tracked[:_LAYERS]:
        values = list(reported.curves[name].values())[-1]  # of the test data, if they were ever tested
        rates[name.partition("/")[2] or "the model"] = 1e3 * values  # kHz in Hz
    if not rates:
        return []
    ends = ", ".join(f"{layer} {at(v, reported.epoch, reported.epoch):.4g}" for layer, v in rates.items())
    which = "each layer" if len(rates) == len(tracked) else f"the first {len(rates)} of {len(tracked)} layers"
    about = f"mean rate of {which} by epoch, in the end {ends} Hz."
    return [Panel("spike rates", about, partial(_curve, curves=rates, label="rate [Hz]", best=None))]


def of_sample(reported: Reported, answers: Answers | None, layers: Sequence[LayerActivity]) -> list[Panel]:
    """Panels of the first sample: the model's input, the spikes of its layers, and its output."""
    pair, layout, dt = reported.shown, reported.layout, reported.runner.dt
    if pair is None or layout.least_rank == 1:  # without time there is nothing to see of it
        return []
    length = None if pair.lengths is None else int(pair.lengths[0])
    inputs = jax.tree.leaves(layout.batch_first(pair.rows(np.arange(1)).x, ())[0])
    panels = [_of_input(inputs[0][0, :length], dt)] if len(inputs) == 1 else []
    for layer in list(layers)[:_RASTERS]:
        told = f"{int(np.count_nonzero(layer.spikes))} spikes of {layer.spikes.shape[1]} units for this sample."
        panels.append(Panel(layer.path or "spikes", told, partial(_raster, spikes=layer.spikes, dt=dt)))
    if answers is not None:
        panels.append(_of_output(answers, length, dt))
    return panels


def of_weights(parameters: Sequence[LearnedParameter]) -> list[Panel]:
    """The values of each weight, before and after: as an image where they are few, else as a histogram."""
    panels: list[Panel] = []
    for one in parameters:
        matrix, few = one.after.ndim > 1, one.after.size <= _CARPET
        if not one.after.size or not (matrix or (one.trained and one.after.size >= _FEWEST)):
            continue
        shape = " × ".join(map(str, one.after.shape))
        if matrix and few:
            panels.append(Panel(one.path, f"{shape} values after training.", partial(_carpet, weight=one.after)))
            continue
        before = one.before if one.trained else None
        was = f", {in_short(before)} before" if before is not None else ""
        about = f"{shape} values: {in_short(one.after)}{was} (mean ± standard deviation)."
        panels.append(Panel(one.path, about, partial(_histogram, after=one.after, before=before)))
    return panels[:_WEIGHTS]


def _of_input(x: np.ndarray, dt: float) -> Panel:
    rows = x.reshape(len(x), -1)
    if rows.shape[1] > 1 and np.all((rows == 0) | (rows == 1)):
        return Panel(
            "input", f"{int(rows.sum())} spikes of {rows.shape[1]} inputs.", partial(_raster, spikes=rows, dt=dt)
        )
    shown = rows[:, :_LINES]
    about = f"{_some(shown.shape[1], rows.shape[1], 'inputs')} over {len(x)} steps."
    return Panel("input", about, partial(_traces, values=shown, dt=dt, label="input"))


def _of_output(answers: Answers, length: int | None, dt: float) -> Panel:
    out = answers.outputs[0, :length]
    rows = out.reshape(len(out), -1)
    if answers.first is not None:
        true, answer = answers.first
        about = f"{rows.shape[1]} classes: {true} is true, {answer} the answer."
        return Panel("output", about, partial(_scores, scores=rows, dt=dt, true=true, answer=answer))
    target = _target(answers, length, rows)
    if target is None:
        about = f"{_some(min(_LINES, rows.shape[1]), rows.shape[1], 'units')} over {len(rows)} steps."
        return Panel("output", about, partial(_traces, values=rows[:, :_LINES], dt=dt, label="output"))
    shown, wanted = rows[:, :_PAIRS], target[:, :_PAIRS]
    about = f"{_some(shown.shape[1], rows.shape[1], 'units')} over {len(rows)} steps, with their targets."
    return Panel("output and target", about, partial(_with_target, values=shown, target=wanted, dt=dt))


def _target(answers: Answers, length: int | None, rows: np.ndarray) -> np.ndarray | None:
    """The first sample's targets, one for each output at each step; `None` where they are something else."""
    if answers.targets is None or answers.counts is not None:
        return None
    target = np.asarray(answers.targets[0])
    timed = target.ndim and len(target) == answers.outputs.shape[1]
    target = target[:length] if timed else target[None]
    fits = target.reshape(len(target), -1).shape in (rows.shape, (1, rows.shape[1]))
    return np.broadcast_to(target.reshape(len(target), -1), rows.shape) if fits else None


def _some(shown: int, of: int, what: str) -> str:
    return f"{of} {what}" if shown == of else f"The first {shown} of {of} {what}"


def _times(values: np.ndarray, dt: float) -> np.ndarray:
    return dt * (1 + np.arange(len(values)))


def _curve(ax: "Axes", *, curves: Mapping[str, np.ndarray], label: str, best: int | None) -> None:
    from dynplug import plot

    plot.learning_curve(ax, curves, label=shortened(label, _LABEL), best=best)


def _raster(ax: "Axes", *, spikes: np.ndarray, dt: float) -> None:
    from dynplug import plot

    plot.raster(ax, _times(spikes, dt), spikes)


def _traces(ax: "Axes", *, values: np.ndarray, dt: float, label: str) -> None:
    from dynplug import plot

    plot.traces(ax, _times(values, dt), values, label=label)


def _scores(ax: "Axes", *, scores: np.ndarray, dt: float, true: int, answer: int) -> None:
    _traces(ax, values=scores, dt=dt, label="output")
    colours = [line.get_color() for line in ax.lines]
    for n, line in enumerate(ax.lines):
        line.set(color="0.6", linewidth=0.8)
        if n in (true, answer):
            line.set(color=colours[0 if n == true else 1], linewidth=2.0, zorder=3)
    told = {true: f"class {true}, true" + (" and the answer" if answer == true else "")}
    told.setdefault(answer, f"class {answer}, the answer")
    _legend(ax, [ax.lines[n] for n in told], told.values())


def _with_target(ax: "Axes", *, values: np.ndarray, target: np.ndarray, dt: float) -> None:
    _traces(ax, values=values, dt=dt, label="output")
    for n in range(values.shape[1]):
        (line,) = ax.plot(_times(values, dt), target[:, n], "--", color=ax.lines[n].get_color(), linewidth=1.2)
        line.set_marker("." if len(values) == 1 else "")
    _legend(ax, [ax.lines[0], ax.lines[-1]], ["output", "target"])


def _legend(ax: "Axes", lines: "Sequence[Line2D]", names: Iterable[str]) -> None:
    """A legend above the lines."""
    low, high = ax.get_ylim()
    ax.set_ylim(low, high + 0.14 * len(lines) * (high - low))
    ax.legend(lines, names, frameon=False, loc="upper left", borderaxespad=0.0)


def _carpet(ax: "Axes", *, weight: np.ndarray) -> None:
    from dynplug import plot

    plot.weights(ax, weight)


def _histogram(ax: "Axes", *, after: np.ndarray, before: np.ndarray | None) -> None:
    from dynplug import plot

    plot.histogram(ax, after, before)
