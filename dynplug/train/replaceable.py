"""A trainer at the same place of a training: copied, with other options, or sent to another process."""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from copy import copy, deepcopy
from dataclasses import replace
from typing import Any

from jaxtyping import PyTree

from dynplug.core import as_whole
from dynplug.errors import OptionError
from dynplug.plugin import observers
from dynplug.run import Records
from dynplug.train.resumable import Resumable
from dynplug.train.sending import check_picklable
from dynplug.train.step import (
    Objective,
    Optimizer,
    Tracking,
    TrainState,
    as_average,
    as_optimizer,
    as_placement,
)

_REPLACED = {"observers", "track", "log_every", "logger", "progress_bar", "watch", "optimizer"}


class Replaceable(Resumable):
    """A trainer with all that it is made of in its options. Implementing one: `_started`, and what `Resumable` needs.

    **Attributes:** those of `Resumable`, and the options that are named here.
    """

    loss_fun: Any
    optimizer: Any
    loss_has_aux: bool
    loss_auto_run: bool
    dt: float
    metrics: Sequence[Any]
    ema: float | None
    devices: Any
    observers: Sequence[Any]
    track: Sequence[str]
    log_every: int
    mon: Records
    objective: Objective
    _optimizer: Optimizer
    _tracking: Tracking
    _jit: Mapping[str, bool]

    @abstractmethod
    def _started(self, params: PyTree) -> PyTree:
        """The optimizer's state for such parameters."""

    @property
    def jits(self) -> bool:
        """Whether all that it computes is compiled."""
        return all(self._jit.values())

    def _assemble(self) -> None:
        """Make what is made of functions: hooks, objective and optimizer. No process can send those to another."""
        self._hooks = observers(self.observers)
        self.objective = Objective.of(self.loss_fun, self.loss_has_aux, self.metrics, self.loss_auto_run, self.dt)
        self._optimizer = as_optimizer(self.optimizer)
        self._tracking = Tracking.of(self.track, self.optimizer)
        self._placement = as_placement(self.devices, self.loss_auto_run, self.jits)

    def __getstate__(self) -> dict[str, Any]:
        made = ("_hooks", "objective", "_optimizer", "_tracking", "_placement")
        kept = {name: value for name, value in vars(self).items() if name not in made}
        check_picklable(type(self).__name__, kept)
        return kept

    def __setstate__(self, kept: dict[str, Any]) -> None:
        vars(self).update(kept)
        self._assemble()

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        """Another trainer at the same place, with observers of its own; functions and logger are shared."""
        made = memo[id(self)] = self.replaced()
        made.observers = deepcopy(self.observers, memo)
        made._hooks = observers(made.observers)
        return made

    def replaced(self, *, rate: object = None, **options: Any) -> Any:
        """Another trainer at the same place of the training, with some other options. Each then goes on by itself.

        **Arguments:**

        - `options`: of `observers`, `track`, `log_every`, `logger`, `progress_bar` and `watch`, and `optimizer`, which
            begins anew, as a mean of the parameters does.
        - `rate`: the learning rate to track of an `optimizer` that does not tell it.

        **Raises:** `OptionError`, also for an option that cannot change within a training.
        """
        if others := sorted(options.keys() - _REPLACED):
            raise OptionError(
                f"replaced: {others[0]!r} cannot change within a training; {', '.join(sorted(_REPLACED))} can. Make a "
                "new trainer of the model."
            )
        made = object.__new__(type(self))
        vars(made).update(vars(self), **options)
        made.log_every = as_whole("log_every", made.log_every)
        made._progress, made.mon = self._progress.copy(), copy(self.mon)
        if "observers" in options:
            made._hooks = observers(made.observers)
        if "track" in options or "optimizer" in options:
            tracking = Tracking.of(made.track, made.optimizer)
            made._tracking = tracking if rate is None else replace(tracking, rate=rate)
        if "optimizer" in options:
            made._optimizer = as_optimizer(made.optimizer)
            params, learned = self._progress.train_state.params, self._progress.train_state.learned
            parts = {"learned": learned, "average": as_average(self.ema, params)}
            made._progress.train_state = TrainState.of(params, made._started(params), **parts)
        made._tracking.check(made._progress.train_state.optimizer)
        return made
