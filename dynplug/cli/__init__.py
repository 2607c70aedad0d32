"""The command `dynplug`. What lists components imports neither JAX nor a component."""

import sys
import warnings
from importlib import import_module
from typing import Any

import click

from dynplug import __version__
from dynplug.errors import DynplugError, PluginWarning

COMMANDS = ("plugins", "list", "info", "new", "check", "doctor", "train")
"""Each is a file of this folder, which holds the `click.Command` as `command`; it is imported when it is called."""


class _Commands(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*COMMANDS]  # `list` is a module here once that command has run

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        return import_module(f"dynplug.cli.{cmd_name}").command if cmd_name in COMMANDS else None


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="dynplug")
def cli() -> None:
    """Dynamical systems as Equinox modules, trained through time, extended by plugins."""


def main() -> None:
    """Run the command; an error that dynplug names is one line, not a traceback."""
    warnings.showwarning = _show_warning
    warnings.simplefilter("always", PluginWarning)
    try:
        cli()
    except (DynplugError, ImportError) as error:
        _say(f"Error: {error}")
        sys.exit(1)


def _show_warning(message: Warning | str, *_: Any, **__: Any) -> None:
    _say(f"Warning: {message}")


def _say(line: str) -> None:
    import_module("dynplug.cli.output").echo(line, err=True)
