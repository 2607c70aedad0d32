"""`dynplug info`."""

from dataclasses import asdict

import click

from dynplug.cli.output import ALL_KINDS, described, echo, echo_json, examples, json_option
from dynplug.errors import UnknownNameError
from dynplug.plugin import bibtex, documentation, registry


@click.command(
    "info",
    short_help="Show a component: equations, parameters, units, source.",
    epilog=f"{ALL_KINDS}\n\n"
    + examples("dynplug info neuron LIF", "dynplug info optimizer adam", "dynplug info neuron HH --bibtex"),
)
@click.argument("kind")
@click.argument("name")
@json_option
@click.option("--bibtex", "as_bibtex", is_flag=True, help="Print the source only, as a BibTeX entry.")
def command(kind: str, name: str, as_json: bool, as_bibtex: bool) -> None:
    """Show the component NAME of a KIND: its equations, its parameters with units, its source and its package."""
    component = registry().find(kind, name)
    written = documentation(component)
    if as_bibtex:
        if not written.reference:
            raise UnknownNameError(
                f"{component.kind.name} {component.id} names no source: its author gives one as **Reference:** in the "
                "docstring of its target, or as citation= in its spec."
            )
        echo(bibtex(written.reference, component.spec.name))
    elif as_json:
        echo_json({**described(component), **asdict(written)})
    else:
        echo(f"{component.kind.name} {component.id}")
        echo(f"  from {component.plugin.distribution} {component.plugin.version}, {component.spec.target}")
        arguments = (f"{p.name}={p.default}" if p.default else p.name for p in written.params)
        echo(f"  {component.spec.target.rpartition(':')[2]}({', '.join(arguments)})\n")
        echo(written.text)
        for equation in component.spec.equations:
            echo(f"\n$${equation}$$")
        if written.formulas:
            echo("\n**Equations as text:**\n")
        for left, right in written.formulas.items():
            echo(f"    {left} = {right}")
        if component.spec.citation:
            echo(f"\n**Reference:** {component.spec.citation}")
