"""The run folder of a training in several processes, for those that do not write it."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from dynplug.recipe.run_folder import RunFolder
from dynplug.train import Trainer
from dynplug.train.checkpoint import CheckpointPair


class Bystander:
    """Stands for a `RunFolder` that another process writes: it is read, and that is all.

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
        """Its own process keeps others out."""

    def release(self) -> None:
        """And lets them in."""

    def begin(self, config: str) -> None:
        """Nothing is written, and no step can be done before this. **Raises:** as `RunFolder.check_empty`."""
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
