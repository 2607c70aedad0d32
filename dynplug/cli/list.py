"""`dynplug list`. It imports no component."""

import click

from dynplug.cli.output import ALL_KINDS, described, echo, echo_json, examples, in_one_line, json_option
from dynplug.plugin import KINDS, kind_named, registry


@click.command(
    "list",
    short_help="List the components of dynplug and its plugins.",
    epilog=f"{ALL_KINDS}\n\n" + examples("dynplug list", "dynplug list neuron", "dynplug list neuron --json"),
)
@click.argument("kind", required=False)
@json_option
def command(kind: str | None, as_json: bool) -> None:
    """List the components of a KIND, or of every kind, with the package of those that are not dynplug's own."""
    known = registry()
    kinds = [kind_named(kind)] if kind else list(KINDS.values())
    if as_json:
        echo_json([described(c) for k in kinds for c in known.components(k.name)])
        return
    listed = {k: {known.name_of(c): c for c in known.components(k.name)} for k in kinds}
    listed = {k: components for k, components in listed.items() if components}
    width = max((len(name) for components in listed.values() for name in components), default=0)
    for n, (wanted, components) in enumerate(listed.items()):
        if n:
            echo()
        echo(f"{wanted.plural}: {wanted.signature}")
        for name, c in components.items():
            source = "" if c.plugin.namespace == "dynplug" else f"  [{c.plugin.distribution} {c.plugin.version}]"
            echo(f"  {name:<{width}}  {in_one_line(c.spec.summary)}{source}")
