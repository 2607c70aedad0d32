"""The protocol of trainers."""

from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
from jaxtyping import PyTree

from dynplug.train.fit import History


@runtime_checkable
class Trainer(Protocol):
    """The interface that `dynplug train`, and any code for all trainers, needs.

    Any object with these is a trainer; there is nothing to inherit from. A package registers it as a runner. Its
    constructor takes `target` and `dt`, and should take `seed`, which a configuration then sets.

    **Attributes:** `target`, the model with its present parameters; `dt` [ms]; `epoch`, the number of epochs done;
    `history`.
    """

    target: Any
    dt: float
    epoch: int
    history: History

    @property
    def writes(self) -> bool:
        """Whether this process writes files and lines: of several that train together one does.

        Where a trainer knows of one process only, `writes = True` in its class says so.
        """
        ...

    def fit(
        self, train_data: object, test_data: object = None, *, num_epoch: int = ..., fun_after_report: object = None
    ) -> None:
        """Train for `num_epoch` more epochs.

        After each epoch `fun_after_report(epoch, metrics, phase)` is called with numbers by name: for `"fit"`, and
        then, where there are test data, for `"test"`. Other arguments may be keywords, which a configuration's `[fit]`
        sets.
        """
        ...

    def predict(self, inputs: PyTree) -> PyTree:
        """The outputs of the present model at all steps."""
        ...

    def get_hist_metric(self, phase: str = "fit", metric: str = "loss", which: str = "report") -> np.ndarray:
        """A metric over time, as `History.metric`."""
        ...

    def save_states(self, filename: str | Path) -> None:
        """Write all that training needs to go on as if it had never stopped."""
        ...

    def load_states(self, filename: str | Path) -> Any:
        """Go back to what `save_states` wrote, or raise `CheckpointError` and stay as it was."""
        ...
