"""A learning rate that suits a model and its data, found by trying many."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
import optax

from dynplug.api import hookimpl
from dynplug.core import as_number, as_whole
from dynplug.errors import NonFiniteError, OptionError
from dynplug.plugin import as_written
from dynplug.train.gradient_trainer import GradientTrainer

_FEWEST = 5  # rates, without which there is no slope to speak of
_SMOOTHING = 0.8  # of the loss, over about five steps


@dataclass(frozen=True)
class LearningRates:
    """The result of `find_learning_rate`.

    ```python
    x = jax.random.normal(jax.random.key(0), (32, 4))
    trainer = dp.BPFF(dp.layers.Dense(4, 1, W_initializer=0.0), "mse", {"type": "sgd", "learning_rate": 0.1})
    found = dp.train.find_learning_rate(trainer, (x, x.sum(1, keepdims=True)), steps=10)
    assert 1e-6 <= found.suggestion <= 1.0 and len(found.rates) == len(found.losses)
    ```

    **Attributes:** `rates`, in rising order; `losses`, at each of them; `smoothed`, their exponential mean;
    `suggestion`, the rate at which that mean falls most steeply.
    """

    rates: np.ndarray
    losses: np.ndarray
    smoothed: np.ndarray
    suggestion: float

    def plot(self) -> Any:
        """A figure of the loss over the rates. **Raises:** `MissingPackageError` where there is no matplotlib."""
        from dynplug import plot

        figure, (ax,) = plot.figure(width=5.2)
        plot.learning_rates(ax, self.rates, self.losses, self.smoothed, self.suggestion)
        return figure


def find_learning_rate(
    trainer: object,
    data: object,
    *,
    optimizer: Callable[[Any], Any] | str | Mapping[str, Any] | None = None,
    lowest: float = 1e-6,
    highest: float = 1.0,
    steps: int = 100,
    batch_size: int | None = None,
    stop_at: float = 4.0,
) -> LearningRates:
    r"""Train a copy of a trainer while the learning rate rises, and see at which rate the loss falls most steeply.

    $$\eta_k = \eta_0 \left(\frac{\eta_1}{\eta_0}\right)^{k / (n - 1)}, \qquad k = 0, \dots, n - 1$$

    The copy begins with the present model and a new state of the optimizer. The trainer stays as it is.

    ```python
    x = jax.random.normal(jax.random.key(0), (32, 4))
    trainer = dp.BPFF(dp.layers.Dense(4, 1, key=jax.random.key(1)), "mse", {"type": "sgd", "learning_rate": 0.1})
    found = dp.train.find_learning_rate(trainer, (x, x.sum(1, keepdims=True)), batch_size=8, steps=30)
    found.suggestion
    ```

    **Arguments:**

    - `trainer`: a trainer that follows a gradient, as `BPTT`.
    - `data`: as `train_data` of `fit`.
    - `optimizer`: a function of the learning rate, as `optax.adam`; or a name or a configuration, whose rate is put in
        its place; `None` for the trainer's own configuration.
    - `lowest`, `highest`: the first rate, $\eta_0$, and the last one, $\eta_1$ [-].
    - `steps`: $n$, the number of rates.
    - `batch_size`: samples in a batch of arrays; `None` for all in one.
    - `stop_at`: above how many times the least loss, both smoothed, the rest is left out. A loss that is not finite
        ends it, too.

    **Raises:** `OptionError`, also where the loss falls at no rate; `DataError`.

    **Reference:** Smith, L. N. (2017), Cyclical learning rates for training neural networks,
    doi:10.1109/WACV.2017.58.
    """
    if not isinstance(trainer, GradientTrainer):
        raise OptionError(f"find_learning_rate: {type(trainer).__name__} does not follow a gradient, as BPTT does.")
    lowest, highest = as_number("find_learning_rate: lowest", lowest), as_number("find_learning_rate: highest", highest)
    if not 0 < lowest < highest < np.inf:
        raise OptionError(f"find_learning_rate: lowest={lowest} and highest={highest} must be 0 < lowest < highest.")
    if not stop_at > 1:
        raise OptionError(f"find_learning_rate: stop_at={stop_at} must be greater than 1.")
    steps = as_whole("find_learning_rate: steps", steps, least=_FEWEST)
    rate = optax.exponential_decay(lowest, steps - 1, highest / lowest)
    swept = _at_rate(trainer.optimizer if optimizer is None else optimizer, rate)
    sweep = _Sweep(highest, stop_at)
    with suppress(_Enough, NonFiniteError):  # which the last rate raises, however many epochs it takes to come there
        silent = {"logger": None, "progress_bar": False, "watch": False}
        swept = trainer.replaced(
            rate=rate, optimizer=swept, track=("learning_rate",), observers=(sweep,), log_every=1, **silent
        )
        swept.fit(data, num_epoch=10**6, batch_size=batch_size)
    return sweep.found(lowest)


class _Enough(Exception):
    """There is no more to be seen."""


class _Sweep:
    """Watches the loss at each rate, and ends the run after the last one, or when it is far above its least."""

    def __init__(self, highest: float, stop_at: float):
        self._highest, self._stop_at = highest, stop_at
        self._at: dict[float, list[float]] = {}

    @hookimpl
    def dynplug_after_step(self, metrics: dict[str, float]) -> None:
        rate = metrics["learning_rate"]
        self._at.setdefault(rate, []).append(metrics["loss"])
        smoothed = _smoothed(self._losses())
        far = len(smoothed) > _FEWEST and smoothed[-1] > self._stop_at * smoothed.min() > 0
        if far or rate >= self._highest * (1.0 - 1e-5):
            raise _Enough

    def found(self, lowest: float) -> LearningRates:
        """All of it. The loss at a rate was measured before the step of that rate."""
        rates, losses = np.array(list(self._at)), self._losses()
        if len(rates) < _FEWEST:
            raise OptionError(
                f"find_learning_rate: only {len(rates)} rates from lowest={lowest} on gave a finite loss. "
                "Begin with a smaller one, and see whether the loss is finite at all."
            )
        smoothed = _smoothed(losses)
        falling = int(np.argmin(smoothed)) + 1
        if falling < 2:
            raise OptionError(
                f"find_learning_rate: the loss, {losses[0]:.4g} at first, falls at none of the rates from "
                f"lowest={lowest} on. Begin with a smaller one; and see by dp.diagnose whether it can fall at all."
            )
        slope = np.gradient(smoothed[:falling], np.log(rates[:falling]))
        return LearningRates(rates, losses, smoothed, float(rates[np.argmin(slope)]))

    def _losses(self) -> np.ndarray:
        return np.array([np.mean(losses) for losses in self._at.values()])


def _smoothed(losses: np.ndarray) -> np.ndarray:
    """Means with weights that fall by a factor with each step back."""
    weights = np.tril(_SMOOTHING ** np.abs(np.subtract.outer(np.arange(len(losses)), np.arange(len(losses)))))
    return weights @ losses / weights.sum(axis=1)


def _at_rate(optimizer: Any, rate: object) -> Any:
    """An optimizer, from a configuration or a function of the rate, at another rate."""
    made = hasattr(optimizer, "update")
    return optimizer(rate) if callable(optimizer) and not made else _given(as_written(optimizer), rate)


def _given(optimizer: object, rate: object) -> Any:
    """The configuration of an optimizer with another learning rate."""
    given = {"type": optimizer} if isinstance(optimizer, str) else {"type": "adam"} if optimizer is None else optimizer
    if not isinstance(given, Mapping):
        raise OptionError(
            "find_learning_rate: of an optimizer that is made already the rate cannot be changed. Give it as a "
            "function of the rate, optimizer=optax.adam, or the trainer's as a configuration."
        )
    if "optimizer" in given:
        return {**given, "optimizer": _given(given["optimizer"], rate)}
    return {**given, "learning_rate": rate}
