"""Problems of the installed plugins, and their remedies."""

import os
import warnings
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distributions

from dynplug.errors import nearest
from dynplug.plugin.discovery import ALLOW, DISABLE, Plugin, discover, folder_of, normalised
from dynplug.plugin.hook_imports import that_import_jax, that_never_return
from dynplug.plugin.loader import STRICT, normalise
from dynplug.plugin.registry import LOCAL, Registry
from dynplug.plugin.strangers import reason_of

CACHE = "DYNPLUG_COMPILATION_CACHE"
VARIABLES = (ALLOW, CACHE, DISABLE, STRICT)
SLOW = 0.1  # [s] of processor time; listing the components of 50 plugins must take some seconds at most
WAITING = 2.0  # [s] by the clock: more than a busy machine needs for `SLOW`, so that the plugin waits for something


@dataclass(frozen=True)
class Problem:
    """A problem that needs action.

    **Attributes:** `what` is wrong; `remedy`, what to do about it.
    """

    what: str
    remedy: str


_REMEDIES = {
    "quarantined": "fix it, update it: pip install -U {0}, uninstall it: pip uninstall {0}, or disable it: {1}={2}",
    "incompatible": "pip install -U {0}",
    "shadowed": "pip uninstall {0} until it is no longer found, then install it once",
}


def examined(environment: Mapping[str, str] = os.environ) -> Registry:
    """A registry that sets aside, without importing them here, hook modules that hang or end the process."""
    modules = [p.module for p, _ in discover(environment) if p.usable and p.cause is None and _is_strange(p)]
    return Registry(that_never_return(modules))


def problems_of(registry: Registry, environment: Mapping[str, str] = os.environ) -> list[Problem]:
    """All problems that need action.

    Unused plugins, components that cannot be loaded, hook modules that are slow or import JAX, and invalid environment
    variables.
    """
    return [
        *_unusable(registry.plugins),
        *_unreadable(registry.plugins),
        *_targets(registry),
        *_heavy(registry.plugins),
        *_variables(registry.plugins, environment),
    ]


def shared_names(registry: Registry) -> dict[str, list[str]]:
    """Names shared by several components, such as `neuron LIF`, with their ids.

    The bare name means the first if that is dynplug's own, and is an error otherwise. This needs no action.
    """
    bearers: dict[tuple[str, str], dict[str, str]] = defaultdict(dict)
    for component in registry.components():
        for name in (component.spec.name, *component.spec.aliases):
            bearers[component.kind.name, normalise(name)].setdefault(component.id, name)
    shared = {key: ids for key, ids in bearers.items() if len(ids) > 1}
    return {f"{kind} {next(iter(ids.values()))}": list(ids) for (kind, _), ids in shared.items()}


def _unusable(plugins: Iterable[Plugin]) -> Iterable[Problem]:
    for plugin in plugins:
        if plugin.status in _REMEDIES:
            name = f"{plugin.distribution} {plugin.version}"
            yield Problem(f"{name} is {plugin.status}: {plugin.note} [{plugin.path}]", _remedy(plugin))


def _unreadable(plugins: Iterable[Plugin]) -> Iterable[Problem]:
    """Unreadable metadata of packages that are not plugins: JAX, for one, reads them too and fails."""
    known = {plugin.path for plugin in plugins if plugin.status == "quarantined"}
    for distribution in distributions():
        try:
            _ = distribution.entry_points
        except Exception as error:
            path = str(distribution.locate_file(""))
            if os.path.realpath(path) not in known:
                what = f"The entry points of {folder_of(distribution)} in {path} cannot be read"
                yield Problem(f"{what}: {reason_of(error)}", "reinstall that package, or delete this folder")


def _remedy(plugin: Plugin) -> str:
    if plugin.version == "unknown":  # pip does not see a package without metadata
        return f"pip cannot uninstall it: delete its folder in {plugin.path}, or set {DISABLE}={plugin.namespace}"
    return plugin.remedy or _REMEDIES[plugin.status].format(plugin.distribution, DISABLE, plugin.namespace)


def _targets(registry: Registry) -> Iterable[Problem]:
    """Components that cannot be imported or violate the contract of their kind."""
    for component in registry.components():
        if not _is_strange(component.plugin):
            continue
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                component.load()
        except Exception as error:
            needed = error.__cause__
            if isinstance(needed, PackageNotFoundError):
                yield Problem(reason_of(error), f"pip install {needed.name}")
            else:
                yield Problem(reason_of(error), f"fix it, or update it: pip install -U {component.plugin.distribution}")


def _is_strange(plugin: Plugin) -> bool:
    return plugin.namespace not in ("dynplug", LOCAL)


def _heavy(plugins: Iterable[Plugin]) -> Iterable[Problem]:
    others = {p.module: p for p in plugins if p.usable and _is_strange(p)}
    guilty = set(that_import_jax(list(others)))
    for module, plugin in others.items():
        advice = f"its author should import only dynplug.api in {module}, and everything else lazily in its package"
        if module in guilty:
            yield Problem(f"{plugin.distribution} imports JAX when it is listed", advice)
        elif plugin.busy > SLOW:
            took = f"{plugin.busy:.2f} s of processor time to list, over {SLOW} s"
            yield Problem(f"{plugin.distribution} takes {took}", advice)
        elif plugin.seconds > WAITING:
            took = f"{plugin.seconds:.1f} s to list, over {WAITING} s, and spends them waiting"
            yield Problem(f"{plugin.distribution} takes {took}", advice)


def _variables(plugins: Iterable[Plugin], environment: Mapping[str, str]) -> Iterable[Problem]:
    known = {name for p in plugins for name in (normalised(p.distribution), p.namespace)} - {""}
    for variable in sorted(environment):
        if variable.startswith("DYNPLUG_") and variable not in VARIABLES:
            yield Problem(f"{variable} is set, but unknown to dynplug", nearest(variable, VARIABLES))
    for variable in (ALLOW, DISABLE):
        for name in filter(None, map(str.strip, environment.get(variable, "").split(","))):
            if normalised(name) not in known:
                yield Problem(f"{variable} names {name!r}, but no such plugin is installed", nearest(name, known))
