"""`dynplug doctor`: diagnose the installation."""

import os
import platform
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, distribution, version
from typing import Any

import click

from dynplug.cli.output import echo, echo_json, json_option, provenance
from dynplug.errors import PluginWarning
from dynplug.plugin import STRICT, VARIABLES, Problem, examined, problems_of, shared_names

_PACKAGES = ("dynplug", "jax", "jaxlib", "equinox", "diffrax", "optax", "pluggy")
_OTHERS_VARIABLES = ("CUDA_VISIBLE_DEVICES", "XLA_FLAGS")


@click.command("doctor", short_help="Diagnose the installation: versions, devices, plugins.")
@json_option
def command(as_json: bool) -> None:
    """Diagnose the installation: versions, devices, environment variables and plugins.

    Problems are printed with what to do about them; the exit status is 1 if there are any.
    """
    with _lenient():
        known = examined()
    plugins = [provenance(p) for p in known.plugins]
    backend, broken = _backend()
    problems = [*_requirements(), *broken, *problems_of(known)]
    found = {
        "versions": _versions(),
        "backend": backend,
        "environment": _environment(),
        "plugins": plugins,
        "shared_names": shared_names(known),
        "problems": [asdict(p) for p in problems],
    }
    if as_json:
        echo_json(found)
    else:
        _echo(found)
    if problems:
        sys.exit(1)


@contextmanager
def _lenient() -> Iterator[None]:
    """Set plugins aside without a warning or an error, because the report lists them."""
    strict = os.environ.pop(STRICT, None)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", PluginWarning)
            yield
    finally:
        if strict is not None:
            os.environ[STRICT] = strict


def _versions() -> dict[str, str]:
    found = {"Python": platform.python_version()}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found


def _requirements() -> Iterator[Problem]:
    """Requirements of dynplug that are missing or of an unsuitable version."""
    from packaging.requirements import Requirement

    for requirement in map(Requirement, distribution("dynplug").requires or ()):
        if requirement.marker and not requirement.marker.evaluate({"extra": ""}):
            continue
        try:
            found = version(requirement.name)
        except PackageNotFoundError:
            yield Problem(f"{requirement.name} is not installed", f"pip install '{requirement}'")
            continue
        if not requirement.specifier.contains(found, prereleases=True):
            what = f"{requirement.name} {found} is installed, but dynplug requires {requirement}"
            yield Problem(what, f"pip install '{requirement}'")


def _backend() -> tuple[dict[str, object], list[Problem]]:
    """The devices and precision of JAX, or the problem if it cannot be used."""
    try:
        import jax

        devices = [f"{d.platform}:{d.id} {d.device_kind}" for d in jax.devices()]
        return {"devices": devices, "x64": bool(jax.config.read("jax_enable_x64"))}, []
    except Exception as error:  # a broken installation may raise anything
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        remedy = "install a JAX for this machine, see https://docs.jax.dev/en/latest/installation.html"
        return {"devices": [], "x64": False}, [Problem(f"JAX cannot be used: {reason}", remedy)]


def _environment() -> dict[str, str]:
    mine = {v for v in os.environ if v.startswith(("DYNPLUG_", "JAX_"))}
    return {name: os.environ[name] for name in sorted({*mine, *VARIABLES, *_OTHERS_VARIABLES}) if name in os.environ}


def _echo(found: dict[str, Any]) -> None:
    echo(", ".join(f"{name} {number}" for name, number in found["versions"].items()))
    echo(f"devices: {', '.join(found['backend']['devices']) or 'none'}; float64 {_on(found['backend']['x64'])}")
    for name, value in found["environment"].items():
        echo(f"environment: {name}={value}")
    for p in found["plugins"]:
        note = f": {p['note']}" if p["note"] else f", {p['seconds'] * 1e3:.0f} ms"
        echo(f"plugin: {p['distribution']} {p['version']}  {p['status']}{note}")
    for name, ids in found["shared_names"].items():
        echo(f"shared name: {name}: {', '.join(ids)}")
    for problem in found["problems"]:
        echo(f"PROBLEM: {problem['what']}\n    {problem['remedy']}")
    count = len(found["problems"])
    echo("No problems found." if not count else f"{count} problems found." if count > 1 else "1 problem found.")


def _on(flag: bool) -> str:
    return "on" if flag else "off"
