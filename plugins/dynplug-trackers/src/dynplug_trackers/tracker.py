"""Base class of trackers: the values they send, their names, and the times of sending."""

import importlib
from abc import ABC, abstractmethod
from collections.abc import Iterator
from types import ModuleType
from typing import TYPE_CHECKING

import numpy as np

import dynplug as dp
from dynplug.api import hookimpl
from dynplug.errors import MissingPackageError
from dynplug.train import History, Trainer

if TYPE_CHECKING:  # only a portrait needs matplotlib
    from matplotlib.figure import Figure


class Tracker(ABC):
    """An observer that sends the metrics of each epoch, `"fit/loss"` or `"test/accuracy"`, and its number, `"epoch"`.

    All values stand at the number of steps of the optimizer that are done, over all epochs. With `steps`, the values of
    each step are sent too, as `"step/loss"`, after its epoch: no step has to wait for them. Of several processes that
    train together one sends.

    Implementing one: `steps`, `_open`, `_write` and `_close`.
    """

    steps: bool
    _sent: int = 0
    _failed: bool = False

    @abstractmethod
    def _open(self, trainer: Trainer) -> None:
        """Begin a run."""

    @abstractmethod
    def _write(self, values: dict[str, float], step: int) -> None:
        """Send numbers by name."""

    @abstractmethod
    def _close(self, failed: bool) -> None:
        """End the run."""

    @hookimpl
    def dynplug_run_start(self, trainer: Trainer) -> None:
        self._sent, self._failed = trainer.history.steps(), False
        if trainer.writes:
            self._open(trainer)

    @hookimpl
    def dynplug_after_epoch(self, trainer: Trainer, epoch: int, metrics: dict[str, dict[str, float]]) -> None:
        if not trainer.writes:
            return
        done = trainer.history.steps()
        if self.steps:
            for step, values in enumerate(_by_step(trainer.history, done - self._sent), self._sent + 1):
                self._write(values, step)
        self._sent = done
        means = {f"{phase}/{name}": value for phase, of in metrics.items() for name, value in of.items()}
        self._write({name: float(v) for name, v in means.items() if np.ndim(v) == 0} | {"epoch": float(epoch)}, done)

    @hookimpl
    def dynplug_run_error(self, trainer: Trainer) -> None:
        self._failed = True

    @hookimpl
    def dynplug_run_end(self, trainer: Trainer) -> None:
        if trainer.writes:
            self._close(self._failed)

    def portrait(self, figure: "Figure") -> None:
        """Values sent in a training of five epochs: the losses by epoch, and those of each step if asked for."""
        sent = _Listed(self.steps)
        numbers = np.random.default_rng(2)
        x = numbers.normal(size=(32, 4)).astype(np.float32)
        y = x.sum(axis=1, keepdims=True)
        layer = dp.layers.Dense(4, 1, W_initializer=np.zeros((1, 4), np.float32))
        sgd = {"type": "sgd", "learning_rate": 0.05}
        trainer = dp.BPFF(layer, "mse", sgd, observers=[sent], logger=None, progress_bar=False)
        trainer.fit((x[:24], y[:24]), (x[24:], y[24:]), num_epoch=5, batch_size=8)
        ax = figure.subplots()
        for name in sorted({name for _, values in sent.written for name in values} - {"epoch"}):
            points = [(step, values[name]) for step, values in sent.written if name in values]
            ax.plot(*zip(*points, strict=True), marker=".", label=name)
        ax.set(xlabel="step of the optimizer [number]", ylabel="value [-]")
        ax.legend(frameon=False)


class _Listed(Tracker):
    """Keeps what it would send."""

    def __init__(self, steps: bool):
        self.steps, self.written = steps, list[tuple[int, dict[str, float]]]()

    def _open(self, trainer: Trainer) -> None:
        pass

    def _write(self, values: dict[str, float], step: int) -> None:
        self.written.append((step, values))

    def _close(self, failed: bool) -> None:
        pass


def need(module: str, extra: str) -> ModuleType:
    """A module of a package that is not installed with this one. **Raises:** `MissingPackageError`."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        package = module.partition(".")[0]
        raise MissingPackageError(
            f"This observer needs {package}, which is not installed: pip install 'dynplug-trackers[{extra}]'"
        ) from error


def _by_step(history: History, count: int) -> Iterator[dict[str, float]]:
    """The values of the last `count` steps."""
    values = {f"step/{name}": history.metric("fit", name, "detailed") for name in history.last("fit")}
    columns = {name: of[-count:] for name, of in values.items() if len(of) >= count}
    for n in range(count):
        yield {name: float(column[n]) for name, column in columns.items()}
