"""The command `dynplug`. What lists components imports neither JAX nor a component."""

import json
import sys
import warnings
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from dynplug import __version__
from dynplug.errors import DynplugError, PluginWarning
from dynplug.plugin import registry
from dynplug.plugin.component import Component
from dynplug.plugin.discovery import Plugin
from dynplug.plugin.kinds import KINDS, kind_named


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="dynplug")
def cli() -> None:
    """Dynamical systems as Equinox modules, trained through time, extended by plugins."""


@cli.command("list")
@click.argument("kind", required=False)
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def list_(kind: str | None, as_json: bool) -> None:
    """List the components of a KIND, or of all kinds."""
    known = registry()
    kinds = [kind_named(kind)] if kind else list(KINDS.values())
    if as_json:
        _echo_json([_described(c) for k in kinds for c in known.components(k.name)])
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


@cli.command()
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def plugins(as_json: bool) -> None:
    """List the plugins that are installed, and what became of each; fails if one was set aside."""
    found = registry().plugins
    if as_json:
        _echo_json([_provenance(p) for p in found])
    else:
        for p in found:
            note = f": {p.note}" if p.note else f", {len(p.specs)} components, {p.seconds * 1e3:.0f} ms"
            click.echo(f"{p.distribution} {p.version}  {p.status}{note}  [{p.path}]")
    if any(p.status == "quarantined" for p in found):
        sys.exit(1)


@cli.command()
@click.argument("kind")
@click.argument("name")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def info(kind: str, name: str, as_json: bool) -> None:
    """Show what a component is: its equations, its parameters with units, and where it comes from."""
    import inspect

    component = registry().find(kind, name)
    target = component.load()
    doc = inspect.getdoc(target) or component.spec.summary
    if as_json:
        _echo_json({**_described(component), "parameters": _parameters(target, doc), "documentation": doc})
        return
    click.echo(f"{component.kind.name} {component.id}")
    click.echo(f"  from {component.plugin.distribution} {component.plugin.version}, {component.spec.target}")
    defaults = (f"{p['name']}={p['default']}" if "default" in p else p["name"] for p in _parameters(target, doc))
    click.echo(f"  {component.spec.target.rpartition(':')[2]}({', '.join(defaults)})\n")
    click.echo(doc)


@cli.command()
@click.argument("recipe", required=False)
@click.option("--set", "assignments", multiple=True, metavar="KEY=VALUE", help="Change the configuration.")
@click.option("--resume", metavar="RUN_FOLDER", help="Go on with a run that was interrupted, or extend it.")
@click.option("--out", metavar="FOLDER", help="The run folder; by default a new one under runs/.")
def train(recipe: str | None, assignments: tuple[str, ...], resume: str | None, out: str | None) -> None:
    """Train by RECIPE: the name of a task, as `digits`, or a TOML file.

    Every `type` in a configuration is the id of a registered component, so another neuron is one override away:

        dynplug train digits --set model.hidden.type=ALIF
    """
    if (recipe is None) == (resume is None):
        raise click.UsageError("Give either a RECIPE, as in `dynplug train digits`, or --resume RUN_FOLDER.")
    if resume and out:
        raise click.UsageError("--resume goes on in its own run folder: leave out --out.")
    from dynplug.train.config import Config
    from dynplug.train.recipe import CHECKPOINT, CONFIG, METRICS, PICTURE, Training

    if resume:
        folder, config = Path(resume), Config.from_file(Path(resume) / CONFIG)
    else:
        assert recipe is not None
        config = _recipe(recipe)
        folder = Path(out or f"runs/{Path(recipe).stem}-{datetime.now():%Y%m%d-%H%M%S}")
    config = config.with_overrides(assignments)
    for note in config.notes:
        click.echo(note)
    training = Training(config, folder, resume=resume is not None)
    click.echo(f"Run folder: {folder}")
    training.run(click.echo)
    written = [name for name in (CONFIG, METRICS, CHECKPOINT, PICTURE) if (folder / name).exists()]
    click.echo(f"Wrote {', '.join(written)} to {folder}")


def _recipe(name: str) -> Any:
    from dynplug.train.config import Config

    if name.endswith(".toml"):
        return Config.from_file(name)
    component = registry().find("task", name)
    return Config.parse(component.load().recipe(), f"recipe {component.id}")


def _described(component: Component) -> dict[str, Any]:
    spec = component.spec
    return {
        "kind": component.kind.name,
        "id": component.id,
        "name": registry().name_of(component),
        "summary": spec.summary,
        "aliases": list(spec.aliases),
        "deprecated": spec.deprecated,
        "target": spec.target,
        "plugin": _provenance(component.plugin),
    }


def _provenance(plugin: Plugin) -> dict[str, Any]:
    keys = ("distribution", "version", "namespace", "entry_point", "path", "status", "note", "seconds")
    return {key: getattr(plugin, key) for key in keys}


def _parameters(target: Any, doc: str) -> list[dict[str, str]]:
    """Name, default, and what the docstring says of each parameter; its unit where the text ends in one."""
    import inspect
    import re

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


def _echo_json(value: Any) -> None:
    click.echo(json.dumps(value, indent=2, ensure_ascii=False))


def main() -> None:
    """Run the command; an error that dynplug names is one line, not a traceback."""
    warnings.showwarning = _show_warning
    warnings.simplefilter("always", PluginWarning)
    try:
        cli()
    except (DynplugError, ImportError) as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(1)


def _show_warning(message: Warning | str, *_: Any, **__: Any) -> None:
    click.echo(f"Warning: {message}", err=True)
