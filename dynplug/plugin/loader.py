"""From installed distributions to registered specs, one plugin at a time.

A plugin that fails is set aside whole, with its cause, and nothing else is touched: pluggy's own entry-point loader
stops at the first failure, so each plugin gets a manager of its own.
"""

import os
import re
import time
import warnings
from collections.abc import Iterable
from importlib.metadata import EntryPoint, version
from typing import Any

import pluggy

import dynplug.plugin.hookspecs as hookspecs
from dynplug.api import Host, Spec
from dynplug.errors import PluginError, PluginWarning
from dynplug.plugin.discovery import Plugin
from dynplug.plugin.kinds import KINDS, Kind

STRICT = "DYNPLUG_STRICT"


def load(plugin: Plugin, entry: EntryPoint) -> None:
    """Import a plugin's hook module and take all of its specs, or none and the reason."""
    began = time.perf_counter()
    try:
        plugin.specs = _specs(entry)
        plugin.status = "registered"
    except (Exception, SystemExit) as cause:  # a stranger's module may raise anything
        set_aside(plugin, cause)
    plugin.seconds = time.perf_counter() - began


def set_aside(plugin: Plugin, cause: BaseException) -> None:
    """Take nothing of a plugin, keep the cause, and say so in one line; with `DYNPLUG_STRICT=1`, raise it."""
    reason = " ".join(f"{type(cause).__name__}: {cause}".split()).removesuffix(".")
    plugin.specs, plugin.status, plugin.cause, plugin.note = [], "quarantined", cause, reason
    named = f"Plugin {plugin.distribution} {plugin.version} is set aside: {reason}."
    if os.environ.get(STRICT, "0") not in ("", "0"):
        raise PluginError(f"{named} ({STRICT} is set.)") from cause
    warnings.warn(f"{named} Mend or uninstall it; everything else keeps working.", PluginWarning, stacklevel=2)


def _specs(entry: EntryPoint) -> list[tuple[Kind, Spec]]:
    module = entry.load()
    manager = pluggy.PluginManager("dynplug")
    manager.add_hookspecs(hookspecs)
    manager.register(module)
    manager.check_pending()
    callers = manager.get_hookcallers(module) or []
    hooks = {caller.name for caller in callers}
    if wrappers := [c.name for c in callers if any(i.hookwrapper or i.wrapper for i in c.get_hookimpls())]:
        raise PluginError(f"{', '.join(wrappers)} is a wrapper: hooks that register return their specs, nothing else.")
    if not hooks:
        raise PluginError(f"{entry.value} implements no dynplug hook: mark its functions with @dynplug.api.hookimpl.")
    host = Host(version("dynplug"))
    specs: list[tuple[Kind, Spec]] = []
    for kind in KINDS.values():
        if kind.hook in hooks:
            specs += _checked(kind, getattr(manager.hook, kind.hook)(host=host))
    return specs


def _checked(kind: Kind, returned: list[Any]) -> list[tuple[Kind, Spec]]:
    specs: list[tuple[Kind, Spec]] = []
    taken: set[str] = set()
    if not returned:
        raise PluginError(f"{kind.hook} returned None: return a list of {kind.spec.__name__}.")
    for specs_of_one in returned:
        if not isinstance(specs_of_one, Iterable):
            raise PluginError(f"{kind.hook} returned {specs_of_one!r}: return a list of {kind.spec.__name__}.")
        for spec in specs_of_one:
            if not isinstance(spec, kind.spec):
                raise PluginError(f"{kind.hook} returned {spec!r}, which is no {kind.spec.__name__}.")
            for name in map(normalise, (spec.name, *spec.aliases)):
                if name in taken:
                    raise PluginError(f"{kind.hook} returned the name {spec.name!r} twice.")
                taken.add(name)
            specs.append((kind, spec))
    return specs


def normalise(name: str) -> str:
    """The form in which names are compared: `DoubleLeak`, `double-leak` and `double_leak` are one name."""
    return re.sub(r"[-_]", "", name).casefold()
