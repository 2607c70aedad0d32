"""What a trainer says at the end of an epoch, and to whom."""

import sys
from collections.abc import Callable, Mapping
from typing import Any, Protocol, runtime_checkable

from tqdm import tqdm

from dynplug.train.history import History

Report = Callable[[int, dict[str, float], str], None]
"""`f(epoch, metrics, phase)`, called after each phase, `"fit"` and `"test"`, of an epoch."""


@runtime_checkable
class Stream(Protocol):
    """Where lines of text can be written."""

    def write(self, text: str, /) -> Any: ...


class _Stdout:
    """Standard output as it is when a line is written, not as it was on import."""

    def write(self, text: str, /) -> None:
        sys.stdout.write(text)

    def __repr__(self) -> str:
        return "STDOUT"


STDOUT = _Stdout()


def report(
    history: History, epoch: int, last: int, seconds: Mapping[str, float], logger: Stream | None, after: Report | None
) -> None:
    """Write one line about an epoch, and call `after` for each of its phases.

    **Arguments:**

    - `history`: holds the epoch's metrics.
    - `epoch`: the number of the epoch, from 1.
    - `last`: the number of the last one.
    - `seconds`: how long each phase took [s].
    - `logger`: where the line goes; `None` for nowhere.
    - `after`: called as `f(epoch, metrics, phase)`, `metrics` with `"seconds"`.
    """
    parts: list[str] = []
    for phase, took in seconds.items():
        metrics = history.last("fit" if phase == "fit" else "predict")
        parts.append(f"{phase} " + ", ".join(f"{name} {value:.4g}" for name, value in metrics.items()))
        if after is not None:
            after(epoch, {**metrics, "seconds": took}, phase)
    if logger is not None:
        line = f"Epoch {epoch}/{last}: {'; '.join(parts)}; {sum(seconds.values()):.2f} s"
        tqdm.write(line, file=logger)  # pyright: ignore[reportArgumentType] - write is all it needs
