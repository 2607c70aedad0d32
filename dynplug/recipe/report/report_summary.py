"""The result of a training in a few sentences."""

import numpy as np

from dynplug.recipe.report.answering import Answers
from dynplug.recipe.report.epoch_curves import PHASES, at
from dynplug.recipe.report.learned_parameters import learned_parameters
from dynplug.recipe.report.made_with import in_units, seconds
from dynplug.recipe.report.reported import Reported


def summary(reported: Reported, answers: Answers | None) -> list[str]:
    """The sentences, in paragraphs: the training and its result, its end, the epoch of the model."""
    return [
        " ".join(filter(None, [_trained(reported), _reached(reported), _right(reported, answers)])),
        reported.ended,
        _gone_back(reported),
    ]


def _trained(reported: Reported) -> str:
    parameters = learned_parameters(reported)
    known = any(one.before is not None for one in parameters)
    count = _number(sum(one.after.size for one in parameters if one.trained is not False), "parameter")
    what = count if known else f"a model of {count}"  # which of them it trained is not known
    samples, took = reported.samples("fit"), seconds(reported)
    on = "" if samples is None else f" on {_number(samples, 'sample')}"
    within = f", in {in_units(took)}" if took else ""
    epochs = _number(reported.epoch, "epoch") if reported.epoch else "less than an epoch"
    return f"{type(reported.runner).__name__} trained {what}{on} for {epochs}{within}."


def _reached(reported: Reported) -> str:
    best, last = reported.best, reported.epoch
    if best is None:
        return ""
    phase, _, metric = best.metric.partition("/")
    value = at(reported.curves.get(metric, {}).get(phase, np.zeros(0)), last, last)
    reached = f"On the {PHASES[phase]} data, {metric} is {value:.4g} after the last epoch"
    return (
        f"{reached}, its best."
        if best.epoch == last
        else f"{reached}; its best was {best.value:.4g}, after epoch {best.epoch}."
    )


def _right(reported: Reported, answers: Answers | None) -> str:
    if answers is None or answers.counts is None or not np.all(np.isfinite(answers.counts)):
        return ""
    right, total = np.trace(answers.counts), answers.counts.sum()
    which = PHASES["fit" if reported.test is None else "test"]
    return f"The model classifies {right:,.10g} of {total:,.10g} {which} samples correctly."


def _gone_back(reported: Reported) -> str:
    if reported.epoch_of_model == reported.epoch:
        return ""
    return f"The model in the run folder, which is the one shown below, is that of epoch {reported.epoch_of_model}."


def _number(n: int, what: str) -> str:
    return f"{n:,} {what}" if n == 1 else f"{n:,} {what}s"
