"""A page about a training: one file of HTML that needs no other, to be read or sent years later."""

import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from dynplug.recipe.report.answering import Answers, answers_of
from dynplug.recipe.report.epoch_curves import PHASES, at, is_rate
from dynplug.recipe.report.html_parts import code, counts_table, facts, figure, figures, page, paragraph, table
from dynplug.recipe.report.layer_activity import LayerActivity, layer_activity
from dynplug.recipe.report.learned_parameters import LearnedParameter, in_short, learned_parameters
from dynplug.recipe.report.made_with import circumstances, versions
from dynplug.recipe.report.report_panels import Panel, of_learning, of_sample, of_weights
from dynplug.recipe.report.report_summary import summary
from dynplug.recipe.report.reported import Reported

if TYPE_CHECKING:  # no report needs matplotlib
    from matplotlib.axes import Axes

REPORT, PICTURES = "report.html", ("result.png", "weights.png")
_CLASSES = 30  # of which all counts are shown; of more, those that are confused most
_CONFUSED = 15
_DPI = 150


def write_report(folder: str | Path, reported: Reported, say: Callable[[str], None] = print) -> None:
    """Write `report.html`, and the figures in it as files of their own, into a run's folder.

    Without matplotlib there are no figures, and `say` is told what to install. Of several processes that trained
    together each calls it: the model runs in all, and one writes.

    **Arguments:**

    - `folder`: the run's folder.
    - `reported`: the training.
    - `say`: gets a line where something is missing.
    """
    folder = Path(folder)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what there is to be said, the training has said
        answers, (layers, few) = answers_of(reported), layer_activity(reported)
    if not reported.runner.writes:
        return
    parameters = learned_parameters(reported)
    learning, sample, weights = of_learning(reported), of_sample(reported, answers, layers), of_weights(parameters)
    try:
        _draw(folder, dict(zip(PICTURES, ([*learning, *sample], weights), strict=True)))
        drawn = [_inline(panels, name) for name, panels in (("l", learning), ("s", sample), ("w", weights))]
    except ImportError as error:
        say(f"No picture was made: {error}")
        drawn = [""] * 3
    sections = {
        "Results": _results(reported),
        "Learning": drawn[0],
        f"Classification of the {_which(reported)} data": _confusions(reported, answers),
        f"The first sample of the {_which(reported)} data": drawn[1],
        "Spike rates": _rates(reported, layers, few),
        "Parameters": f"{drawn[2]}\n{_parameters(parameters)}",
        "How it was made": facts(circumstances(reported)),
        "Configuration": code(reported.config) if reported.config else "",
        "Versions": table(["what", "version", ""], versions()),
    }
    (folder / REPORT).write_text(page(reported.title, summary(reported, answers), sections), encoding="utf-8")


def _draw(folder: Path, pictures: dict[str, Sequence[Panel]]) -> None:
    from dynplug import plot

    for name, panels in pictures.items():
        (folder / name).unlink(missing_ok=True)
        if panels:
            draws = [_titled(panel) for panel in panels]
            plot.sheet(draws).savefig(folder / name, dpi=_DPI)


def _titled(panel: Panel) -> "Callable[[Axes], None]":
    def draw(ax: "Axes") -> None:
        panel.draw(ax)
        ax.set_title(panel.title)

    return draw


def _inline(panels: Sequence[Panel], prefix: str) -> str:
    from dynplug import plot

    drawn = [plot.inline_svg(one.draw, f"{prefix}{n}", f"{one.title}: {one.about}") for n, one in enumerate(panels)]
    return figures([figure(one.title, one.about, svg) for one, svg in zip(panels, drawn, strict=True)])


def _which(reported: Reported) -> str:
    return PHASES["fit" if reported.test is None else "test"]


def _results(reported: Reported) -> str:
    """All metrics, after the last epoch and after the best one."""
    if not reported.curves:
        return paragraph("No epoch was finished, so that nothing was measured.")
    last, best = reported.epoch, reported.best
    epochs, said = {last: f"epoch {last} (last)"}, ""
    if best is not None:
        phase, _, metric = best.metric.partition("/")
        extreme = "smallest" if best.mode == "min" else "greatest"
        epochs[best.epoch] = f"epoch {best.epoch} ({'last and best' if best.epoch == last else 'best'})"
        said = f"The best epoch is the one with the {extreme} {PHASES[phase]} {metric}, {best.value:.6g}."
    rows = [
        [f"{PHASES[phase]} {metric}", *(f"{at(values, epoch, last):.6g}" for epoch in epochs)]
        for metric, by_phase in reported.curves.items()
        if not is_rate(metric)
        for phase, values in by_phase.items()
    ]
    return table(["", *epochs.values()], rows, caption=said)


def _confusions(reported: Reported, answers: Answers | None) -> str:
    if answers is None or answers.counts is None:
        return ""
    counts = answers.counts
    if not np.all(np.isfinite(counts)):
        return paragraph("Some scores are not finite, so that there is no answer to count.")
    which, total = f"the model of epoch {reported.epoch_of_model}", f"{counts.sum():,.10g}"
    if len(counts) <= _CLASSES:
        said = f"Numbers by true class, in rows, and answer, in columns: {total} in all, of {which}."
        return counts_table(counts.tolist(), said)
    wrong = counts - np.diag(np.diag(counts))
    order = [np.unravel_index(n, wrong.shape) for n in np.argsort(-wrong, axis=None, kind="stable")[:_CONFUSED]]
    rows = [[int(a), int(b), f"{wrong[a, b]:g}", f"{counts[a].sum():g}"] for a, b in order if wrong[a, b]]
    said = f"The {len(rows)} most frequent confusions of {len(counts)} classes: {total} samples in all, of {which}."
    return table(["true class", "answer", "samples", "of this class"], rows, caption=said)


def _rates(reported: Reported, layers: Sequence[LayerActivity], few: int) -> str:
    """A table of the spike rates of each layer."""
    if not layers:
        return ""
    rows = [
        [
            layer.path or "the model",
            f"{layer.rates.size:,}",
            f"{layer.rates.mean():.4g}",
            f"{np.median(layer.rates):.4g}",
            f"{layer.rates.max():.4g}",
            f"{100 * np.mean(layer.rates == 0):.3g} %",
        ]
        for layer in layers
    ]
    samples = f"the first {few:,} samples of the {_which(reported)} data"
    said = f"Means over {samples}, of the model of epoch {reported.epoch_of_model}."
    head = ["layer", "units", "mean rate [Hz]", "median [Hz]", "highest [Hz]", "silent units"]
    return table(head, rows, caption=said)


def _parameters(parameters: Sequence[LearnedParameter]) -> str:
    known = any(one.before is not None for one in parameters)
    rows = [
        [
            one.path,
            one.after.dtype,
            " × ".join(map(str, one.after.shape)) or "a number",
            f"{one.after.size:,}",
            *([in_short(one.before)] if known else []),
            in_short(one.after),
            *([{True: "yes", False: "no", None: ""}[one.trained]] if known else []),
        ]
        for one in parameters
    ]
    if not rows:
        return ""
    total = ["all", "", "", f"{sum(one.after.size for one in parameters):,}", *[""] * (3 if known else 1)]
    values = ["before", "after", "trained"] if known else ["values"]
    said = "Mean ± standard deviation. Constants of the configuration, which are no arrays, are not listed."
    return table(["path", "dtype", "shape", "numbers", *values], [*rows, total], caption=said)
