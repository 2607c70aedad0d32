"""Training a configured model, with the results in a run folder."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext, suppress
from inspect import Parameter
from pathlib import Path

from dynplug.errors import ConfigError, DynplugError, NonFiniteError, nearest
from dynplug.plugin import check_values, parameters
from dynplug.recipe.built_parts import built
from dynplug.recipe.config import Config
from dynplug.recipe.read_only_folder import ReadOnlyFolder
from dynplug.recipe.report import Reported, arrays_of, command_line, write_report
from dynplug.recipe.run_folder import CHECKPOINT as CHECKPOINT, CONFIG as CONFIG, METRICS as METRICS, RunFolder
from dynplug.tasks import TaskData
from dynplug.train import Trainer

_HEADER = "# Written by `dynplug train`. NAME@N pins a component to revision N: any other revision is an error.\n"
_OWN = {"self", "train_data", "test_data", "fun_after_report", "save_to"}  # arguments of `fit` that are not the user's


def silent(line: str) -> None:
    """Say nothing."""


class Training:
    """A configured training and its run folder.

    The folder holds the configuration with the revision of each component, a line of metrics per epoch and phase as
    JSON, the last two checkpoints, and, in the end, a report in HTML and its pictures.

    **Arguments:**

    - `config`: the configuration.
    - `folder`: the run folder.
    - `resume`: whether to go on with what it holds; otherwise it must hold none.
    - `new`: whether it must not be there yet; where it is, a number at the end of its name makes it another.
    - `imports`: files of components that were imported for it, of which the folder gets copies.
    - `observers`: of the run, beside those that are configured.
    - `report`: whether there will be a report, for which the initial parameters are kept.
    """

    def __init__(
        self,
        config: Config,
        folder: str | Path,
        *,
        resume: bool = False,
        new: bool = False,
        imports: Sequence[str | Path] = (),
        observers: Sequence[object] = (),
        report: bool = True,
    ):
        self.config = config
        files, self._imports = RunFolder(folder, new=new), imports
        with config.blamed():
            with files.blaming_packages() if resume else nullcontext():
                task, self.runner, pinned = built(config, observers)
            self._check_fit()
            self._files = files if self.runner.writes else ReadOnlyFolder(files)
            self._written = f"{_HEADER}{_imported(imports)}{pinned.dump()}"
        self.data: TaskData = task.load(config.key_of("task"))
        self._reports, self._before = report, arrays_of(self.runner.target) if report else {}
        self._note = self._ended = ""
        try:
            self._claim(resume)
        except BaseException:
            self._files.release()
            raise

    def _claim(self, resume: bool) -> None:
        if not resume:
            self._files.begin(self._written)
            self._files.keep(self._imports)
            return
        with self.config.blamed():
            self._load()
        self._files.resumed(self._written, self.runner.epoch, getattr(self.runner, "steps", 0))
        self._files.release()  # until it runs: one that was only loaded keeps nobody out

    @property
    def folder(self) -> Path:
        """The run folder."""
        return self._files.path

    def run(self, say: Callable[[str], None]) -> None:
        """`train`, and write the report, if there is to be one.

        A training that blew up is reported too: the model is that of the last step that was finite.
        """
        with self._holding():
            try:
                self._train(say)
            except NonFiniteError:
                with suppress(Exception):  # this is the error to be told
                    self.report(say)
                raise
            self.report(say)

    def train(self, say: Callable[[str], None] = silent) -> None:
        """Train for the epochs that are still to do, of `num_epoch` in all."""
        with self._holding():
            self._train(say)

    def report(self, say: Callable[[str], None] = silent) -> None:
        """Write the report, if there is to be one. All processes compute it, and one writes it."""
        if not self._reports:
            return
        values, options = self.config.values, _import_options(self._imports)
        task, model = (str(values[name].get("type", "")).partition("@")[0] for name in ("task", "model"))
        reported = Reported(
            title=f"{model} trained on {task}",
            runner=self.runner,
            train=self.data.train,
            test=self.data.test,
            config=self._written,
            fit=values["fit"],
            before=self._before,
            lines=self._files.lines,
            ended=self._ended,
            command=command_line(),
            again=f"dynplug train {CONFIG}{f' {options}' * bool(options)}, with the file in this folder",
        )
        write_report(self.folder, reported, say)

    def release(self) -> None:
        """Let other processes into the run folder."""
        self._files.release()

    @contextmanager
    def _holding(self) -> Iterator[None]:
        """Others are kept out of the run folder."""
        self._files.hold()
        try:
            yield
        finally:
            self._files.release()

    def _train(self, say: Callable[[str], None]) -> None:
        if self._note:
            say(self._note)
        fit = dict(self.config.values["fit"])
        asked = fit.get("num_epoch", 100)
        fit["num_epoch"] = max(0, asked - self.runner.epoch)
        before = self.runner.epoch
        if not fit["num_epoch"]:
            more = f"dynplug train --resume {self.folder} --set fit.num_epoch={2 * before}"
            say(f"This run is finished: epoch {before} was the last, with fit.num_epoch={asked}. To extend it: {more}")
        if self._saves_itself:
            fit["save_to"] = self._files.checkpoints.path
        try:
            self.runner.fit(self.data.train, self.data.test, fun_after_report=self._after_report, **fit)
        except NonFiniteError as error:
            self._ended = f"The training ended with an error. {error}"
            raise
        if self.runner.epoch < asked:
            what = "This run is finished: it" if self.runner.epoch == before else "The run"
            stopped = f"was stopped early, after epoch {self.runner.epoch} of {asked}."
            self._ended = f"The training {stopped}"
            say(f"{what} {stopped}")

    @property
    def _saves_itself(self) -> bool:
        return "save_to" in parameters(self.runner.fit)

    def _after_report(self, epoch: int, metrics: Mapping[str, object], phase: str) -> None:
        """Write metrics; with `num_report`, those of fitting come with the number of a step, not of an epoch."""
        by_step = phase == "fit" and self.config.values["fit"].get("num_report", 0) > 0
        at = {"epoch": self.runner.epoch + 1, "step": epoch} if by_step else {"epoch": epoch}
        self._files.add({**at, "phase": phase, **metrics})
        if phase == "test" and not self._saves_itself:
            self._files.checkpoints.save(self.runner)

    def _load(self) -> None:
        wanted = getattr(self.runner, "seed", None)
        self._note = self._files.resume(self.runner)
        started = getattr(self.runner, "seed", None)
        if started != wanted:
            raise ConfigError(f"This run was started with seed {started}; it cannot go on with {wanted}.", "seed")

    def _check_fit(self) -> None:
        name = type(self.runner).__name__
        if not hasattr(self.runner, "fit"):
            raise ConfigError(f"{name} does not train: it has no method 'fit'.", "runner.type")
        if not isinstance(self.runner, Trainer):
            lacks = sorted(member for member in _members() if not hasattr(self.runner, member))
            raise ConfigError(
                f"{name} is no dynplug.train.Trainer: it has no {', '.join(map(repr, lacks))}.", "runner.type"
            )
        accepted, takes_any = options_of_fit(self.runner)
        for key in self.config.values["fit"]:
            if key not in accepted and not takes_any:
                raise ConfigError(f"{name}.fit takes no {key!r}. {nearest(key, accepted)}", f"fit.{key}")
        check_values(accepted, self.config.values["fit"], "fit")
        for key in self.config.values["fit"]:
            self._check_option(key)

    def _check_option(self, key: str) -> None:
        """Let the trainer look at an option of `fit`, if it has a method for that."""
        if hasattr(self.runner, "check_fit"):
            try:
                self.runner.check_fit(key, self.config.values["fit"])
            except DynplugError as error:
                raise ConfigError(str(error), f"fit.{key}") from error


def options_of_fit(runner: object) -> tuple[dict[str, Parameter], bool]:
    """The parameters of a runner's `fit`, or of its class's, that a configuration may set; whether it may set any."""
    fit = getattr(runner, "fit", None)
    found = {} if fit is None else parameters(fit)
    accepted = {name: p for name, p in found.items() if name not in _OWN}
    return accepted, any(p.kind is p.VAR_KEYWORD for p in accepted.values())


def _imported(imports: Sequence[str | Path]) -> str:
    """A comment about the files that a configuration needs."""
    options = _import_options(imports)
    return f"# It needs {options}.\n" if options else ""


def _import_options(imports: Sequence[str | Path]) -> str:
    return " ".join(f"--import {Path(path).name}" for path in imports)


def _members() -> set[str]:
    """The names of all that a `Trainer` has."""
    return {name for name in (*Trainer.__annotations__, *vars(Trainer)) if not name.startswith("_")}
