"""The contract of diagnostics."""

from abc import ABC, abstractmethod
from collections.abc import Iterable

from dynplug.diagnosis.evidence import Evidence
from dynplug.diagnosis.finding import Finding


class Diagnostic(ABC):
    """A check of a model on a batch, which examines the results of one forward and one backward pass.

    Implementing one: `examine`. One that reads nothing of the evidence but `model`, `dt`, `duration` and `activity` may
    declare the capability `"cheap"` in its spec: it then also runs by itself after the first epoch of a training.

    ```python
    class Quiet(dp.diagnosis.Diagnostic):     # is there a population without a spike?
        def examine(self, evidence):
            for path, seen in evidence.activity.populations.items():
                if seen.silent == 1.0:
                    yield dp.diagnosis.Finding("warning", path, "no spike", "Make its input stronger.")
    ```
    """

    @abstractmethod
    def examine(self, evidence: Evidence) -> Iterable[Finding]:
        """The findings; none, or such with the level `"ok"`, where nothing is wrong. Nothing may be changed."""
