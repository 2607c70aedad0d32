"""The contract of launchers, which run trials."""

from abc import ABC, abstractmethod
from collections.abc import Iterator

from dynplug.search.trial import Outcome, Trial


class Launcher(ABC):
    """Runs trials. Implementing one: `launch`.

    `dynplug.sweep.run_trial(trial)` runs one in any process, and returns its outcome, a failure included;
    `dynplug.sweep.in_parallel` does the rest where jobs are submitted and waited for.
    """

    @abstractmethod
    def launch(self, trials: Iterator[Trial]) -> Iterator[Outcome]:
        """Run all trials, and yield the outcome of each as soon as it is there, in any order.

        The next trial is to be taken only when there is room for it: its values may depend on the outcomes so far.
        """
