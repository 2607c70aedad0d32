"""The log of what a trial prints, in its folder."""

import io
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path

LOG = "log.txt"


class _Log(io.TextIOBase):
    """A file that is open only while something is written: whoever keeps it, as loggers do, can write at any time."""

    def __init__(self, path: Path):
        self._path = path

    def write(self, text: str, /) -> int:
        if self._path.parent.exists():
            with self._path.open("a", encoding="utf-8") as file:
                file.write(text)
        return len(text)


@contextmanager
def logged(folder: str | Path) -> Iterator[None]:
    """Redirect printed output, errors included, to a trial's log."""
    log = _Log(Path(folder) / LOG)
    with redirect_stdout(log), redirect_stderr(log):
        yield


def note(folder: str | Path, line: str) -> None:
    """Add a line to a trial's log."""
    _Log(Path(folder) / LOG).write(f"{line}\n")
