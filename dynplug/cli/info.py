"""`dynplug info`: document a component."""

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

import click

from dynplug.cli.output import ALL_KINDS, can_show, described, echo, echo_json, examples, json_option
from dynplug.cli.plain_text import plain_text
from dynplug.errors import OptionError, UnknownNameError
from dynplug.plugin import KINDS, Component, bibtex, documentation, read, registry


@click.command(
    "info",
    short_help="Show a component: equations, parameters, units, source.",
    epilog=f"{ALL_KINDS}\n\n"
    + examples(
        "dynplug info LIF",
        "dynplug info optimizer adam",
        "dynplug info neuron HH --bibtex",
        "dynplug info neuron LIF --figure lif.svg",
    ),
)
@click.argument("kind", metavar="[KIND]")
@click.argument("name", required=False, metavar="NAME")
@json_option
@click.option("--bibtex", "as_bibtex", is_flag=True, help="Print the source only, as a BibTeX entry.")
@click.option(
    "--figure",
    "picture",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Draw the component into this file instead, as .png, .svg or .pdf.",
)
def command(kind: str, name: str | None, as_json: bool, as_bibtex: bool, picture: Path | None) -> None:
    """Show the component NAME: its equations, its parameters with units, its source and its package.

    The KIND is needed where components of several kinds have that name.
    """
    component = _named(kind) if name is None else registry().find(kind, name)
    if picture is not None:
        echo(str(_drawn(component, picture)))
        return
    written = documentation(component)
    if as_bibtex:
        if not written.reference:
            raise UnknownNameError(
                f"{component.kind.name} {component.id} cites no source. Its author can add one: **Reference:** in "
                "the docstring, or citation= in the spec."
            )
        echo(bibtex(written.reference, component.spec.name))
    elif as_json:
        echo_json({**described(component), **asdict(written)})
    else:
        echo(f"{component.kind.name} {component.id}")
        echo(f"  from {component.plugin.distribution} {component.plugin.version}, {component.spec.target}")
        arguments = (f"{p.name}={p.default}" if p.default else p.name for p in written.params)
        echo(f"  {component.spec.target.rpartition(':')[2]}({', '.join(arguments)})\n")
        echo(_readable(written.text))
        for equation in component.spec.equations:
            echo(f"\n{_readable(f'$${equation}$$')}")
        _echo_equations("Equations as text", written.formulas)
        _echo_equations("Equations between what its example is given and what it does", written.identities)
        if component.spec.citation:
            echo(f"\nReference: {component.spec.citation}")


def _named(name: str) -> Component:
    """The component that a name alone means, as in a configuration."""
    if name in KINDS:
        raise click.UsageError(f"Give a name beside the kind: `dynplug list {name}` shows which there are.")
    return read(name)[0]


def _echo_equations(title: str, stated: Mapping[str, str]) -> None:
    """Equations that are stated as text, if there are any."""
    if stated:
        lines = "\n".join(f"    {left} = {right}" for left, right in stated.items())
        echo(f"\n{title}:\n\n{lines}")


def _drawn(component: Component, path: Path) -> Path:
    """The file of a component's portrait."""
    from dynplug import plot

    if path.suffix not in (known := plot.formats()):
        raise OptionError(
            f"--figure {path}: no picture has the suffix {path.suffix!r}. Give one of {', '.join(known)}."
        )
    return plot.save(plot.portrait(component.kind.name, component.id), path)


def _readable(doc: str) -> str:
    """A docstring without its markup, unless standard output cannot show the Unicode of its formulas."""
    plain = plain_text(doc)
    return plain if can_show(plain) else doc
