"""`dynplug list`. No component is imported."""

import click

from dynplug.cli.output import described, echo_json, json_option
from dynplug.plugin import registry
from dynplug.plugin.kinds import KINDS, kind_named


@click.command("list")
@click.argument("kind", required=False)
@json_option
def command(kind: str | None, as_json: bool) -> None:
    """List the components of a KIND, or of all kinds."""
    known = registry()
    kinds = [kind_named(kind)] if kind else list(KINDS.values())
    if as_json:
        echo_json([described(c) for k in kinds for c in known.components(k.name)])
        return
    for wanted in kinds:
        components = list(known.components(wanted.name))
        if not components:
            continue
        click.echo(f"{wanted.plural}: {wanted.signature}")
        width = max(len(known.name_of(c)) for c in components)
        for c in components:
            source = "" if c.plugin.namespace == "dynplug" else f"  [{c.plugin.distribution} {c.plugin.version}]"
            click.echo(f"  {known.name_of(c):<{width}}  {c.spec.summary}{source}")
