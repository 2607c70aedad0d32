"""Checks of launchers, on trials that train in moments."""

import json
import tempfile
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from dynplug.search import Outcome, Trial
from dynplug.sweep import outcome_in, run_trial
from dynplug.testing.demands import demand
from dynplug.testing.subject import Skip, Subject

_RTOL = 1e-5  # single precision, after some steps
_RECIPE: dict[str, Mapping[str, object]] = {
    "task": {"type": "digits", "test_share": 0.95, "encoder": {"type": "latency", "num_step": 2}},
    "model": {"type": "Sequential", "hidden": {"type": "LeakyIntegrator", "size": 64}, "out": {}},
    "runner": {"type": "BPTT", "dt": 1.0, "loss_fun": "cross_entropy", "optimizer": {"type": "adam"}},
    "fit": {"num_epoch": 1, "batch_size": 40},
}
_VALUES = [(0, 10.0, 1e-2), (1, 20.0, 1e-2), (2, -1.0, 1e-2), (3, 10.0, 2e-2)]  # seed, tau, learning rate


def runs_every_trial_once(subject: Subject) -> None:
    """Each trial has one outcome, also in its folder, and one that fails is told of with its message."""
    outcomes = _outcomes(subject)[0]
    demand(
        sorted(o.number for o in outcomes) == [0, 1, 2, 3], f"Outcomes are of trials {[o.number for o in outcomes]}."
    )
    for outcome in outcomes:
        wanted = "failed" if outcome.number == 2 else "finished"
        demand(outcome.status == wanted, f"Trial {outcome.number} is {outcome.status}: {outcome.message}")
        demand(wanted == "finished" or "tau" in outcome.message, f"The failure is told as {outcome.message!r}.")


def keeps_the_numbers_of_a_single_run(subject: Subject) -> None:
    """The metrics of each trial are those that it has by itself."""
    outcomes, stored, alone = _outcomes(subject)
    demand(stored == {o.number: o for o in outcomes}, "The outcomes in the trials' folders are others.")
    for outcome in outcomes:
        for phase, metrics in outcome.metrics.items():
            for name, value in metrics.items():
                wanted = alone[outcome.number].metrics[phase][name]
                message = f"{phase} {name} of trial {outcome.number} is {value}, by itself {wanted}."
                demand(bool(np.isclose(value, wanted, rtol=_RTOL, atol=0.0)), message)


def _outcomes(subject: Subject) -> tuple[list[Outcome], dict[int, Outcome | None], dict[int, Outcome]]:
    """The outcomes of trials when launched; those stored in their folders; and those of each trial run by itself."""
    if find_spec("sklearn") is None:
        raise Skip("its trials train on the digits, which are part of scikit-learn: pip install 'dynplug[demo]'")

    def launched() -> tuple[list[Outcome], dict[int, Outcome | None], dict[int, Outcome]]:
        with tempfile.TemporaryDirectory() as folder:
            outcomes = list(subject.make().launch(_trials(Path(folder, "launched"))))
            stored = {n: outcome_in(Path(folder, "launched", str(n))) for n in range(len(_VALUES))}
        return outcomes, stored, _alone()

    return subject.remember("launched", launched)


@cache
def _alone() -> dict[int, Outcome]:
    """The outcomes of the trials run one by one, with which those of every launcher are compared."""
    with tempfile.TemporaryDirectory() as folder:
        return {trial.number: run_trial(trial) for trial in _trials(Path(folder))}


def _trials(folder: Path) -> Iterator[Trial]:
    for number, (seed, tau, rate) in enumerate(_VALUES):
        home = folder / str(number)
        home.mkdir(parents=True)
        (home / "trial.json").write_text("{}")
        config = {**json.loads(json.dumps(_RECIPE)), "seed": seed}
        config["model"]["hidden"]["tau"] = tau
        config["model"]["out"] = {"type": "Dense", "in_size": 64, "out_size": 10}
        config["runner"]["optimizer"]["learning_rate"] = rate
        yield Trial(number, {"seed": seed}, config, str(home))
