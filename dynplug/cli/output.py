"""What commands print in common."""

import json
from typing import Any

import click

from dynplug.plugin import registry
from dynplug.plugin.component import Component
from dynplug.plugin.discovery import Plugin

json_option = click.option("--json", "as_json", is_flag=True, help="As JSON.")


def echo_json(value: Any) -> None:
    """Print a value as JSON."""
    click.echo(json.dumps(value, indent=2, ensure_ascii=False))


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
