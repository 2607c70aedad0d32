"""Discovering installed plugins from their metadata, without importing them."""

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import Distribution, EntryPoint, distributions, version
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit
from urllib.request import url2pathname

from dynplug.api import API_VERSION, ENTRY_POINT_GROUP, Spec
from dynplug.errors import PluginError
from dynplug.plugin.kinds import Kind

Status = Literal["discovered", "registered", "loaded", "disabled", "incompatible", "shadowed", "quarantined"]

ALLOW, DISABLE = "DYNPLUG_PLUGINS", "DYNPLUG_DISABLE"
_NAMESPACE = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


@dataclass
class Plugin:
    """An entry point of a distribution, and its status.

    **Attributes:**

    - `status`: `discovered`, not yet imported; `registered`; `loaded`, one of its components was imported; `disabled`
        by the user; `incompatible` with this dynplug; `shadowed` by another installation of the same distribution;
        `quarantined`, because it failed.
    - `cause`: the exception it failed with.
    - `note`: the reason why it is not used, in one line.
    - `remedy`: advice, if the status does not imply it.
    - `seconds`: the time that its hook module took [s].
    - `busy`: the processor time in it [s].
    """

    namespace: str
    distribution: str
    version: str
    entry_point: str
    path: str = ""
    status: Status = "discovered"
    cause: BaseException | None = None
    note: str = ""
    remedy: str = ""
    seconds: float = field(default=0.0, compare=False)
    busy: float = field(default=0.0, compare=False)
    specs: list[tuple[Kind, Spec]] = field(default_factory=list[tuple[Kind, Spec]])

    @property
    def module(self) -> str:
        """The name of its hook module."""
        return self.entry_point.partition(" = ")[2].partition(":")[0].strip()

    @property
    def usable(self) -> bool:
        return self.status in ("discovered", "registered", "loaded")


def discover(environment: Mapping[str, str] = os.environ) -> list[tuple[Plugin, EntryPoint]]:
    """The installed plugins: dynplug itself first, the others by name.

    `DYNPLUG_PLUGINS`, a comma-separated list of distributions, allows only these; `DYNPLUG_DISABLE` disables some. If a
    distribution is found twice, the first on `sys.path` is used. One with unreadable metadata is quarantined, which
    affects no other distribution.
    """
    found: list[tuple[Plugin, EntryPoint]] = []
    first: dict[str, str] = {}
    seen: set[tuple[str, str]] = set()
    sources: dict[str, str] = {}
    for distribution in distributions():
        entries, damage = _entries(distribution)
        if not entries:
            continue
        name, number = _name_of(distribution, entries[0])
        path = os.path.realpath(str(distribution.locate_file("")))
        here = f"{number} in {path}"
        owner = first.setdefault(normalised(name), here)
        if owner == here and (path, name) in seen:
            continue  # the same folder twice on the path
        source = sources.setdefault(normalised(name), _editable_source(distribution))
        if owner != here and source and Path(path).is_relative_to(source):
            continue  # an editable installation, whose metadata some builders leave beside its sources, too
        seen.add((path, name))
        for entry in entries:
            plugin = Plugin(namespace_of(name), name, number, f"{entry.name} = {entry.value}", path)
            if owner != here:
                plugin.status, plugin.note = "shadowed", f"{owner} takes precedence: uninstall one of the two"
            _exclude(plugin, entry, distribution, damage, environment)
            found.append((plugin, entry))
    return sorted(found, key=lambda pair: (pair[0].distribution != "dynplug", pair[0].namespace, pair[0].entry_point))


def _editable_source(distribution: Distribution) -> str:
    """The folder of which a distribution is an editable installation, as PEP 610 records it; `""` if it is none."""
    try:
        origin = json.loads(distribution.read_text("direct_url.json") or "{}")
        editable = origin.get("dir_info", {}).get("editable", False)
        return os.path.realpath(url2pathname(urlsplit(origin["url"]).path)) if editable else ""
    except (KeyError, ValueError, AttributeError):  # a file that is not as it should be tells nothing
        return ""


def normalised(distribution: str) -> str:
    """The normalised name of a distribution, for comparison."""
    return re.sub(r"[-_.]+", "-", distribution).lower()


def namespace_of(distribution: str) -> str:
    """The namespace of a distribution's components: its normalised name, less a leading `dynplug-`."""
    return normalised(distribution).removeprefix("dynplug-")


