"""Trials one after the other."""

from collections.abc import Iterator
from dataclasses import dataclass

from dynplug.search import Launcher, Outcome, Trial
from dynplug.sweep.trying import run_trial


@dataclass(frozen=True)
class Serial(Launcher):
    r"""A launcher that runs the trials one after the other, in this process.

    $$T = \sum_n t_n$$

    with the time $t_n$ of each trial.

    ```python
    sweep = {"launcher": "serial", "space": {"seed": {"int": [0, 7]}}}     # as in a file; it is the default
    assert dp.build(sweep["launcher"], kind="launcher") == dp.sweep.Serial()
    ```

    **Reference:** Graham, R. L. (1969), Bounds on multiprocessing timing anomalies, doi:10.1137/0117039.
    """

    def launch(self, trials: Iterator[Trial]) -> Iterator[Outcome]:
        return map(run_trial, trials)
