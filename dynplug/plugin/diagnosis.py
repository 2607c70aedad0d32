"""What is wrong with the plugins that are installed, and what to do about it."""

import os
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from dynplug.errors import nearest
from dynplug.plugin.discovery import ALLOW, DISABLE, Plugin, normalised
from dynplug.plugin.hook_imports import that_import_jax
from dynplug.plugin.loader import STRICT, normalise
from dynplug.plugin.registry import Registry

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
    "quarantined": "mend it, or update it: pip install -U {0}, or do without: pip uninstall {0}",
    "incompatible": "pip install -U {0}, or pip install -U dynplug",
    "shadowed": "pip uninstall {0}, as often as it is found, then install it once",
}


def problems_of(registry: Registry, environment: Mapping[str, str] = os.environ) -> list[Problem]:
    """All that needs action: plugins that are not used and why, hook modules that are slow or import JAX, variables."""
    return [
        *_unusable(registry.plugins),
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
            remedy = _REMEDIES[plugin.status].format(plugin.distribution)
            name = f"{plugin.distribution} {plugin.version}"
            yield Problem(f"{name} is {plugin.status}: {plugin.note} [{plugin.path}]", remedy)


def _heavy(plugins: Iterable[Plugin]) -> Iterable[Problem]:
    others = {_module(p): p for p in plugins if p.usable and p.namespace not in ("dynplug", "local")}
    guilty = set(that_import_jax(list(others)))
    for module, plugin in others.items():
        advice = f"its author should import dynplug.api alone in {module}, and lazily in the package around it"
        if module in guilty:
            yield Problem(f"{plugin.distribution} imports JAX to be listed", advice)
        elif plugin.seconds > SLOW:
            yield Problem(f"{plugin.distribution} takes {plugin.seconds:.2f} s to be listed", advice)


def _module(plugin: Plugin) -> str:
    return plugin.entry_point.partition(" = ")[2].partition(":")[0].strip()


def _variables(plugins: Iterable[Plugin], environment: Mapping[str, str]) -> Iterable[Problem]:
    known = {name for p in plugins for name in (normalised(p.distribution), p.namespace)} - {""}
    for variable in sorted(environment):
        if variable.startswith("DYNPLUG_") and variable not in VARIABLES:
            yield Problem(f"{variable} is set and means nothing", nearest(variable, VARIABLES))
    for variable in (ALLOW, DISABLE):
        for name in filter(None, map(str.strip, environment.get(variable, "").split(","))):
            if normalised(name) not in known:
                yield Problem(f"{variable} names {name!r}, and no such plugin is installed", nearest(name, known))
