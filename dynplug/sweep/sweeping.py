"""A sweep: trials sampled, launched, reported and recorded."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from dynplug.recipe import Config, import_files
from dynplug.search import Outcome, Search, Trial
from dynplug.sweep.pictures import draw_sweep
from dynplug.sweep.results import SweepResult
from dynplug.sweep.sweep_folder import SweepFolder
from dynplug.sweep.sweep_options import SweepOptions, without_sweep


def sweep_config(
    config: str | Path | Mapping[str, object] | Config,
    folder: str | Path | None = None,
    *,
    imports: Sequence[str | Path] = (),
    say: Callable[[str], None] = print,
) -> SweepResult:
    """Train a configuration with other values for some of its keys, as `dynplug sweep` does.

    The section `[sweep]` says which: see the guide. A sweep that was killed is gone on with by the same call: trials
    that are done are read, those that were under way go on from their checkpoints. What fails is a row of the table.

    ```python
    result = dp.sweep_config("sweep.toml")
    print(result)
    assert result.best["value"] == min(trial["value"] for trial in result.trials)     # the metric is a loss
    ```

    **Arguments:**

    - `config`: a TOML file, what it holds as a dictionary, or a `Config`.
    - `folder`: of the sweep; `None` for one in `sweeps/` with the name of the file.
    - `imports`: Python files that register components of your own, imported first, in each process.
    - `say`: is told in lines what happens.

    **Raises:** `ConfigError`, before anything is written, and `CheckpointError`.
    """
    import_files(imports)
    given = Config.of(config)
    options = SweepOptions.of(given)
    files = SweepFolder(folder or Path("sweeps") / given.name)
    sweep = _Sweep(given, options, files, tuple(str(Path(path).resolve()) for path in imports))
    release = files.begin(given)
    try:
        say(f"Sweep folder: {files.path}")
        for outcome in options.launcher.launch(sweep.trials(say)):
            sweep.add(outcome)
            say(sweep.line(outcome))
        result = SweepResult.of(sweep.search, sweep.rows())
        result.write()
        draw_sweep(result, files.path, say)
    finally:
        release()
    return result


class _Sweep:
    """A sweep under way: the trials, and the outcomes so far."""

    def __init__(self, config: Config, options: SweepOptions, files: SweepFolder, imports: tuple[str, ...]):
        self._config, self._base = config, without_sweep(config)
        self._options, self._files, self._imports = options, files, imports
        self.search = Search(options.space, options.metric, options.mode, files.path)
        self._values: dict[int, Mapping[str, object]] = {}
        self._outcomes: dict[int, Outcome] = {}

    def trials(self, say: Callable[[str], None]) -> Iterator[Trial]:
        """The trials under way, and then those that the sampler chooses, each when there is room for it."""
        known = list(self._files.known())
        for number, values, outcome in known:
            self._values[number] = values
            if outcome is not None:
                self.add(outcome)
        if known:
            say(f"Going on: {len(self._outcomes)} of {len(known)} trials are done.")
        for number, values, outcome in known:
            if outcome is None:
                yield self._trial(number, values)
        number = len(known)
        while (values := self._asked(number)) is not None:
            trial = self._trial(number, values)
            self._files.add(trial)
            self._values[number] = values
            yield trial
            number += 1

    def _asked(self, number: int) -> Mapping[str, object] | None:
        with self._config.blamed():
            return self._options.sampler.ask(self.search, number)

    def _trial(self, number: int, values: Mapping[str, object]) -> Trial:
        made = self._base.with_values(values, dict.fromkeys(values, f"trial {number}"))
        return Trial(
            number,
            values,
            made.values,
            str(self._files.folder_of(number).resolve()),
            self._options.metric,
            self._options.report,
            self._imports,
            self._options.sampler.observers(self.search, number),
        )

    def add(self, outcome: Outcome) -> None:
        """Record an outcome."""
        self._outcomes[outcome.number] = outcome
        self._options.sampler.tell(self.search, self._values[outcome.number], outcome)

    def line(self, outcome: Outcome) -> str:
        """An outcome in one line."""
        values = ", ".join(f"{path} {_shown(value)}" for path, value in self._values[outcome.number].items())
        came = f"{self.search.metric} {outcome.value:.4g}" if outcome.value is not None else outcome.message
        status = "" if outcome.status == "finished" else f"{outcome.status}, "
        return f"Trial {outcome.number}: {status}{came}; {values}; {outcome.seconds:.1f} s"

    def rows(self) -> list[tuple[Mapping[str, object], Outcome]]:
        """Values and outcomes, by number."""
        return [(self._values[number], self._outcomes[number]) for number in sorted(self._outcomes)]


def _shown(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
