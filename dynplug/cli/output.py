"""Printing for commands: safe text, JSON, and standard output kept clear of what others print."""

import functools
import json
import os
import sys
import unicodedata
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from typing import ParamSpec, TextIO, TypeVar

import click

from dynplug.plugin import KINDS, Component, Plugin, registry, shortened

P = ParamSpec("P")
R = TypeVar("R")

ALL_KINDS = f"Kinds: {', '.join(KINDS)}."

_UNSEEN = {
    "Cc",
    "Cf",
    "Cs",
    "Zl",
    "Zp",
}  # what moves the cursor, colours or reverses text
_out: list[TextIO] = []  # the streams for the output of commands, innermost last


def examples(*lines: str) -> str:
    """The end of a command's help: example calls, which click is told not to rewrap."""
    return "\n  ".join(("\b\nExamples:", *lines))


def json_option(command: Callable[P, R]) -> Callable[P, R]:
    """Give a command the option `--json` and exclusive use of standard output."""

    @functools.wraps(command)
    def alone_on_stdout(*args: P.args, **kwargs: P.kwargs) -> R:
        with _alone():
            return command(*args, **kwargs)

    return click.option("--json", "as_json", is_flag=True, help="Print JSON instead of text.")(alone_on_stdout)


def import_option(command: Callable[P, R]) -> Callable[P, R]:
    """Give a command the option `--import`, files with components of the user's own."""
    told = "A Python file that registers components of your own by dp.register; may be repeated."
    return click.option("--import", "imports", multiple=True, metavar="FILE", help=told)(command)


def cache_option(command: Callable[P, R]) -> Callable[P, R]:
    """Give a command that compiles the option `--no-cache`."""
    told = "Do not keep compiled programs in the user's folder for caches."
    return click.option("--no-cache", is_flag=True, help=told)(command)


@contextmanager
def _alone() -> Iterator[None]:
    """Reserve standard output for `echo`; everything else that is printed meanwhile goes to standard error.

    So the JSON of a command stays valid whatever plugins, or processes that they start, print. The process's own
    standard output is not restored, because output at the end of the process must not end up in it either.
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


def _set_apart(stream: TextIO) -> TextIO:
    """A new stream to the target of `stream`, which is redirected to standard error."""
    try:
        stream.flush()
        kept = os.dup(1)
        os.dup2(2, 1)
    except (OSError, AttributeError):  # there is none, as in a service
        return stream
    return open(kept, "w", encoding=stream.encoding, errors="backslashreplace")


def echo(text: object = "", *, err: bool = False) -> None:
    """Print text that may come from a plugin, with control characters escaped."""
    shown = printable(str(text))
    stream = sys.stderr if err else _stdout()
    encoding = getattr(stream, "encoding", None) or "utf-8"
    click.echo(shown.encode(encoding, "backslashreplace").decode(encoding), file=stream)


def can_show(text: str) -> bool:
    """Whether standard output can encode a text."""
    try:
        text.encode(getattr(_stdout(), "encoding", None) or "utf-8")
    except UnicodeError:
        return False
    return True


def printable(text: str) -> str:
    """A text with its control characters, except newlines and tabs, escaped as in Python's strings."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        c if c in "\n\t" or unicodedata.category(c) not in _UNSEEN else ascii(c)[1:-1]
        for c in text.replace("\r\n", "\n")
    )


def in_one_line(text: str) -> str:
    """A summary or a reason as one line of limited length."""
    return shortened(" ".join(text.split()), 200)


def echo_json(value: object) -> None:
    """Print a value as JSON, with control characters and characters that cannot be encoded escaped."""
    encoding = getattr(_stdout(), "encoding", None) or "utf-8"
    text = json.dumps(value, indent=2, ensure_ascii=not encoding.lower().startswith("utf"), default=str)
    echo("".join(c if c == "\n" or unicodedata.category(c) not in _UNSEEN else json.dumps(c)[1:-1] for c in text))


def _stdout() -> TextIO:
    """The stream for a command's own output."""
    return _out[-1] if _out else sys.stdout


def described(component: Component) -> dict[str, object]:
    """The description of a component, without importing it."""
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


def provenance(plugin: Plugin) -> dict[str, object]:
    """The origin and status of a plugin."""
    keys = ("distribution", "version", "namespace", "entry_point", "path", "status", "note", "seconds")
    return {key: getattr(plugin, key) for key in keys}
