"""The folder of a sweep: its configuration, and a folder for each trial. A killed sweep resumes from it."""

import json
from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

import tomli_w

from dynplug.core import write_atomically
from dynplug.errors import CheckpointError
from dynplug.recipe import CONFIG, Config, by_path, lock
from dynplug.search import Outcome, Trial
from dynplug.sweep.trying import TRIAL, outcome_in

SWEEP = "sweep.toml"


class SweepFolder:
    """The files of a sweep.

    **Arguments:**

    - `path`: the folder.
    """

    def __init__(self, path: str | Path):
        self.path = Path(path)

    def begin(self, config: Config) -> Callable[[], None]:
        """Claim the folder for a sweep; the function that is returned releases it.

        **Raises:** `CheckpointError` where another process is at work in it, or where it holds another sweep.
        """
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            release = lock(self.path)
        except BlockingIOError as error:
            raise CheckpointError(f"Another process is at work in the sweep {self.path}.") from error
        except OSError as error:
            raise CheckpointError(f"{self.path} could not be made ({error}).") from error
        file, text = self.path / SWEEP, tomli_w.dumps(config.values)
        begun = (self.folder_of(0) / TRIAL).exists()  # else nothing would be lost
        if begun and (differing := _differing(Config.from_file(file).values, config.values)):
            release()
            raise CheckpointError(
                f"{self.path} holds a sweep of another configuration, which differs at {', '.join(differing)}: name "
                "another folder with --out."
            )
        write_atomically(file, text.encode())
        return release

    def folder_of(self, number: int) -> Path:
        """The folder of a trial."""
        return self.path / "trials" / f"{number:04d}"

    def add(self, trial: Trial) -> None:
        """Write a new trial down before it runs."""
        folder = Path(trial.folder)
        folder.mkdir(parents=True, exist_ok=True)
        write_atomically(folder / CONFIG, tomli_w.dumps(trial.config).encode())
        write_atomically(folder / TRIAL, json.dumps({"number": trial.number, "values": dict(trial.values)}).encode())

    def known(self) -> Iterator[tuple[int, dict[str, object], Outcome | None]]:
        """Number, values and outcome, if there is one, of each trial that was written down."""
        number = 0
        while (file := self.folder_of(number) / TRIAL).exists():
            yield number, json.loads(file.read_text(encoding="utf-8"))["values"], outcome_in(file.parent)
            number += 1


def _differing(old: Mapping[str, object], new: Mapping[str, object]) -> list[str]:
    """The paths at which two configurations differ, except those that may change when a sweep is resumed: the launcher
    and the number of trials.
    """
    before, after = (by_path(_fixed(values)) for values in (old, new))
    return [path for path in {**before, **after} if before.get(path) != after.get(path)]


def _fixed(values: Mapping[str, object]) -> dict[str, object]:
    fixed: dict[str, Any] = deepcopy(dict(values))
    sweep = fixed.get("sweep", {})
    sweep.pop("launcher", None)
    sweep.pop("report", None)
    if isinstance(sweep.get("sampler"), dict):
        sweep["sampler"].pop("num_trial", None)
    return fixed
