"""Selecting the components to check."""

from collections.abc import Sequence

from dynplug.errors import OptionError, PluginError, UnknownNameError, nearest
from dynplug.plugin import Plugin, normalised, registry
from dynplug.testing.subject import Subject, Target, subject_of


def subjects(components: str | Sequence[str | tuple[str, Target]]) -> list[Subject]:
    """The components of a distribution, or of a list of ids `"kind name"` and pairs (kind, name or class)."""
    return of_distribution(components) if isinstance(components, str) else [_one(item) for item in components]


def of_distribution(name: str) -> list[Subject]:
    """All components that a distribution registers.

    **Raises:** `UnknownNameError` if it is not an installed plugin; `PluginError` if it was set aside.
    """
    plugins = _plugins(name)
    if not plugins:
        known = (p.distribution for p in registry().plugins)
        raise UnknownNameError(f"No installed distribution called {name!r} is a plugin. {nearest(name, known)}")
    for plugin in plugins:
        if not plugin.usable and plugin.status != "shadowed":
            raise PluginError(
                f"{plugin.distribution} {plugin.version} is {plugin.status}: {plugin.note}."
            ) from plugin.cause
    found = [Subject(c) for c in registry().components() if any(c.plugin is p for p in plugins)]
    if not found:
        raise PluginError(f"{name} registers no component, so nothing can be checked.")
    return found


def named(name: str | None) -> list[Subject]:
    """All components; those of the distribution `name`; or those of any kind called `name`.

    **Raises:** as `of_distribution`; `UnknownNameError` if it is neither.
    """
    known = registry()
    if name is None:
        return [Subject(c) for c in known.components()]
    if _plugins(name):
        return of_distribution(name)
    found = [Subject(c) for c in known.candidates(name)]
    if not found:
        names = [p.distribution for p in known.plugins] + [c.spec.name for c in known.components()]
        raise UnknownNameError(f"{name!r} is neither a distribution nor a component. {_near(name, names)}")
    return found


def _plugins(distribution: str) -> list[Plugin]:
    return [p for p in registry().plugins if normalised(p.distribution) == normalised(distribution)]


def _near(name: str, names: list[str]) -> str:
    hint = nearest(name.rpartition(":")[2], names)
    return hint if hint.startswith("Did") else "See: dynplug plugins, dynplug list"


def _one(item: str | tuple[str, Target]) -> Subject:
    pair = item.split(maxsplit=1) if isinstance(item, str) else item
    if len(pair) != 2:
        raise OptionError(f"{item!r} names no component: write 'neuron my-package:my-neuron', or (kind, id).")
    kind, name_or_target = pair
    return subject_of(kind, name_or_target)
