"""Which components exist, and the import of one when it is first asked for."""

import importlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from dynplug.api import Spec
from dynplug.errors import PluginError, UnknownNameError, nearest
from dynplug.plugin.kinds import Kind, kind_named
from dynplug.plugin.loader import Plugin, discover, load, normalise, set_aside


@dataclass(frozen=True)
class Component:
    """A registered component: its kind, its spec and where it comes from."""

    kind: Kind
    spec: Spec
    plugin: Plugin

    @property
    def id(self) -> str:
        return f"{self.plugin.namespace}:{self.spec.name}@{self.spec.revision}"

    @property
    def contract(self) -> Any:
        """The class that every instance of this kind is of, or `None`."""
        return _import(self.kind.contract) if self.kind.contract else None

    def load(self) -> Any:
        """Import the target and hold it against its kind's contract: a class must derive from the contract's."""
        try:
            target = _import(self.spec.target)
        except (Exception, SystemExit) as cause:
            raise PluginError(
                f"{self.kind.name} {self.id} cannot be used: importing {self.spec.target!r} of "
                f"{self.plugin.distribution} {self.plugin.version} failed with {type(cause).__name__}: {cause}"
            ) from cause
        contract = self.contract
        if contract is not None and isinstance(target, type) and not issubclass(target, contract):
            raise PluginError(
                f"{self.kind.name} {self.id} breaks its contract: {self.spec.target!r} must be a subclass of "
                f"{contract.__module__}.{contract.__name__}."
            )
        if not callable(target):
            raise PluginError(f"{self.kind.name} {self.id} breaks its contract: {self.spec.target!r} is not callable.")
        return target


def _import(target: str) -> Any:
    module, _, attribute = target.partition(":")
    return getattr(importlib.import_module(module), attribute)


class Registry:
    """All components of all usable plugins. `plugins` keeps the unusable ones too, with their cause."""

    def __init__(self) -> None:
        self.plugins: list[Plugin] = []
        self._components: list[Component] = []
        claimed: dict[str, str] = {"local": "the user's own components"}
        for plugin, entry in discover():
            owner = claimed.setdefault(plugin.namespace, plugin.distribution)
            if owner == plugin.distribution:
                load(plugin, entry)
            else:
                set_aside(plugin, PluginError(f"The namespace {plugin.namespace!r} already belongs to {owner}."))
            self._check_unique(plugin)
            self.plugins.append(plugin)
            self._components += [Component(kind, spec, plugin) for kind, spec in plugin.specs]

    def _check_unique(self, plugin: Plugin) -> None:
        """Set a plugin aside where another entry point of its distribution has taken one of its names."""
        for kind, spec in plugin.specs:
            for name in (spec.name, *spec.aliases):
                if self.candidates(f"{plugin.namespace}:{name}", kind.name):
                    set_aside(plugin, PluginError(f"Another entry point of it registers the {kind.name} {name!r} too."))
                    return

    def components(self, kind: str | None = None) -> Iterator[Component]:
        """All components, or those of one kind: dynplug's own first, in the order of registration."""
        wanted = kind and kind_named(kind).name
        return (c for c in self._components if not wanted or c.kind.name == wanted)

    def candidates(self, name: str, kind: str | None = None) -> list[Component]:
        """The components that `name` may mean: dynplug's own alone if there is one, else all that match.

        `name` is a bare name, or qualified as `namespace:name`, or with its revision as `namespace:name@1`.
        """
        qualified, _, revision = name.partition("@")
        namespace, _, bare = qualified.rpartition(":")
        found = [
            c
            for c in self.components(kind)
            if normalise(bare) in map(normalise, (c.spec.name, *c.spec.aliases))
            and (not namespace or c.plugin.namespace == namespace)
            and (not revision or str(c.spec.revision) == revision)
        ]
        own = [c for c in found if c.plugin.namespace == "dynplug"]
        return own or found

    def find(self, kind: str, name: str) -> Component:
        """The one component that `name` means; an error says what is near it, or what it could be."""
        found = self.candidates(name, kind)
        if len(found) == 1:
            return found[0]
        if found:
            raise UnknownNameError(f"{kind} {name!r} is ambiguous: write one of {', '.join(c.id for c in found)}.")
        for plugin in self.plugins:
            if plugin.cause is not None and name.startswith(f"{plugin.namespace}:"):
                raise PluginError(
                    f"{kind} {name!r}: {plugin.distribution} is set aside: {plugin.cause}"
                ) from plugin.cause
        kind = kind_named(kind).name
        hint = nearest(name.rpartition(":")[2], (c.spec.name for c in self.components(kind)))
        broken = [p.distribution for p in self.plugins if p.cause is not None]
        aside = f" (Set aside, so not searched: {', '.join(broken)}.)" if broken else ""
        raise UnknownNameError(f"There is no {kind} called {name!r}. {hint}{aside} See: dynplug list {kind}")

    def name_of(self, component: Component) -> str:
        """The shortest name that means this component: the bare one, unless it would mean another."""
        same = self.candidates(component.spec.name, component.kind.name)
        return component.spec.name if same == [component] else f"{component.plugin.namespace}:{component.spec.name}"


@cache
def registry() -> Registry:
    """The registry of this process, made on first use."""
    return Registry()


def get(kind: str, name: str) -> Any:
    """The class or function registered as `name`, imported now if it was not yet.

    **Raises:** `UnknownNameError` with the nearest name; `PluginError` where the component cannot be imported or is
    not what its kind asks for.
    """
    return registry().find(kind, name).load()


def list_components(kind: str) -> list[str]:
    """The names of all components of a kind, as `get` takes them. No component is imported."""
    known = registry()
    return [known.name_of(component) for component in known.components(kind)]