def _entries(distribution: Distribution) -> tuple[list[EntryPoint], Exception | None]:
    """A distribution's entry points in dynplug's groups; if they cannot be read, an empty one and the reason.

    Unreadable ones matter only if they are a plugin's: if they, or the name of the distribution, mention dynplug.
    """
    try:
        return [e for e in distribution.entry_points if e.group.startswith("dynplug.")], None
    except Exception as error:  # the file may hold anything
        damage = error
    try:
        ours = "[dynplug." in (distribution.read_text("entry_points.txt") or "")
    except Exception:
        ours = "dynplug" in folder_of(distribution)
    name = folder_of(distribution).partition("-")[0] or "unknown"
    return ([EntryPoint(name, "", ENTRY_POINT_GROUP)] if ours else []), damage


def folder_of(distribution: Distribution) -> str:
    """The name of the folder with a distribution's metadata, or an empty string."""
    return str(getattr(getattr(distribution, "_path", None), "name", ""))


def _name_of(distribution: Distribution, entry: EntryPoint) -> tuple[str, str]:
    """Name and version of a distribution; if its metadata are damaged, the name of the entry point."""
    try:
        return distribution.name or entry.name, distribution.version or "unknown"
    except Exception:  # missing metadata raise different errors in each Python
        return entry.name, "unknown"


def _exclude(
    plugin: Plugin,
    entry: EntryPoint,
    distribution: Distribution,
    damage: Exception | None,
    environment: Mapping[str, str],
) -> None:
    """Set the status and the reason of a plugin that must not be imported; the user's choice comes first."""
    if plugin.distribution == "dynplug" or not plugin.usable:
        return
    allowed, disabled = _names(environment.get(ALLOW)), _names(environment.get(DISABLE))
    if disabled & {normalised(plugin.distribution), plugin.namespace}:
        plugin.status, plugin.note = "disabled", f"{DISABLE} names it"
    elif ALLOW in environment and not allowed & {normalised(plugin.distribution), plugin.namespace}:
        plugin.status, plugin.note = "disabled", f"{ALLOW} does not name it"
    elif damage is not None:
        plugin.cause = PluginError(f"Its entry points cannot be read: {type(damage).__name__}: {damage}")
    elif not _NAMESPACE.fullmatch(plugin.namespace):
        plugin.cause = PluginError(f"Its name {plugin.distribution!r} is not a valid namespace (letters, digits, '-')")
    elif entry.group != ENTRY_POINT_GROUP:
        plugin.status = "incompatible"
        plugin.note = f"it is made for the plugin interface {entry.group}, but this dynplug has {ENTRY_POINT_GROUP}"
        plugin.remedy = _remedy_for_group(plugin.distribution, entry.group)
    else:
        _exclude_by_range(plugin, distribution)


def _names(variable: str | None) -> set[str]:
    return {normalised(name.strip()) for name in (variable or "").split(",") if name.strip()}


def _exclude_by_range(plugin: Plugin, distribution: Distribution) -> None:
    """Exclude a plugin that requires another version of dynplug, or whose requirement cannot be parsed."""
    line = ""
    try:
        for line in distribution.requires or ():
            if re.match(r"dynplug(?![\w.-])", line, re.IGNORECASE) and (wanted := _unmet(line)):
                plugin.status = "incompatible"
                plugin.note = f"it requires {wanted}, but this is dynplug {version('dynplug')}"
                plugin.remedy = (
                    f"install a version of it for this dynplug, if there is one: pip install -U {plugin.distribution}; "
                    f"or a dynplug that it is made for: pip install '{wanted}'"
                )
                return
    except Exception as error:  # it may hold any text and any marker
        what = f"Its requirement {line!r} cannot be read" if line else "Its requirements cannot be read"
        plugin.cause = PluginError(f"{what}: {' '.join(str(error).split())}")


def _remedy_for_group(distribution: str, group: str) -> str:
    """The remedy for a plugin of another interface: a newer dynplug, a newer plugin, or a corrected group."""
    number = group.removeprefix("dynplug.v")
    if not number.isdecimal():
        return f'its author should write [project.entry-points."{ENTRY_POINT_GROUP}"] in its pyproject.toml'
    return f"pip install -U {'dynplug' if int(number) > API_VERSION else distribution}"


def _unmet(line: str) -> str:
    """A requirement on dynplug that this dynplug does not meet, or an empty string."""
    from packaging.requirements import Requirement

    requirement = Requirement(line)
    applies = requirement.marker is None or requirement.marker.evaluate({"extra": ""})
    meets = requirement.specifier.contains(version("dynplug"), prereleases=True)
    return f"dynplug{requirement.specifier}" if applies and not meets else ""
