"""The best epoch of a training, by a metric."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from jaxtyping import PyTree

from dynplug.errors import CheckpointError


class BestEpoch(NamedTuple):
    """The best epoch so far.

    **Attributes:** `metric`, by which, as `"test/loss"`; `mode`, `"min"` if less of it is better, `"max"` if more is;
    `value`, its best value; `epoch`, when it was reached; `restores`, whether the training goes back to its model in
    the end.
    """

    metric: str
    mode: str
    value: float
    epoch: int
    restores: bool = False

    @classmethod
    def of(cls, description: Mapping[str, Any], path: str | Path) -> "BestEpoch | None":
        """The one whose model is in a checkpoint of this description, if any. **Raises:** `CheckpointError`."""
        told = description.get("best")
        if "kept" in description or isinstance(told, int):
            raise CheckpointError(
                f"{path} is of a development version of dynplug, which kept the best epoch's model in another form. "
                "Load it with that version, or train anew."
            )
        return None if told is None else cls(**told)


class Best(NamedTuple):
    """The best epoch, and the trained part of the model after it."""

    of: BestEpoch
    params: PyTree


def restored(best: BestEpoch | None) -> BestEpoch | None:
    """The epoch to whose model a training goes back in the end; `None` where it ends with that of the last."""
    return best if best is not None and best.restores else None
