"""The newest checkpoint of a run, and the one before it."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from dynplug.errors import CheckpointError


class CheckpointPair:
    """Two checkpoints of one run: at any moment, however the process ends, at least one of them is whole.

    **Arguments:**

    - `path`: the newest; the one before it has `.previous` in its name, the best one, if it is kept, `.best`.
    """

    def __init__(self, path: str | Path):
        self.path = Path(path)
        self.previous = self.path.with_name(f"{self.path.stem}.previous{self.path.suffix}")
        self.best = self.path.with_name(f"{self.path.stem}.best{self.path.suffix}")

    def exists(self) -> bool:
        """Whether there is a checkpoint."""
        return self.path.exists() or self.previous.exists()

    def save(self, trainer: Any) -> None:
        """Let a trainer save its states; where that fails, what was there before stays the newest."""
        if not trainer.writes:  # another process does
            return trainer.save_states(self.path)
        if self.path.exists():
            os.replace(self.path, self.previous)
        try:
            trainer.save_states(self.path)
        except BaseException:
            if self.previous.exists():
                os.replace(self.previous, self.path)
            raise

    def load(self, trainer: Any) -> str:
        """Let a trainer load the newest checkpoint that is whole; a sentence if it is not the last one written.

        **Raises:** `CheckpointError` where there is none, or where it is of another trainer or a newer version.
        """
        return self.newest(trainer.load_states)[1]

    def newest(self, load: Callable[[Path], Any]) -> tuple[Any, str]:
        """The result of `load` for the newest intact checkpoint, and a sentence if that is not the last.

        **Raises:** as the function, whose `CheckpointError` says whether a file is damaged.
        """
        try:
            return load(self.path), ""
        except CheckpointError as error:
            if not (error.damaged and self.previous.exists()):
                raise
            return load(self.previous), f"{error} Going on from {self.previous}, written before it."
