"""The section `[sweep]` of a configuration."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, Literal

from dynplug.errors import ConfigError, OptionError, nearest
from dynplug.plugin import Configured, resolve
from dynplug.recipe import Config, options_of_fit
from dynplug.search import FORMS, Launcher, Sampler, Space
from dynplug.train import Watched

_KEYS = ("space", "metric", "mode", "sampler", "launcher", "report")


@dataclass(frozen=True)
class SweepOptions:
    """The options of a sweep.

    **Attributes:**

    - `space`: the hyperparameters.
    - `metric`, `mode`: the metric to improve, and its direction.
    - `sampler`, `launcher`: choose the values of trials, and run them.
    - `report`: whether each trial gets a report.
    """

    space: Space
    metric: str
    mode: Literal["min", "max"]
    sampler: Sampler
    launcher: Launcher
    report: bool

    @classmethod
    def of(cls, config: Config) -> "SweepOptions":
        """The options that a configuration states, checked against the rest of it.

        **Raises:** `ConfigError`, with file and line.
        """
        with config.blamed():
            table = config.values.get("sweep")
            if not isinstance(table, Mapping):
                raise ConfigError("The section [sweep] is missing: it says what to try, as in [sweep.space].", "sweep")
            for key in table:
                if key not in _KEYS:
                    raise ConfigError(f"[sweep] takes no {key!r}. {nearest(key, _KEYS)}", f"sweep.{key}")
            space = Space.parse(table.get("space"), "sweep.space")
            metric, mode = _goal(table, config)
            sampler = _built(table.get("sampler", "grid"), "sampler")
            launcher = _built(table.get("launcher", "serial"), "launcher")
        for path in space:
            _check(config, path, space[path].values() or [getattr(space[path], "low", None)])
        with config.blamed():
            report = table.get("report", False)
            if not isinstance(report, bool):
                raise ConfigError(f"Expected true or false, without quotes; got {report!r}.", "sweep.report")
        return cls(space, metric, mode, sampler, launcher, report)


def without_sweep(config: Config) -> Config:
    """The configuration of the training alone."""
    values = {name: value for name, value in config.values.items() if name != "sweep"}
    return Config(values, config.source, config.text, changed=config.changed)


def _built(given: Mapping[str, object] | str | Configured, kind: str) -> Any:
    found = resolve(given, kind=kind, path=f"sweep.{kind}")
    found.check()
    return found.build()


def _goal(table: Mapping[str, Any], config: Config) -> tuple[str, Literal["min", "max"]]:
    """The metric to improve, and the direction."""
    metric = table.get("metric", "test/loss")
    if not isinstance(metric, str) or "/" not in metric:
        raise ConfigError(f"must be a phase and a metric, as 'test/accuracy'; got {metric!r}.", "sweep.metric")
    phase, _, name = metric.partition("/")
    runner = config.values["runner"]
    given = [m.get("type", "") if isinstance(m, Mapping) else m for m in runner.get("metrics", ())]
    measured = ["loss", *(str(name).partition("@")[0] for name in given)]
    if name not in measured and not runner.get("loss_has_aux"):
        raise ConfigError(f"There is no metric {name!r} in [runner]. {nearest(name, measured)}", "sweep.metric")
    try:
        watched = Watched(phase, name, table.get("mode"), name="[sweep]")
    except OptionError as error:
        raise ConfigError(str(error), "sweep.mode" if "mode" in table else "sweep.metric") from error
    return metric, "min" if watched.mode == "min" else "max"


def _check(config: Config, path: str, values: Sequence[object]) -> None:
    """Refuse a hyperparameter that is no key of the configuration, or of the component that it names."""
    for value in values if path.endswith("type") else values[:1]:
        try:
            made = without_sweep(config).with_values({path: value}, {path: f"{config.source}, [sweep.space]"})
            with made.blamed():
                resolved = made.resolved()
                for part, given in ((resolved["task"], ()), (resolved["model"], ()), (resolved["runner"], ("target",))):
                    part.check(given)
                _check_fit(resolved["runner"], path)
        except ConfigError as error:
            meant = get_close_matches(path.rpartition(".")[2], FORMS, 1)
            if not meant:
                raise
            raise ConfigError(f"{error} Or did you mean the distribution {meant[0]!r}?") from error


def _check_fit(runner: Configured, path: str) -> None:
    section, _, name = path.partition(".")
    accepted, takes_any = options_of_fit(runner.target)
    if section == "fit" and name not in accepted and not takes_any:
        raise ConfigError(f"fit takes no {name!r}. {nearest(name, accepted)}", path)
