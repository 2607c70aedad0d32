"""The members of a trainer that a report of its training reads."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from dynplug.train.data import BatchFirst, Layout
from dynplug.train.fit import BestEpoch


@runtime_checkable
class Reportable(Protocol):
    """Optional members of a trainer beside those of `Trainer`, all or none, for a fuller report.

    Without them, data are taken as (batch, time, ...), and the report has neither loss nor seed.

    ```python
    trainer = dp.BPFF(dp.layers.Dense(4, 1, W_initializer=0.0), "mse", seed=3, logger=None)
    assert isinstance(trainer, dp.train.Reportable) and trainer.seed == 3
    ```
    """

    @property
    def layout(self) -> Layout:
        """The axes of the data, as `dynplug.train.toolkit.layout_of` gives them."""
        ...

    @property
    def loss_fun(self) -> Any:
        """The loss, as the user gave it; `None` for one that has no name."""
        ...

    @property
    def metrics(self) -> Sequence[Any]:
        """Other measures, as the user gave them."""
        ...

    @property
    def seed(self) -> int | None:
        """Of all random numbers."""
        ...

    @property
    def t0(self) -> float:
        """The time at step 0 [ms]."""
        ...

    @property
    def steps(self) -> int | None:
        """The number of steps, or of batches, that are done."""
        ...

    @property
    def average(self) -> Any:
        """The model that tests and predictions take: `target`, or a mean."""
        ...

    @property
    def best(self) -> BestEpoch | None:
        """The best epoch, where the trainer keeps one."""
        ...


@dataclass(frozen=True)
class _Untold:
    """The defaults for a trainer that is not `Reportable`."""

    average: Any
    layout: Layout = BatchFirst()
    loss_fun: Any = None
    metrics: Sequence[Any] = ()
    seed: int | None = None
    t0: float = 0.0
    steps: int | None = None
    best: BestEpoch | None = None


def as_reportable(trainer: Any) -> Reportable:
    """The trainer itself, or in its place what holds for any."""
    return trainer if isinstance(trainer, Reportable) else _Untold(trainer.target)
