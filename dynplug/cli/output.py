"""Printing for commands: safe text, JSON, and standard output kept clear of what others print."""

import functools
import json
import os
import sys
import unicodedata
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from typing import Any

import click

from dynplug.plugin import KINDS, Component, Plugin, registry, shortened

ALL_KINDS = f"Kinds: {', '.join(KINDS)}."

_UNSEEN = {"Cc", "Cf", "Cs", "Zl", "Zp"}  # what moves the cursor, colours, or turns the direction of writing
_out: list[Any] = []  # where a command's own output goes, innermost last


def examples(*lines: str) -> str:
    """The end of a command's help: example calls, which click is told not to rewrap."""
    return "\n  ".join(("\b\nExamples:", *lines))


def json_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command `--json`, and standard output to itself alone."""

    @functools.wraps(command)
    def alone_on_stdout(*args: Any, **kwargs: Any) -> Any:
        with _alone():
            return command(*args, **kwargs)

    return click.option("--json", "as_json", is_flag=True, help="Print JSON instead of text.")(alone_on_stdout)


@contextmanager
def _alone() -> Iterator[None]:
    """Keep standard output to `echo`: what else is printed meanwhile, by whatever means, goes to standard error.

    So the JSON of a command is JSON, whatever plugins print, or the processes that they start. Of a process's own
    standard output nothing is given back: what is printed at the end of the process does not belong to it either.
    """
    own = sys.stdout is sys.__stdout__
    _out.append(_set_apart(sys.stdout) if own else sys.stdout)
    try:
        with redirect_stdout(sys.stderr):
            yield
    finally:
        _out.pop()
        if own:
            sys.stdout = sys.stderr


def _set_apart(stream: Any) -> Any:
    """A stream to where `stream` leads, which from now on leads to standard error."""
    try:
        stream.flush()
        kept = os.dup(1)
        os.dup2(2, 1)
    except (OSError, AttributeError):  # there is none, as under a service
        return stream
    return open(kept, "w", encoding=stream.encoding, errors="backslashreplace")


def echo(text: Any = "", *, err: bool = False) -> None:
    """Print text that may be a stranger's: characters that a terminal would act upon are shown, not sent."""
    shown = printable(str(text))
    stream = sys.stderr if err else _stdout()
    encoding = getattr(stream, "encoding", None) or "utf-8"
    click.echo(shown.encode(encoding, "backslashreplace").decode(encoding), file=stream)


def can_show(text: str) -> bool:
    """Whether the encoding of standard output has all characters of a text."""
    try:
        text.encode(getattr(_stdout(), "encoding", None) or "utf-8")
    except UnicodeError:
        return False
    return True


def printable(text: str) -> str:
    """A text whose control characters, but for ends of lines and tabs, are written as in Python's strings."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        c if c in "\n\t" or unicodedata.category(c) not in _UNSEEN else ascii(c)[1:-1]
        for c in text.replace("\r\n", "\n")
    )


def in_one_line(text: str) -> str:
    """A summary or a reason as it stands in a list: one line, and no endless one."""
    return shortened(" ".join(text.split()), 200)


def echo_json(value: Any) -> None:
    """Print a value as JSON. What a terminal would act upon, or cannot be encoded, is escaped as JSON does it."""
    encoding = getattr(_stdout(), "encoding", None) or "utf-8"
    text = json.dumps(value, indent=2, ensure_ascii=not encoding.lower().startswith("utf"), default=str)
    echo("".join(c if c == "\n" or unicodedata.category(c) not in _UNSEEN else json.dumps(c)[1:-1] for c in text))


def _stdout() -> Any:
    """Where a command's own output goes."""
    return _out[-1] if _out else sys.stdout


def described(component: Component) -> dict[str, Any]:
    """What is known of a component before it is imported."""
    spec = component.spec
    return {
        "kind": component.kind.name,
        "id": component.id,
        "name": registry().name_of(component),
        "summary": spec.summary,
        "capabilities": list(spec.capabilities),
        "aliases": list(spec.aliases),
        "deprecated": spec.deprecated,
        "target": spec.target,
        "plugin": provenance(component.plugin),
    }


def provenance(plugin: Plugin) -> dict[str, Any]:
    """Where a plugin comes from, and what became of it."""
    keys = ("distribution", "version", "namespace", "entry_point", "path", "status", "note", "seconds")
    return {key: getattr(plugin, key) for key in keys}
