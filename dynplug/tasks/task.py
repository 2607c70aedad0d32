"""The contract of tasks."""

from abc import abstractmethod
from typing import NamedTuple

import equinox as eqx
from jaxtyping import PRNGKeyArray, PyTree


class TaskData(NamedTuple):
    """Training and test data, each a pair (x, y) of arrays, batch first."""

    train: tuple[PyTree, PyTree]
    test: tuple[PyTree, PyTree]


class Task(eqx.Module):
    """Data to train on. Implementing one: its options as fields, `load` and `recipe`."""

    @abstractmethod
    def load(self, key: PRNGKeyArray) -> TaskData:
        """The data; `key` is for random choices in making them."""

    @classmethod
    @abstractmethod
    def recipe(cls) -> str:
        """The text of a TOML configuration that trains on this task: what `dynplug train TASK` runs."""
