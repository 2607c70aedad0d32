"""Which plugins are installed: read from metadata, nothing is imported."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import Distribution, EntryPoint, distributions, version
from typing import Literal

from dynplug.api import ENTRY_POINT_GROUP, Spec
from dynplug.plugin.kinds import Kind

Status = Literal["discovered", "registered", "loaded", "disabled", "incompatible", "shadowed", "quarantined"]

ALLOW, DISABLE = "DYNPLUG_PLUGINS", "DYNPLUG_DISABLE"


@dataclass
class Plugin:
    """One entry point of one distribution, and what became of it.

    **Attributes:**

    - `status`: `discovered`, not looked at yet; `registered`; `loaded`, one of its components was imported; `disabled`
        by the user; `incompatible` with this dynplug; `shadowed` by another installation of the same distribution;
        `quarantined`, it failed.
    - `cause`: what it failed with.
    - `note`: why it is not used, and what to do, in one line.
    - `seconds`: how long its hook module took.
    """

    namespace: str
    distribution: str
    version: str
    entry_point: str
    path: str = ""
    status: Status = "discovered"
    cause: BaseException | None = None
    note: str = ""
    seconds: float = field(default=0.0, compare=False)
    specs: list[tuple[Kind, Spec]] = field(default_factory=list[tuple[Kind, Spec]])

    @property
    def usable(self) -> bool:
        return self.status in ("discovered", "registered", "loaded")


def discover(environment: Mapping[str, str] = os.environ) -> list[tuple[Plugin, EntryPoint]]:
    """The plugins that are installed, dynplug itself first, the others by name.

    `DYNPLUG_PLUGINS`, names of distributions separated by commas, allows these alone; `DYNPLUG_DISABLE` disables some.
    Of a distribution that is found twice, the first on `sys.path` counts.
    """
    found: list[tuple[Plugin, EntryPoint]] = []
    first: dict[str, str] = {}
    for distribution in distributions():
        entries = [e for e in distribution.entry_points if e.group.startswith("dynplug.")]
        if not entries:
            continue
        name, number = _name_of(distribution, entries[0])
        path = os.path.realpath(str(distribution.locate_file("")))
        here = f"{number} in {path}"
        owner = first.setdefault(normalised(name), here)
        if owner == here and any(p.path == path and p.distribution == name for p, _ in found):
            continue  # the same folder twice on the path
        for entry in entries:
            plugin = Plugin(namespace_of(name), name, number, f"{entry.name} = {entry.value}", path)
            if owner != here:
                plugin.status, plugin.note = "shadowed", f"{owner} comes first: uninstall one of the two"
            _exclude(plugin, entry, distribution, environment)
            found.append((plugin, entry))
    return sorted(found, key=lambda pair: (pair[0].distribution != "dynplug", pair[0].namespace, pair[0].entry_point))


def normalised(distribution: str) -> str:
    """The name of a distribution in the form in which two are compared."""
    return re.sub(r"[-_.]+", "-", distribution).lower()


def namespace_of(distribution: str) -> str:
    """The namespace of a distribution's components: its normalised name, less a leading `dynplug-`."""
    return normalised(distribution).removeprefix("dynplug-")


def _name_of(distribution: Distribution, entry: EntryPoint) -> tuple[str, str]:
    """Name and version of a distribution; where an installation is damaged, what its entry point is called."""
    try:
        return distribution.name or entry.name, distribution.version or "unknown"
    except Exception:  # metadata that are missing raise differently in each Python
        return entry.name, "unknown"


def _exclude(plugin: Plugin, entry: EntryPoint, distribution: Distribution, environment: Mapping[str, str]) -> None:
    """Give a plugin that is not to be imported its status and the reason."""
    if plugin.distribution == "dynplug" or not plugin.usable:
        return
    allowed, disabled = _names(environment.get(ALLOW)), _names(environment.get(DISABLE))
    if entry.group != ENTRY_POINT_GROUP:
        plugin.status = "incompatible"
        plugin.note = f"it is made for the plugin interface {entry.group}, this dynplug has {ENTRY_POINT_GROUP}"
    elif wanted := _excluding_range(distribution):
        plugin.status = "incompatible"
        plugin.note = f"it requires {wanted}, this is dynplug {version('dynplug')}: update one of the two"
    elif disabled & {normalised(plugin.distribution), plugin.namespace}:
        plugin.status, plugin.note = "disabled", f"{DISABLE} names it"
    elif ALLOW in environment and not allowed & {normalised(plugin.distribution), plugin.namespace}:
        plugin.status, plugin.note = "disabled", f"{ALLOW} does not name it"


def _names(variable: str | None) -> set[str]:
    return {normalised(name.strip()) for name in (variable or "").split(",") if name.strip()}


def _excluding_range(distribution: Distribution) -> str:
    """A distribution's requirement on dynplug, if this dynplug does not meet it."""
    for line in distribution.requires or ():
        if not re.match(r"dynplug\s*([<>=!~(\[;@]|$)", line, re.IGNORECASE):
            continue
        from packaging.requirements import Requirement

        requirement = Requirement(line)
        applies = requirement.marker is None or requirement.marker.evaluate({"extra": ""})
        if applies and not requirement.specifier.contains(version("dynplug"), prereleases=True):
            return f"dynplug{requirement.specifier}"
    return ""
