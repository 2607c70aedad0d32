"""Reports of a trainer at the end of an epoch, and their streams."""

import sys
import time
from collections.abc import Callable, Mapping
from typing import Any, Protocol, runtime_checkable

from tqdm import tqdm

from dynplug.train.fit.epoch import Log
from dynplug.train.fit.history import History

Report = Callable[[int, dict[str, float], str], None]
"""`f(epoch, metrics, phase)`, called after each phase, `"fit"` and `"test"`, of an epoch.

With `num_report` it is called after that many steps as `f(step, metrics, "fit")`."""


@runtime_checkable
class Stream(Protocol):
    """A stream to which lines of text can be written."""

    def write(self, text: str, /) -> Any: ...


class _Stdout:
    """Standard output as it is when a line is written, not as it was on import."""

    def write(self, text: str, /) -> None:
        sys.stdout.write(text)

    def __repr__(self) -> str:
        return "STDOUT"

    def __reduce__(self) -> str:
        return "STDOUT"  # there is one in a process


STDOUT = _Stdout()


def report(
    history: History, epoch: int, last: int, seconds: Mapping[str, float], logger: Stream | None, after: Report | None
) -> None:
    """Write one line about an epoch, and call `after` for each of its phases.

    **Arguments:**

    - `history`: holds the epoch's metrics.
    - `epoch`: the number of the epoch, from 1.
    - `last`: the number of the last one.
    - `seconds`: the duration of each phase [s].
    - `logger`: the stream for the line; `None` for none.
    - `after`: called as `f(epoch, metrics, phase)`, `metrics` with `"seconds"`.
    """
    parts: list[str] = []
    for phase, took in seconds.items():
        metrics = history.last(phase)
        parts.append(f"{phase} " + ", ".join(f"{name} {value:.4g}" for name, value in metrics.items()))
        if after is not None:
            after(epoch, {**metrics, "seconds": took}, phase)
    _say(f"Epoch {epoch}/{last}: {'; '.join(parts)}; {sum(seconds.values()):.2f} s", logger)


class StepReports:
    """Reports of some steps at a time, and of the rest at the end of an epoch. A step is counted over all epochs.

    **Arguments:**

    - `every`: the number of steps that are reported together; `None` for no such report.
    - `history`: of the epochs before.
    - `log`: of this epoch.
    - `logger`: the stream for a line; `None` for none.
    - `after`: called as `f(step, metrics, "fit")`, `metrics` with `"seconds"`.
    """

    def __init__(self, every: int | None, history: History, log: Log, logger: Stream | None, after: Report | None):
        self._every, self._history, self._log, self._logger, self._after = every, history, log, logger, after
        self._first = len(log) // every * every if every else 0
        self._since = time.perf_counter()

    def after_step(self) -> None:
        """Report if it is time."""
        if self._every and len(self._log) - self._first >= self._every:
            self._report()

    def after_epoch(self) -> None:
        """Report what is left."""
        if self._every and len(self._log) > self._first:
            self._report()

    def _report(self) -> None:
        step, seconds = self._history.steps() + len(self._log), time.perf_counter() - self._since
        metrics = self._log.means(self._first)
        values = ", ".join(f"{name} {value:.4g}" for name, value in metrics.items())
        if self._after is not None:
            self._after(step, {**metrics, "seconds": seconds}, "fit")
        _say(f"Step {step}: fit {values}; {seconds:.2f} s", self._logger)
        self._first, self._since = len(self._log), time.perf_counter()


def _say(line: str, logger: Stream | None) -> None:
    if logger is not None:
        tqdm.write(line, file=logger)  # pyright: ignore[reportArgumentType] - write is all it needs
