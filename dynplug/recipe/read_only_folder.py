"""The run folder of a training in several processes, for the processes that do not write it."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from dynplug.recipe.run_folder import RunFolder
from dynplug.train import Trainer
from dynplug.train.checkpoint import CheckpointPair


class ReadOnlyFolder:
    """A read-only stand-in for a `RunFolder` that another process writes.

    **Arguments:**

    - `files`: the folder.
    """

    def __init__(self, files: RunFolder):
        self.path: Path = files.path
        self.checkpoints: CheckpointPair = files.checkpoints
        self._files = files

    @property
    def lines(self) -> list[dict[str, Any]]:
        """The lines of metrics, as far as the other process has written them."""
        return self._files.lines

    def hold(self) -> None:
        """Do nothing: the process that writes holds the lock."""

    def release(self) -> None:
        """Do nothing: the process that writes releases the lock."""

    def begin(self, config: str) -> None:
        """Check the folder, which the other process writes. **Raises:** as `RunFolder.check_empty`."""
        self._files.check_empty()

    def keep(self, files: Sequence[str | Path]) -> None:
        """Nothing is written."""

    def resume(self, trainer: Trainer) -> str:
        """As `RunFolder.load`."""
        return self._files.load(trainer)

    def resumed(self, config: str, epoch: int, steps: int) -> None:
        """Nothing is written."""

    def add(self, line: Mapping[str, object]) -> None:
        """Nothing is written."""
