"""The command `dynplug`. Commands that only look import neither JAX nor a component."""

import sys
import warnings
from importlib import import_module

import click

from dynplug import __version__
from dynplug.errors import DynplugError, PluginWarning, nearest

COMMANDS = ("train", "sweep", "diagnose", "predict", "compare", "list", "info", "new", "check", "doctor", "plugins")
"""Each is a module of this package that holds a `click.Command` called `command`, imported when it is run."""


class _Commands(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*COMMANDS]  # `list` is a module here once that command has run

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        return import_module(f"dynplug.cli.{cmd_name}").command if cmd_name in COMMANDS else None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args[0] not in COMMANDS and not args[0].startswith("-") and not ctx.resilient_parsing:
            ctx.fail(f"There is no command {args[0]!r}. {nearest(args[0], COMMANDS)}")
        return super().resolve_command(ctx, args)


@click.group(
    cls=_Commands,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Run 'dynplug COMMAND --help' for the options and examples of a command.",
)
@click.version_option(__version__, prog_name="dynplug")
def cli() -> None:
    """Dynamical systems as Equinox modules, trained through time, extended by plugins."""


def main() -> None:
    """Run the command. An error that dynplug raises on purpose is printed as one line, without a traceback."""
    warnings.showwarning = _show_warning
    warnings.simplefilter("always", PluginWarning)
    try:
        cli(prog_name="dynplug")
    except (DynplugError, ImportError) as error:
        _say(f"Error: {error}")
        sys.exit(1)


def _show_warning(message: Warning | str, *_: object, **__: object) -> None:
    _say(f"Warning: {message}")


def _say(line: str) -> None:
    import_module("dynplug.cli.output").echo(line, err=True)
