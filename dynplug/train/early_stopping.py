"""Stopping when nothing gets better any more."""

import math
from dataclasses import dataclass, field
from typing import Any

from dynplug.api import hookimpl
from dynplug.core import as_flag, as_whole
from dynplug.errors import OptionError
from dynplug.train.fit import Watched


@dataclass
class EarlyStopping:
    r"""An observer that stops a run whose metric has not improved for some epochs.

    It stops after epoch $e$ if the last improvement, of epoch $e^*$, was long ago. The first epoch is one, and after it
    each whose metric $m$ is better than that of the last improvement before it by more than $\delta$:

    $$e - e^* \ge \mathrm{patience}, \qquad m_{e^*_{i+1}} < m_{e^*_i} - \delta$$

    where less is better; where more is, with $-m$ in place of $m$. A value that is not finite is never an improvement.

    ```python
    x = np.ones((8, 4), np.float32)
    model, stop = dp.layers.Dense(4, 1, key=jax.random.key(0)), dp.train.EarlyStopping(patience=2)
    trainer = dp.BPFF(model, "mse", optax.sgd(0.0), observers=[stop], logger=None, progress_bar=False)
    trainer.fit((x, x[:, :1]), (x, x[:, :1]), num_epoch=100)
    assert trainer.epoch == 3 and stop.best_epoch == 1     # nothing gets better at a learning rate of 0
    ```

    **Arguments:**

    - `metric`: the metric to watch.
    - `phase`: `"test"` or `"fit"`.
    - `patience`: the number of epochs without improvement after which the run stops.
    - `min_delta`: $\delta$, by more than how much the metric must be better than at the last improvement, to count as
        one, in the units of the metric [-].
    - `mode`: `"min"` where less is better, `"max"` where more is; `None` for what is known: less of a loss, more
        accuracy.
    - `restore_best`: whether the best epoch's model is kept, as by `fit(keep_best=..., restore_best=True)`, and is the
        one in the end, unless an error or an interrupt ended the run. It is the best of this call of `fit`, or, with
        `keep_best`, which must then name the same metric, of all calls.

    **Attributes:** `best`, the best value, `None` where there is none, and `best_epoch`, when it was reached, or 0.

    **Raises:** `OptionError`.

    **Reference:** Prechelt, L. (1998), Early stopping - but when?, doi:10.1007/3-540-49430-8_3.
    """

    metric: str = "loss"
    phase: str = "test"
    patience: int = 10
    min_delta: float = 0.0
    mode: str | None = None
    restore_best: bool = False
    _watched: Watched = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self.patience = as_whole("EarlyStopping: patience", self.patience)
        as_flag("EarlyStopping: restore_best", self.restore_best)
        if not isinstance(self.min_delta, (int, float)) or not 0 <= self.min_delta < math.inf:
            raise OptionError(
                f"EarlyStopping: min_delta={self.min_delta!r} is no number, 0 or greater, by which to be better."
            )
        self._watched = Watched(self.phase, self.metric, self.mode, self.min_delta, name="EarlyStopping")
        self.mode = self._watched.mode

    @property
    def best(self) -> float | None:
        return self._watched.best

    @property
    def best_epoch(self) -> int:
        return self._watched.epoch

    @hookimpl
    def dynplug_run_start(self, trainer: Any) -> None:
        """Forget what an earlier run reached; of one that is gone on with after an interruption, see it all again."""
        self._watched.found = None
        self._watched.recall(trainer.history, trainer.began, trainer.epoch)

    @hookimpl
    def dynplug_keep_best(self) -> Watched | None:
        """The metric by which the best epoch's model is kept, to be gone back to."""
        return self._watched if self.restore_best else None

    @hookimpl
    def dynplug_after_epoch(self, epoch: int, metrics: dict[str, dict[str, float]]) -> None:
        """See whether the metric has improved."""
        self._watched.see(epoch, metrics)

    @hookimpl
    def dynplug_should_stop(self, epoch: int) -> bool:
        """Whether the last improvement is `patience` epochs ago."""
        return epoch - self.best_epoch >= self.patience
