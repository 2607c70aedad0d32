"""From installed distributions to registered specs, one plugin at a time.

A plugin that fails is set aside whole, with its cause, and nothing else is touched: pluggy's own entry-point loader
stops at the first failure, so each plugin gets a manager of its own.
"""

import re
import warnings
from collections.abc import Iterable
from dataclasses import dataclass, field
from importlib.metadata import EntryPoint, entry_points, version
from typing import Any

import pluggy

import dynplug.plugin.hookspecs as hookspecs
from dynplug.api import ENTRY_POINT_GROUP, Host, Spec
from dynplug.errors import PluginError, PluginWarning
from dynplug.plugin.kinds import KINDS, Kind


@dataclass
class Plugin:
    """One entry point of one distribution, and what became of it."""

    namespace: str
    distribution: str
    version: str
    entry_point: str
    status: str = "discovered"
    cause: BaseException | None = None
    specs: list[tuple[Kind, Spec]] = field(default_factory=list[tuple[Kind, Spec]])


def namespace_of(distribution: str) -> str:
    """The namespace of a distribution's components: its normalised name, less a leading `dynplug-`."""
    normalised = re.sub(r"[-_.]+", "-", distribution).lower()
    return normalised.removeprefix("dynplug-")


def discover() -> list[tuple[Plugin, EntryPoint]]:
    """The plugins that are installed, dynplug itself first, the others by name. Nothing is imported."""
    found: list[tuple[Plugin, EntryPoint]] = []
    for entry in entry_points(group=ENTRY_POINT_GROUP):
        name, number = _distribution_of(entry)
        found.append((Plugin(namespace_of(name), name, number, f"{entry.name} = {entry.value}"), entry))
    return sorted(found, key=lambda pair: (pair[0].distribution != "dynplug", pair[0].namespace, pair[0].entry_point))


def _distribution_of(entry: EntryPoint) -> tuple[str, str]:
    """Name and version of a distribution; where an installation is damaged, what its entry point is called."""
    try:
        return (entry.dist and entry.dist.name) or entry.name, (entry.dist and entry.dist.version) or "unknown"
    except Exception:  # metadata that are missing raise differently in each Python
        return entry.name, "unknown"


def load(plugin: Plugin, entry: EntryPoint) -> None:
    """Import a plugin's hook module and take all of its specs, or none and the reason."""
    try:
        plugin.specs = _specs(entry)
        plugin.status = "registered"
    except (Exception, SystemExit) as cause:  # a stranger's module may raise anything
        set_aside(plugin, cause)


def set_aside(plugin: Plugin, cause: BaseException) -> None:
    """Take nothing of a plugin, keep the cause, and say so in one line."""
    plugin.specs, plugin.status, plugin.cause = [], "quarantined", cause
    reason = " ".join(f"{type(cause).__name__}: {cause}".split()).removesuffix(".")
    warnings.warn(
        f"Plugin {plugin.distribution} {plugin.version} is set aside: {reason}. "
        "Mend or uninstall it; everything else keeps working.",
        PluginWarning,
        stacklevel=2,
    )


def _specs(entry: EntryPoint) -> list[tuple[Kind, Spec]]:
    module = entry.load()
    manager = pluggy.PluginManager("dynplug")
    manager.add_hookspecs(hookspecs)
    manager.register(module)
    manager.check_pending()
    hooks = {caller.name for caller in manager.get_hookcallers(module) or ()}
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
