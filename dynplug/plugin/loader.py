"""Loading the specs of installed plugins, one plugin at a time.

A plugin that fails is set aside as a whole, with its cause, and affects no other. pluggy's own entry-point loader stops
at the first failure, so each plugin gets a manager of its own.
"""

import base64
import hashlib
import os
import re
import sys
import time
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import fields
from importlib.metadata import EntryPoint, version
from pathlib import Path

import pluggy

import dynplug.plugin.hookspecs as hookspecs
from dynplug.api import Host, Spec
from dynplug.errors import PluginError, PluginWarning
from dynplug.plugin.discovery import DISABLE, Plugin
from dynplug.plugin.kinds import KINDS, Kind
from dynplug.plugin.strangers import CtrlC, reason_of, strangers_code

STRICT = "DYNPLUG_STRICT"


def load(plugin: Plugin, entry: EntryPoint, rivals: Sequence[tuple[Plugin, EntryPoint]] = ()) -> None:
    """Import a plugin's hook module and take all of its specs; or none, and the reason.

    **Arguments:**

    - `plugin`, `entry`: as `discover` found them.
    - `rivals`: plugins of other distributions whose hook modules have the same name.
    """
    began, worked = time.perf_counter(), time.thread_time()
    whose = f"plugin {plugin.distribution} {plugin.version} ({plugin.entry_point})"
    try:
        with strangers_code(whose, f"To disable it: {DISABLE}={plugin.namespace}"):
            plugin.specs = _specs(entry, plugin, rivals)
        plugin.status = "registered"
    except CtrlC:
        raise
    except BaseException as cause:  # a plugin's module may raise anything
        set_aside(plugin, cause)
    plugin.seconds, plugin.busy = time.perf_counter() - began, time.thread_time() - worked


def set_aside(plugin: Plugin, cause: BaseException) -> None:
    """Drop a plugin's specs, keep the cause, and warn in one line; with `DYNPLUG_STRICT=1`, raise instead."""
    reason = reason_of(cause)
    plugin.specs, plugin.status, plugin.cause, plugin.note = [], "quarantined", cause, reason
    named = f"Plugin {plugin.distribution} {plugin.version} is set aside: {reason}."
    if os.environ.get(STRICT, "0") not in ("", "0"):
        raise PluginError(f"{named} ({STRICT} is set.)") from cause
    warnings.warn(f"{named} Fix or uninstall it; everything else keeps working.", PluginWarning, stacklevel=2)


def _specs(entry: EntryPoint, plugin: Plugin, rivals: Sequence[tuple[Plugin, EntryPoint]]) -> list[tuple[Kind, Spec]]:
    if not entry.pattern.match(entry.value):
        raise PluginError(f"Invalid entry point {plugin.entry_point!r}: write {entry.name} = 'package.module'.")
    module = entry.load()
    if rivals:
        _check_owner(plugin, entry, rivals)
    manager = pluggy.PluginManager("dynplug")
    manager.add_hookspecs(hookspecs)
    manager.register(module)
    manager.check_pending()
    callers = manager.get_hookcallers(module) or []
    hooks = {caller.name for caller in callers}
    if wrappers := [c.name for c in callers if any(i.hookwrapper or i.wrapper for i in c.get_hookimpls())]:
        raise PluginError(f"{', '.join(wrappers)} is a hook wrapper: a registration hook must return its specs.")
    if not hooks:
        raise PluginError(f"{entry.value} implements no dynplug hook: mark its functions with @dynplug.api.hookimpl.")
    host = Host(version("dynplug"))
    specs: list[tuple[Kind, Spec]] = []
    for kind in KINDS.values():
        if kind.hook in hooks:
            specs += _checked(kind, getattr(manager.hook, kind.hook)(host=host))
    return specs


def _check_owner(plugin: Plugin, entry: EntryPoint, rivals: Sequence[tuple[Plugin, EntryPoint]]) -> None:
    """Reject a hook module whose name other distributions use too, unless its file belongs to this one alone."""
    file = os.path.realpath(getattr(sys.modules[entry.module], "__file__", None) or "")
    if not _has_installed(plugin, entry, file) or any(_has_installed(*rival, file) for rival in rivals):
        others = ", ".join(sorted({p.distribution for p, _ in rivals}))
        raise PluginError(
            f"Its hook module {entry.module!r} has the same name as that of {others}, and Python imports only one, "
            f"{file}: its author should move it into a package named after the distribution"
        )


def _has_installed(plugin: Plugin, entry: EntryPoint, file: str) -> bool:
    """Whether a file lies where a distribution is installed and, if recorded, has the hash of the installed file."""
    if not file.startswith(os.path.join(plugin.path, "")):
        return False
    for path in (entry.dist and entry.dist.files) or ():
        if path.hash is not None and os.path.realpath(str(path.locate())) == file:
            digest = hashlib.new(path.hash.mode, Path(file).read_bytes()).digest()
            return base64.urlsafe_b64encode(digest).rstrip(b"=").decode() == path.hash.value
    return True


def _checked(kind: Kind, returned: list[object]) -> list[tuple[Kind, Spec]]:
    specs: list[tuple[Kind, Spec]] = []
    taken: set[str] = set()
    if not returned:
        raise PluginError(f"{kind.hook} returned None: return a list of {kind.spec.__name__}.")
    for specs_of_one in returned:
        if not isinstance(specs_of_one, Iterable):
            raise PluginError(f"{kind.hook} returned {specs_of_one!r}: return a list of {kind.spec.__name__}.")
        for spec in specs_of_one:
            if not isinstance(spec, kind.spec):
                raise PluginError(f"{kind.hook} returned {spec!r}, which is not a {kind.spec.__name__}.")
            for name in map(normalise, (spec.name, *spec.aliases)):
                if name in taken:
                    raise PluginError(f"{kind.hook} returned the name {spec.name!r} twice.")
                taken.add(name)
            specs.append((kind, _copy(kind, spec)))
    return specs


def _copy(kind: Kind, spec: Spec) -> Spec:
    """A new, validated spec with exactly the declared fields, whatever its class."""
    return kind.spec(**{f.name: getattr(spec, f.name) for f in fields(kind.spec)})


def normalise(name: str) -> str:
    """The normal form of a name: `DoubleLeak`, `double-leak` and `double_leak` are equal."""
    return re.sub(r"[-_]", "", name).casefold()
