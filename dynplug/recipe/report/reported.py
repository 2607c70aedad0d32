"""A training, as its report knows it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import PyTree

from dynplug.core import leaves
from dynplug.errors import DataError
from dynplug.recipe.report.epoch_curves import best_epoch, curves
from dynplug.train import BestEpoch, Reportable, as_reportable, restored, toolkit


@dataclass(frozen=True)
class Reported:
    """A training that has ended, in whatever way.

    **Attributes:**

    - `title`: the subject of the training.
    - `runner`: the trainer after `fit`.
    - `train`, `test`: the data, as `fit` took them; `test` may be `None`.
    - `config`: the configuration as text, and `fit`, its section of this name.
    - `before`: the model's arrays before it was trained, by path; empty where they are not known.
    - `lines`: those of the run's file of metrics.
    - `ended`: a sentence where it did not end after its last epoch.
    - `command`, `again`: the command that trained it, if one did, and one that does so again.
    """

    title: str
    runner: Any
    train: Any
    test: Any = None
    config: str = ""
    fit: Mapping[str, Any] = field(default_factory=dict[str, Any])
    before: Mapping[str, np.ndarray] = field(default_factory=dict[str, np.ndarray])
    lines: Sequence[Mapping[str, Any]] = ()
    ended: str = ""
    command: str = ""
    again: str = ""

    @cached_property
    def trainer(self) -> Reportable:
        """The trainer, with all that is asked of it here."""
        return as_reportable(self.runner)

    @property
    def model(self) -> PyTree:
        """The model that predicts."""
        return self.trainer.average

    @property
    def arrays(self) -> dict[str, np.ndarray]:
        """Its arrays, by path."""
        return arrays_of(self.model)

    @property
    def epoch(self) -> int:
        """The number of epochs done."""
        return self.runner.epoch

    @cached_property
    def curves(self) -> dict[str, dict[str, np.ndarray]]:
        """All metrics, one value an epoch, by metric and phase."""
        return curves(self.runner.history)

    @cached_property
    def best(self) -> BestEpoch | None:
        """The best epoch, if there is one."""
        return best_epoch(self.curves, self.trainer.best)

    @property
    def epoch_of_model(self) -> int:
        """The epoch of the final model: the last, or the best one, if it was restored."""
        best = restored(self.trainer.best)
        return self.epoch if best is None else best.epoch

    @property
    def layout(self) -> toolkit.Layout:
        """The axes of the data."""
        return self.trainer.layout

    @cached_property
    def shown(self) -> toolkit.Pair | None:
        """The data that the model is shown: those of the test, or of the training where there is none."""
        return self._read(self.train if self.test is None else self.test)

    def samples(self, phase: str) -> int | None:
        """The number of samples of a phase; `None` if it is unknown without reading all of them."""
        data = {"fit": self.train, "test": self.test}[phase]
        read = self._read(data) if isinstance(data, tuple) else None
        return None if read is None else read.samples

    def _read(self, data: object) -> toolkit.Pair | None:
        try:
            return toolkit.data_of(data, self.layout, "the data", max(1, self.epoch))
        except (DataError, TypeError):  # in a form that is this trainer's own
            return None


def arrays_of(model: PyTree) -> dict[str, np.ndarray]:
    """Copies of a model's arrays of numbers on the host, by path."""
    found = {leaf.path: leaf.value for leaf in leaves(model) if eqx.is_array(leaf.value)}
    return {path: np.array(a) for path, a in found.items() if not jnp.issubdtype(a.dtype, jax.dtypes.prng_key)}
