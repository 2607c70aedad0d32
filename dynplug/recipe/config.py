"""Configurations of trainings: reading, overriding, and errors that name file, line and key."""

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jax
import tomli_w
from jaxtyping import PRNGKeyArray

from dynplug.core import is_whole
from dynplug.errors import ConfigError, nearest
from dynplug.plugin import (
    Configured,
    kind_of_argument,
    kind_of_part,
    parameters,
    read as read_component,
    registry,
    resolve,
    shortened,
)
from dynplug.recipe.run_folder import CONFIG
from dynplug.recipe.toml_values import check, loads, plain

_STREAMS = ("model", "task")  # of random numbers of one seed
_SHOWN = 60  # characters of a value that was given
SECTIONS = {"seed", "task", "model", "runner", "fit", "sweep", "diagnose"}


@dataclass
class Config:
    """A configuration and the text that it came from.

    **Attributes:** `values`; `source` and `text`, where they were read; `notes`, what overrides dropped; `changed`, by
    path, who has set a value since, for messages.
    """

    values: dict[str, Any]
    source: str = ""
    text: str = ""
    notes: list[str] = field(default_factory=list[str])
    changed: dict[str, str] = field(default_factory=dict[str, str])

    @classmethod
    def parse(cls, text: str, source: str) -> "Config":
        """Read TOML; `source` names it in messages."""
        text = text.removeprefix("\ufeff")  # a byte order mark, as some editors write it
        try:
            values = loads(text)
        except (tomllib.TOMLDecodeError, RecursionError) as error:
            problem = "it is nested too deeply" if isinstance(error, RecursionError) else error
            raise ConfigError(f"{source} is not valid TOML: {problem}") from error
        return cls._of(values, source, text)

    @classmethod
    def from_values(cls, values: Mapping[str, Any], source: str = "the configuration") -> "Config":
        """Take a dictionary as TOML would give it; `source` names it in messages."""
        return cls._of(plain(values), source, "")

    @classmethod
    def _of(cls, values: dict[str, Any], source: str, text: str) -> "Config":
        config = cls({"seed": 0, **values}, source, text)
        config.values.setdefault("fit", {})
        with config.blamed():
            check(config.values)
            _check_sections(config.values)
        return config

    @classmethod
    def from_file(cls, path: str | Path) -> "Config":
        """Read a TOML file."""
        try:
            return cls.parse(Path(path).read_text(encoding="utf-8"), str(path))
        except FileNotFoundError as error:
            raise ConfigError(f"There is no file {path}.") from error
        except UnicodeDecodeError as error:
            raise ConfigError(f"{path} is not a text in UTF-8, as TOML must be (byte {error.start}).") from error
        except IsADirectoryError as error:
            inside = Path(path) / CONFIG
            told = f"its configuration is {inside}, and to go on with it: dynplug train --resume {path}"
            raise ConfigError(f"{path} is a folder{f' of a run: {told}' if inside.exists() else ''}.") from error
        except OSError as error:
            raise ConfigError(f"{path} cannot be read: {error.strerror}.") from error

    @classmethod
    def of_run(cls, folder: str | Path) -> "Config":
        """The configuration of a run folder."""
        if not (path := Path(folder) / CONFIG).exists():
            raise ConfigError(f"There is no run in {folder}: it has no {CONFIG}.")
        return cls.from_file(path)

    @classmethod
    def of(cls, given: "str | Path | Mapping[str, Any] | Config") -> "Config":
        """The configuration that a TOML file or a dictionary holds, or that is one already."""
        if isinstance(given, Config):
            return given
        return cls.from_values(given) if isinstance(given, Mapping) else cls.from_file(given)

    @property
    def name(self) -> str:
        """A short name: of its file, or else of its task."""
        if self.source.endswith(".toml"):
            return Path(self.source).stem
        return str(self.values["task"].get("type", "run")).partition("@")[0].replace(":", "-")

    @classmethod
    def named(cls, recipe: str) -> "Config":
        """The recipe of a task, by its name, or that of a TOML file."""
        if recipe.endswith(".toml") or Path(recipe).name != recipe:
            return cls.from_file(recipe)
        component = registry().find("task", recipe)
        return cls.parse(component.load().recipe(), f"recipe {component.id}")

    def with_overrides(self, assignments: Sequence[str]) -> "Config":
        """The configuration after assignments such as `model.hidden.tau=10`, whose values are written as in TOML.

        Where a `type` is replaced, the keys that the new component takes are kept; the others are dropped, with a
        line in `notes`.
        """
        given: dict[str, Any] = {}
        origins: dict[str, str] = {}
        for assignment in assignments:
            path, equals, text = assignment.partition("=")
            if not equals or not path.strip():
                raise ConfigError(f"--set {assignment}: write it as key=value, for example model.hidden.tau=10.")
            path = path.strip()
            given.pop(path, None)  # the last one counts, in its place
            given[path], origins[path] = _value(path, text), f"--set {path}={shortened(text.strip(), _SHOWN)}"
        return self.with_values(given, origins)

    def with_values(self, given: Mapping[str, Any], origins: Mapping[str, str]) -> "Config":
        """The configuration after assignments of values by path; `origins` name who makes them, for messages."""
        values, paths = deepcopy(self.values), list(given)
        for path, value in given.items():
            _assign(values, path, plain(value), origins[path])
        made = Config(values, self.source, self.text, changed={**self.changed, **origins})
        with made.blamed():
            check(values)
            _check_sections(values)
            for path in paths:
                if path.endswith(".type"):
                    made.notes += _drop_foreign(values, path, paths)
        return made

    @contextmanager
    def blamed(self) -> Iterator[None]:
        """Add file and line to configuration errors, or the assignment that made them."""
        try:
            yield
        except ConfigError as error:
            where = self._changed_at(error.path)
            if not where:
                line = _line_of(self.text, error.path)
                where = f"{self.source}{f', line {line}' if line else ''}"
            raise ConfigError(f"{where}{f', {error.path}' if error.path else ''}: {error.problem}") from error

    def _changed_at(self, path: str) -> str:
        """The origin of the value at a path, or of the nearest above it, or else of all that were set below it."""
        plain = re.sub(r"\[\d+\]", "", path)
        if above := [known for known in self.changed if _within(plain, known)]:
            return self.changed[max(above, key=len)]
        return ", ".join(origin for known, origin in self.changed.items() if plain and _within(known, plain))

    def resolved(self) -> dict[str, Configured]:
        """The components that the sections `task`, `model` and `runner` name."""
        kinds = (("task", "task"), ("model", None), ("runner", "runner"))
        return {section: resolve(self.values[section], kind=kind, path=section) for section, kind in kinds}

    def pinned(self, resolved: Mapping[str, Configured]) -> "Config":
        """The configuration with the revision of each component, so that it never means another."""
        values: dict[str, Any] = self.values | {section: component.pinned() for section, component in resolved.items()}
        return Config(values, self.source, self.text, self.notes, self.changed)

    def key_of(self, section: str) -> PRNGKeyArray:
        """The random key from which a section's component draws: `"model"`, its weights; `"task"`, its data."""
        return jax.random.fold_in(jax.random.key(self.values["seed"]), _STREAMS.index(section))

    def dump(self) -> str:
        """The configuration as TOML."""
        return tomli_w.dumps(self.values)


