"""The axes of samples and time in a trainer's data: as the user has them outside, (time, batch, ...) inside."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import jax
from jaxtyping import PyTree

from dynplug.run import check_axis, swap_batch


@dataclass(frozen=True)
class Layout(ABC):
    """The axes of data. Those of one class are equal, so that equal trainers share their compiled programs.

    Targets of rank one have no time axis: one value a sample.
    """

    name: ClassVar[str]
    """The name of the axes in messages."""
    least_rank: ClassVar[int]
    """The least number of axes of an input."""

    @abstractmethod
    def samples(self, rank: int, *, target: bool = False) -> int:
        """The axis of the samples in an input, or target, of this rank."""

    @abstractmethod
    def time(self, rank: int, *, target: bool = False) -> int | None:
        """The axis of time, or `None` where there is none."""

    @abstractmethod
    def enter(self, tree: PyTree) -> PyTree:
        """Inputs as (time, batch, ...)."""

    @abstractmethod
    def leave(self, tree: PyTree) -> PyTree:
        """Move the axes of arrays (time, batch, ...) to those of the data."""

    @abstractmethod
    def from_batch_first(self, array: PyTree) -> PyTree:
        """An array of (batch, time, ...) in the axes of the data; one of rank one has no time."""

    @abstractmethod
    def batch_first(self, out: PyTree, targets: PyTree) -> tuple[PyTree, PyTree]:
        """Outputs and targets in the axes of the data, as registered losses read them: batch, then time."""


@dataclass(frozen=True)
class BatchFirst(Layout):
    """(batch, time, ...)."""

    name = "data_first_axis='B'"
    least_rank = 2

    def samples(self, rank: int, *, target: bool = False) -> int:
        return 0

    def time(self, rank: int, *, target: bool = False) -> int | None:
        return 1 if rank > 1 else None

    def enter(self, tree: PyTree) -> PyTree:
        return swap_batch(tree, "B")

    def leave(self, tree: PyTree) -> PyTree:
        return swap_batch(tree, "B")

    def from_batch_first(self, array: PyTree) -> PyTree:
        return array

    def batch_first(self, out: PyTree, targets: PyTree) -> tuple[PyTree, PyTree]:
        return out, targets


@dataclass(frozen=True)
class TimeFirst(Layout):
    """(time, batch, ...); targets of rank one are (batch,)."""

    name = "data_first_axis='T'"
    least_rank = 2

    def samples(self, rank: int, *, target: bool = False) -> int:
        return 0 if target and rank == 1 else 1

    def time(self, rank: int, *, target: bool = False) -> int | None:
        return None if target and rank == 1 else 0

    def enter(self, tree: PyTree) -> PyTree:
        return tree

    def leave(self, tree: PyTree) -> PyTree:
        return tree

    def from_batch_first(self, array: PyTree) -> PyTree:
        return array if array.ndim == 1 else array.swapaxes(0, 1)

    def batch_first(self, out: PyTree, targets: PyTree) -> tuple[PyTree, PyTree]:
        return swap_batch(out, "B"), jax.tree.map(lambda y: y if y.ndim == 1 else y.swapaxes(0, 1), targets)


@dataclass(frozen=True)
class WithoutTime(Layout):
    """(batch, ...): one step a sample."""

    name = "no time axis"
    least_rank = 1

    def samples(self, rank: int, *, target: bool = False) -> int:
        return 0

    def time(self, rank: int, *, target: bool = False) -> int | None:
        return None

    def enter(self, tree: PyTree) -> PyTree:
        return jax.tree.map(lambda a: a[None], tree)

    def leave(self, tree: PyTree) -> PyTree:
        return jax.tree.map(lambda a: a[0], tree)

    def from_batch_first(self, array: PyTree) -> PyTree:
        return array

    def batch_first(self, out: PyTree, targets: PyTree) -> tuple[PyTree, PyTree]:
        return jax.tree.map(lambda a: a[:, None], out), targets


def layout_of(data_first_axis: str) -> Layout:
    """The axes that a trainer's argument `data_first_axis` means.

    **Raises:** `OptionError` for anything but `"B"` and `"T"`.
    """
    return BatchFirst() if check_axis(data_first_axis, optional=False) == "B" else TimeFirst()
