"""Trials in one program."""

import itertools
import json
import time
from collections.abc import Callable, Hashable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial

import jax
import numpy as np

from dynplug.core import as_whole
from dynplug.recipe import Result, Training, import_files
from dynplug.search import Launcher, Outcome, Trial
from dynplug.sweep.trial_log import logged, note
from dynplug.sweep.trying import finished, held, options_of, outcome_in, run_trial
from dynplug.train import GradientTrainer, NotTogether, alike, run_together


@dataclass(frozen=True)
class Vmap(Launcher):
    r"""A launcher that computes the steps of many trials as one program, in this process, by `jax.vmap`.

    $$(\theta_1, \dots, \theta_K) \leftarrow \mathrm{vmap}(\mathrm{step})\,(\theta_1, \dots, \theta_K)$$

    Trials that differ in their seed and in numbers of the model and of the optimizer run together; data, their order,
    metrics, observers and files are those that each has by itself. Other differences, as of a size, a component, or an
    option of `fit`, make programs of their own, and what cannot be computed so at all, as the trainers of other
    packages, runs one by one. A number that differs is traced and not compiled in, which rounds differently.

    ```python
    digits = {"type": "digits", "test_share": 0.95, "encoder": {"type": "latency", "num_step": 2}}
    readout = {"type": "Dense", "in_size": 64, "out_size": 10}
    config = {
        "task": digits,
        "model": {"type": "Sequential", "readout": readout},
        "runner": {"type": "BPTT", "dt": 1.0, "loss_fun": "cross_entropy"},
        "fit": {"num_epoch": 1},
    }
    trials = (dp.search.Trial(n, {"seed": n}, {**config, "seed": n}, f"vmap/{n}") for n in range(2))
    assert [outcome.status for outcome in dp.sweep.Vmap().launch(trials)] == ["finished", "finished"]
    ```

    **Arguments:**

    - `num_lane`: $K$, how many trials run together: on a CPU few, whose arrays fit into its caches, on a GPU many.

    **Raises:** `OptionError`.

    **Reference:** Frostig, R., Johnson, M. J. & Leary, C. (2018), Compiling machine learning programs via high-level
    tracing, SysML Conference.
    """

    num_lane: int = 16

    def __post_init__(self) -> None:
        as_whole("Vmap: num_lane", self.num_lane)

    def launch(self, trials: Iterator[Trial]) -> Iterator[Outcome]:
        while some := list(itertools.islice(trials, self.num_lane)):
            yield from _launched(some)


def _launched(trials: list[Trial]) -> Iterator[Outcome]:
    """Run some trials, those together that can be."""
    groups: dict[Hashable, list[tuple[Trial, Training]]] = {}
    alone: list[Trial] = []
    objectives: dict[str, object] = {}
    with ExitStack() as holding:
        for trial in trials:
            holding.enter_context(held(trial))
            if done := outcome_in(trial.folder):
                yield done
                continue
            try:
                training = _prepared(trial)
            except Exception:  # it fails by itself, too, and says why
                alone.append(trial)
                continue
            if training is None:
                alone.append(trial)
            else:
                groups.setdefault(_kind(trial, training, objectives), []).append((trial, training))
        for group in groups.values():
            yield from _together(group, alone)
    yield from map(run_trial, alone)


def _prepared(trial: Trial) -> Training | None:
    """A trial's training, or `None` where it cannot run with others."""
    import_files(trial.imports)
    options = options_of(trial)
    training = Training(**{**options, "observers": [*trial.observers]})
    runner = training.runner
    goes_on = not trial.config["fit"].get("reset_state", True)
    if isinstance(runner, GradientTrainer) and runner.jits and runner.devices is None and not goes_on:
        return training
    training.release()
    return None


def _kind(trial: Trial, training: Training, objectives: dict[str, object]) -> Hashable:
    """A key that is the same for all trials that can run together. Those with equal `[runner]`, but for the
    optimizer, and equal `[fit]` get one objective.
    """
    runner = {name: value for name, value in trial.config["runner"].items() if name != "optimizer"}
    written = json.dumps([runner, trial.config["fit"]], sort_keys=True)
    training.runner.objective = objectives.setdefault(written, training.runner.objective)
    shapes = tuple((np.shape(a), np.asarray(a).dtype) for a in jax.tree.leaves(training.data))
    return written, alike(training.runner), shapes


def _together(group: list[tuple[Trial, Training]], alone: list[Trial]) -> Iterator[Outcome]:
    """Run a group; those that cannot are added to `alone`."""
    trainers = [training.runner for _, training in group]
    runs: list[Callable[[], Result]] = [partial(_fitted, training) for _, training in group]
    with logged(group[0][0].folder):
        results = run_together(trainers, runs)
    for (trial, training), result in zip(group, results, strict=True):
        if isinstance(result, NotTogether):
            note(trial.folder, f"Not computed with others, but alone: {result}")
            alone.append(trial)
            continue
        if not isinstance(result, BaseException):
            training.report()
        yield finished(trial, partial(_given, result))


def _fitted(training: Training) -> Result:
    began = time.perf_counter()
    training.train()
    return Result.of(training, time.perf_counter() - began)


def _given(result: Result | BaseException) -> Result:
    if isinstance(result, BaseException):
        raise result
    return result
