"""`dynplug info`."""

import inspect
import re
from typing import Any

import click

from dynplug.cli.output import described, echo_json, json_option
from dynplug.plugin import registry


@click.command("info")
@click.argument("kind")
@click.argument("name")
@json_option
def command(kind: str, name: str, as_json: bool) -> None:
    """Show what a component is: its equations, its parameters with units, and where it comes from."""
    component = registry().find(kind, name)
    target = component.load()
    doc = inspect.getdoc(target) or component.spec.summary
    if as_json:
        echo_json({**described(component), "parameters": _parameters(target, doc), "documentation": doc})
        return
    click.echo(f"{component.kind.name} {component.id}")
    click.echo(f"  from {component.plugin.distribution} {component.plugin.version}, {component.spec.target}")
    defaults = (f"{p['name']}={p['default']}" if "default" in p else p["name"] for p in _parameters(target, doc))
    click.echo(f"  {component.spec.target.rpartition(':')[2]}({', '.join(defaults)})\n")
    click.echo(doc)


def _parameters(target: Any, doc: str) -> list[dict[str, str]]:
    """Name, default, and what the docstring says of each parameter; its unit where the text ends in one."""
    found: list[dict[str, str]] = []
    for p in inspect.signature(target).parameters.values():
        entry = {"name": p.name}
        if p.default is not p.empty:
            entry["default"] = repr(p.default)
        if text := re.search(rf"^- `{p.name}`: (.*(?:\n +.*)*)", doc, re.MULTILINE):
            entry["documentation"] = " ".join(text[1].split())
            if unit := re.search(r"\[([^\]]+)\]", entry["documentation"]):
                entry["unit"] = unit[1]
        found.append(entry)
    return found
