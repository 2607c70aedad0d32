"""The contract of samplers, which choose the values of trials."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from dynplug.search.space import Space
from dynplug.search.trial import Outcome


@dataclass(frozen=True)
class Search:
    """The problem given to a sampler: the space of hyperparameters, and the metric to improve.

    **Attributes:**

    - `space`: the hyperparameters.
    - `metric`: the metric to improve, as `"test/accuracy"`.
    - `mode`: `"min"` where less of it is better, `"max"` where more is.
    - `folder`: of the sweep, where a sampler may keep files.
    """

    space: Space
    metric: str = "test/loss"
    mode: Literal["min", "max"] = "min"
    folder: Path = Path()


class Sampler(ABC):
    """Chooses the values of each trial. Implementing one: `ask`, `tell` and `observers`.

    A sweep may be killed at any moment and run again. Then `tell` is called again for all trials that are done, and
    `ask` for the first number whose values were not yet written down, which may be one that was asked for already:
    the answer must be the same, or else that trial would be lost.
    """

    @abstractmethod
    def ask(self, search: Search, number: int) -> Mapping[str, Any] | None:
        """The values of a trial by path, as TOML can hold them, or `None` where there is none left; counts from 0."""

    @abstractmethod
    def tell(self, search: Search, values: Mapping[str, object], outcome: Outcome) -> None:
        """Receive the outcome of a trial; a second call with the same outcome changes nothing."""

    @abstractmethod
    def observers(self, search: Search, number: int) -> tuple[object, ...]:
        """Observers of a trial's training, in whichever process; one whose `pruned` is true has stopped it."""
