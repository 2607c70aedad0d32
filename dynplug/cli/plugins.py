"""`dynplug plugins`. No component is imported."""

import sys

import click

from dynplug.cli.output import echo, echo_json, json_option, provenance
from dynplug.plugin import registry


@click.command("plugins", short_help="List the installed plugins and their status.")
@json_option
def command(as_json: bool) -> None:
    """List the installed plugins and their status. The exit status is 1 if one was set aside."""
    found = registry().plugins
    if as_json:
        echo_json([provenance(p) for p in found])
    else:
        for p in found:
            note = f": {p.note}" if p.note else f", {len(p.specs)} components, {p.seconds * 1e3:.0f} ms"
            echo(f"{p.distribution} {p.version}  {p.status}{note}  [{p.path}]")
    if any(p.status == "quarantined" for p in found):
        sys.exit(1)
