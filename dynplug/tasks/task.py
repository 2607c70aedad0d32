"""The contract of tasks."""

from abc import abstractmethod
from typing import Any, NamedTuple

import equinox as eqx
from jaxtyping import PRNGKeyArray


class TaskData(NamedTuple):
    """Training and test data, each a pair (x, y) of arrays, batch first."""

    train: tuple[Any, Any]
    test: tuple[Any, Any]


class Task(eqx.Module):
    """Data to train on. Implementing one: its options as fields, `load` and `recipe`."""

    @abstractmethod
    def load(self, key: PRNGKeyArray) -> TaskData:
        """The data; `key` is for random choices in making them."""

    @classmethod
    @abstractmethod
    def recipe(cls) -> str:
        """The text of a TOML configuration that trains on this task: what `dynplug train TASK` runs."""
