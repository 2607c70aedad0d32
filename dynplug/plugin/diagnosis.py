"""What is wrong with the plugins that are installed, and what to do about it."""

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

VARIABLES = (ALLOW, DISABLE, STRICT)
SLOW = 0.1  # [s]; listing what 50 plugins provide must take less than a second


@dataclass(frozen=True)
class Problem:
    """Something that needs action.

    **Attributes:** `what` is wrong; `remedy`, what to do.
    """

    what: str
    remedy: str


_REMEDIES = {
    "quarantined": "mend it, or update it: pip install -U {0}, or do without: pip uninstall {0}, or {1}={2}",
    "incompatible": "pip install -U {0}",
    "shadowed": "pip uninstall {0}, as often as it is found, then install it once",
}


def examined(environment: Mapping[str, str] = os.environ) -> Registry:
    """A registry for which no hook module is imported that would end the process, or hang: those are set aside."""
    modules = [p.module for p, _ in discover(environment) if p.usable and p.cause is None and _is_strange(p)]
    return Registry(that_never_return(modules))


def problems_of(registry: Registry, environment: Mapping[str, str] = os.environ) -> list[Problem]:
    """All that needs action.

    Plugins that are not used and why, components that cannot be, hook modules that are slow or import JAX, variables.
    """
    return [
        *_unusable(registry.plugins),
        *_unreadable(registry.plugins),
        *_targets(registry),
        *_heavy(registry.plugins),
        *_variables(registry.plugins, environment),
    ]


def shared_names(registry: Registry) -> dict[str, list[str]]:
    """Names that several components bear, as `neuron LIF`, and their ids: the first is what the bare name means.

    Where none is dynplug's own, the bare name means none of them and is an error. That needs no action.
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
    """Metadata of packages that are no plugins: others than dynplug read them too, JAX for one, and fail."""
    known = {plugin.path for plugin in plugins if plugin.status == "quarantined"}
    for distribution in distributions():
        try:
            _ = distribution.entry_points
        except Exception as error:
            path = str(distribution.locate_file(""))
            if os.path.realpath(path) not in known:
                what = f"The entry points of {folder_of(distribution)} in {path} cannot be read"
                yield Problem(f"{what}: {reason_of(error)}", "install that package anew, or delete this folder")


def _remedy(plugin: Plugin) -> str:
    if plugin.version == "unknown":  # pip does not see what has no metadata
        return f"pip does not know it by a name: delete its folder in {plugin.path}, or {DISABLE}={plugin.namespace}"
    return plugin.remedy or _REMEDIES[plugin.status].format(plugin.distribution, DISABLE, plugin.namespace)


def _targets(registry: Registry) -> Iterable[Problem]:
    """Components that cannot be imported, or are not what their kind asks for."""
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
                yield Problem(
                    reason_of(error), f"mend it, or update it: pip install -U {component.plugin.distribution}"
                )


def _is_strange(plugin: Plugin) -> bool:
    return plugin.namespace not in ("dynplug", LOCAL)


def _heavy(plugins: Iterable[Plugin]) -> Iterable[Problem]:
    others = {p.module: p for p in plugins if p.usable and _is_strange(p)}
    guilty = set(that_import_jax(list(others)))
    for module, plugin in others.items():
        advice = f"its author should import dynplug.api alone in {module}, and lazily in the package around it"
        if module in guilty:
            yield Problem(f"{plugin.distribution} imports JAX to be listed", advice)
        elif plugin.seconds > SLOW:
            yield Problem(f"{plugin.distribution} takes {plugin.seconds:.2f} s to be listed", advice)


def _variables(plugins: Iterable[Plugin], environment: Mapping[str, str]) -> Iterable[Problem]:
    known = {name for p in plugins for name in (normalised(p.distribution), p.namespace)} - {""}
    for variable in sorted(environment):
        if variable.startswith("DYNPLUG_") and variable not in VARIABLES:
            yield Problem(f"{variable} is set and means nothing", nearest(variable, VARIABLES))
    for variable in (ALLOW, DISABLE):
        for name in filter(None, map(str.strip, environment.get(variable, "").split(","))):
            if normalised(name) not in known:
                yield Problem(f"{variable} names {name!r}, and no such plugin is installed", nearest(name, known))