def _check_sections(values: dict[str, Any]) -> None:
    for name in values:
        if name not in SECTIONS:
            raise ConfigError(f"There is no section {name!r}. {nearest(name, SECTIONS)}", name)
    for name in ("task", "model", "runner"):
        if name not in values:
            raise ConfigError(f"The section [{name}] is missing.", name)
        if not isinstance(values[name], dict):
            raise ConfigError(f"must be a section with a type (set {name}.type); got {values[name]!r}.", name)
    for name in ("fit", "diagnose"):
        if not isinstance(values.get(name, {}), dict):
            raise ConfigError(f"must be a table; got {values[name]!r}.", name)
    for name, value, least in (("seed", values["seed"], 0), ("fit.num_epoch", values["fit"].get("num_epoch", 1), 1)):
        if not is_whole(value, least):
            raise ConfigError(f"must be a whole number, {least} or more; got {value!r}.", name)


def _within(path: str, ancestor: str) -> bool:
    return path == ancestor or path.startswith(f"{ancestor}.")


def _assign(values: dict[str, Any], path: str, value: object, origin: str) -> None:
    table: dict[str, Any] = values
    *parents, last = path.split(".")
    for n, name in enumerate(parents):
        below = table.get(name)
        if isinstance(below, str) and kind_of_argument(name):
            below = table[name] = {"type": below}
        if not isinstance(below, dict):
            raise ConfigError(f"{origin}: there is no table {'.'.join(parents[: n + 1])!r}. {nearest(name, table)}")
        table = below
    table[last] = value


def _value(path: str, text: str) -> Any:
    try:
        return loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text.strip()
    except RecursionError as error:
        raise ConfigError(f"--set {path}: its value is nested too deeply.") from error


def _drop_foreign(values: dict[str, Any], path: str, assigned: Sequence[str]) -> list[str]:
    parent = path.removesuffix(".type")
    table = values
    for name in parent.split("."):
        table = table[name]
    component, arguments = read_component(table, kind=_kind_at(parent, table), path=parent)
    accepted = parameters(component.load())
    if any(p.kind is p.VAR_KEYWORD for p in accepted.values()):
        return []
    foreign = [name for name in arguments if name not in accepted and f"{parent}.{name}" not in assigned]
    for name in foreign:
        del table[name]
    return [f"{parent}: {registry().name_of(component)} takes no {', '.join(foreign)}; dropped."] if foreign else []


def _kind_at(path: str, table: dict[str, Any]) -> str | None:
    return path if path in ("task", "runner") else kind_of_part(path.rpartition(".")[2], table)


def _line_of(text: str, path: str) -> int | None:
    """The line in which a key, or else the nearest table above it, stands; `None` where there is none."""
    lines: dict[str, int] = {}
    table = ""
    for number, line in enumerate(text.splitlines(), 1):
        if header := re.match(r"\s*\[+\s*([\w.\-]+)\s*\]+", line):
            table = header[1]
            lines.setdefault(table, number)
        elif key := re.match(r"\s*([\w.\-]+)\s*=", line):
            lines.setdefault(f"{table}.{key[1]}" if table else key[1], number)
    path = re.sub(r"\[\d+\]", "", path)  # an item of a list stands where the list does
    while path and path not in lines:
        path = path.rpartition(".")[0]
    return lines.get(path)
