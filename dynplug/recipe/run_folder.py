"""The folder of a training: configuration, metrics, checkpoints. It serves to resume, however the process ended."""

import itertools
import json
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import dynplug.train.checkpoint as checkpoint
from dynplug.core import write_atomically
from dynplug.errors import CheckpointError, DynplugError
from dynplug.recipe.lock import lock
from dynplug.train import Trainer
from dynplug.train.checkpoint import CheckpointPair

CONFIG, METRICS, CHECKPOINT = "config.toml", "metrics.jsonl", "checkpoint.safetensors"


class RunFolder:
    """The files of a training.

    **Arguments:**

    - `path`: the folder; made when it is begun.
    - `new`: whether it must be one that is not there yet; of two that begin at the same time one takes the name with
        `-2` at its end, and so on.
    """

    def __init__(self, path: str | Path, *, new: bool = False):
        self.path, self._new = Path(path), new
        self._release: Callable[[], object] | None = None
        self._left: list[tuple[int, int, int]] | None = None

    @property
    def checkpoints(self) -> CheckpointPair:
        """The checkpoints in it."""
        return CheckpointPair(self.path / CHECKPOINT)

    def hold(self) -> None:
        """Keep others out; the system lets go of the folder when this process ends, be it killed.

        **Raises:** `CheckpointError` where another process is at work in it, or was since `release`.
        """
        if self._release is not None:
            return
        try:
            self._release = weakref.finalize(self, lock(self.path))
        except BlockingIOError as error:
            raise CheckpointError(
                f"Another process is at work in {self.path}: wait for its end, or name another folder with --out."
            ) from error
        if self._left not in (None, self._found()):
            self.release()
            raise CheckpointError(
                f"Another process has gone on with the run in {self.path} since it was loaded: load it anew."
            )

    def release(self) -> None:
        """Let other processes into the folder."""
        if self._release is not None:
            self._left = self._found()
            self._release()
            self._release = None

    def _found(self) -> list[tuple[int, int, int]]:
        """A fingerprint of the present files, which differs from that of files that another process writes."""
        stats = [
            path.stat() for path in sorted(self.path.glob("*")) if path.name in (METRICS, self.checkpoints.path.name)
        ]
        return [(stat.st_ino, stat.st_mtime_ns, stat.st_size) for stat in stats]

    def begin(self, config: str) -> None:
        """Claim the folder for a new training, until `release` or the end of the process, however it ends.

        **Raises:** `CheckpointError` if it holds a training, if another process is at work in it, or if it cannot be
        made.
        """
        try:
            self.path = _made(self.path) if self._new else self.path
            self.path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise CheckpointError(f"{self.path} could not be made ({error}).") from error
        self.hold()
        self.check_empty()
        self._write(CONFIG, config)
        self._write(METRICS, "")

    def check_empty(self) -> None:
        """Raise `CheckpointError` if it holds a training."""
        if self.checkpoints.exists():
            raise CheckpointError(
                f"{self.path} already holds a run: go on with --resume, or name another folder with --out."
            )

    def keep(self, files: Sequence[str | Path]) -> None:
        """Keep copies of files that the training needs."""
        for file in map(Path, files):
            write_atomically(self.path / file.name, file.read_bytes())

    def resume(self, trainer: Trainer) -> str:
        """Keep others out, and `load`. **Raises:** as both do."""
        self.hold()
        return self.load(trainer)

    def load(self, trainer: Trainer) -> str:
        """Let a trainer load the newest checkpoint that is whole; a sentence if that is not the last one written.

        **Raises:** `CheckpointError` where there is none although an epoch was finished, and as `Trainer.load_states`.
        """
        if self.checkpoints.exists():
            try:
                return self.checkpoints.load(trainer)
            except CheckpointError as error:
                if not error.remedy:
                    raise
                raise _for_runs(error) from error
        if any(line["epoch"] > 1 for line in self.lines):
            raise CheckpointError(f"There is no checkpoint in {self.path}, {CHECKPOINT} is missing.")
        return "No epoch was finished: starting from the beginning."

    def resumed(self, config: str, epoch: int, steps: int) -> None:
        """Keep the metrics of epochs up to `epoch`, and of the first `steps` steps, and drop what came later."""
        lines = [line for line in self.lines if line["epoch"] <= epoch or line.get("step", steps + 1) <= steps]
        self._write(METRICS, "".join(f"{json.dumps(line)}\n" for line in lines))
        self._write(CONFIG, config)

    def add(self, line: Mapping[str, object]) -> None:
        """Add a line of metrics. **Raises:** `CheckpointError` where it cannot be written."""
        path = self.path / METRICS
        try:
            with path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(line) + "\n")
        except OSError as error:
            raise CheckpointError(
                f"{path} could not be written ({error}). The last checkpoint is kept: go on with --resume {self.path}."
            ) from error

    @contextmanager
    def blaming_packages(self) -> Iterator[None]:
        """Name the packages that made the run and are missing, if a component cannot be found or built."""
        try:
            yield
        except DynplugError as error:
            if gone := self._missing_packages():
                raise CheckpointError(f"{gone} ({error})") from error
            raise

    def _missing_packages(self) -> str:
        """A sentence about the packages that the run was made with and that are not here; empty if there is none."""
        for path in (self.checkpoints.path, self.checkpoints.previous):
            try:
                return checkpoint.missing_packages(path)
            except CheckpointError:  # another trainer's, or damaged
                continue
        return ""

    def _write(self, name: str, text: str) -> None:
        write_atomically(self.path / name, text.encode())

    @property
    def lines(self) -> list[dict[str, Any]]:
        """The lines of metrics, but for one that was cut off."""
        path = self.path / METRICS
        found: list[dict[str, Any]] = []
        for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else []:
            try:
                found.append(json.loads(line))
            except ValueError:
                continue
        return found


def _for_runs(error: CheckpointError) -> CheckpointError:
    """The error about a checkpoint of another model, with what to do about it where a run is gone on with."""
    return CheckpointError(
        f"{error.problem} A run goes on with the model, the step and the optimizer that it was begun with: leave those "
        "values as they were, or begin another run, in another folder."
    )


def _made(path: Path) -> Path:
    """A folder that was not there before: of this name, or with the first number at its end that is free."""
    for n in itertools.count(2):  # to make it is to claim it: the system lets one process alone
        try:
            path.mkdir(parents=True)
            return path
        except FileExistsError:
            path = path.with_name(f"{path.name if n == 2 else path.name.rpartition('-')[0]}-{n}")
    raise AssertionError
