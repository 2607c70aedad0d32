"""One training of a sweep, and its outcome."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

Status = Literal["finished", "pruned", "failed"]


@dataclass(frozen=True)
class Trial:
    """A training to be run. It holds plain values alone, so that any process on any machine can run it.

    **Attributes:**

    - `number`: from 0.
    - `values`: of its hyperparameters, by path.
    - `config`: its whole configuration.
    - `folder`: its run folder.
    - `metric`: the metric to improve, as `"test/accuracy"`.
    - `report`: whether to write a report.
    - `imports`: files of components of the user's own.
    - `observers`: of the run, as the sampler wants them.
    """

    number: int
    values: Mapping[str, object]
    config: Mapping[str, Any]
    folder: str
    metric: str = "test/loss"
    report: bool = False
    imports: tuple[str, ...] = ()
    observers: tuple[object, ...] = ()


@dataclass(frozen=True)
class Outcome:
    """The result of a trial.

    **Attributes:**

    - `number`: of the trial.
    - `status`: `"finished"`, `"pruned"`, where the sampler stopped it, or `"failed"`.
    - `value`: of the metric, for the model that the training ended with; `None` where it failed.
    - `metrics`: all metrics of that model, by phase.
    - `epoch`: the number of epochs done.
    - `seconds`: the duration [s].
    - `message`: the reason of a failure.
    """

    number: int
    status: Status
    value: float | None = None
    metrics: dict[str, dict[str, float]] = field(default_factory=dict[str, dict[str, float]])
    epoch: int = 0
    seconds: float = 0.0
    message: str = ""

    def to_json(self) -> dict[str, object]:
        """All of it, as plain values."""
        return asdict(self)
