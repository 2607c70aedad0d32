"""The registry of components, and the lookup of names."""

import hashlib
import importlib
import warnings
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from importlib.metadata import EntryPoint
from types import MappingProxyType
from typing import Any, TypeVar

from dynplug.api import Spec
from dynplug.errors import PluginError, PluginWarning, UnknownNameError, nearest
from dynplug.plugin.component import Component
from dynplug.plugin.discovery import Plugin, discover
from dynplug.plugin.hints import called_here
from dynplug.plugin.kinds import Kind, kind_named
from dynplug.plugin.loader import load, normalise, set_aside

LOCAL = "local"

Registered = TypeVar("Registered", bound=Callable[..., object])


class Registry:
    """All components of all usable plugins. `plugins` includes the unusable ones, with the reason.

    **Arguments:**

    - `faults`: hook modules that must not be imported, with the reason.
    """

    def __init__(self, faults: Mapping[str, str] = MappingProxyType({})) -> None:
        self._components: list[Component] = []
        self._named: dict[str, list[Component]] = defaultdict(list)
        self._overrides: dict[tuple[str, str], str] = {}
        found = discover()
        self.plugins = [plugin for plugin, _ in found]
        sharing = _by_module(found)
        claimed: dict[str, str] = {LOCAL: "the user's own components"}
        for plugin, entry in found:
            if not plugin.usable:
                continue
            owner = claimed.setdefault(plugin.namespace, plugin.distribution)
            if plugin.module in faults:
                plugin.cause = PluginError(f"Importing {plugin.module} fails: {faults[plugin.module]}")
            if plugin.cause is not None:
                set_aside(plugin, plugin.cause)
            elif owner == plugin.distribution:
                load(plugin, entry, _rivals(plugin, sharing[plugin.module]))
            else:
                set_aside(plugin, PluginError(f"The namespace {plugin.namespace!r} already belongs to {owner}."))
            self._check_unique(plugin)
            for kind, spec in plugin.specs:
                self._add(Component(kind, spec, plugin))

    def _check_unique(self, plugin: Plugin) -> None:
        """Set a plugin aside if another entry point of its distribution already uses one of its names."""
        for kind, spec in plugin.specs:
            for name in (spec.name, *spec.aliases):
                if self.candidates(f"{plugin.namespace}:{name}", kind.name):
                    set_aside(plugin, PluginError(f"Its entry points register the {kind.name} {name!r} twice."))
                    return

    def _add(self, component: Component) -> None:
        self._components.append(component)
        for name in _names(component):
            self._named[name].append(component)

    def components(self, kind: str | None = None) -> Iterator[Component]:
        """All components, or those of one kind: dynplug's own first, in the order of registration."""
        wanted = kind and kind_named(kind).name
        return (c for c in self._components if not wanted or c.kind.name == wanted)

    def candidates(self, name: str, kind: str | None = None) -> list[Component]:
        """The components that `name` may mean: dynplug's own if there is one, otherwise all that match.

        `name` is a bare name, or qualified as `namespace:name`; either may end in a revision, as `name@1`.
        """
        wanted = None if kind is None else kind_named(kind).name
        if wanted is not None:
            name = self._overrides.get((wanted, normalise(name)), name)
        qualified, _, revision = name.partition("@")
        namespace, _, bare = qualified.rpartition(":")
        named = [
            c
            for c in self._named.get(normalise(bare), ())
            if (wanted is None or c.kind.name == wanted) and (not namespace or c.plugin.namespace == namespace)
        ]
        own = [c for c in named if c.plugin.namespace == "dynplug"]
        return [c for c in own or named if not revision or str(c.spec.revision) == revision]

    def find(self, kind: str, name: str) -> Component:
        """The component that `name` means; an error suggests the nearest name, or lists the candidates."""
        kinds = [kind, *filter(None, [kind_named(kind).also])]
        found = next(filter(None, (self.candidates(name, one) for one in kinds)), [])
        if len(found) == 1:
            return found[0]
        if found:
            raise UnknownNameError(f"{kind} {name!r} is ambiguous: write one of {', '.join(c.id for c in found)}.")
        for plugin in self.plugins:
            if not plugin.usable and name.startswith(f"{plugin.namespace}:"):
                raise PluginError(
                    f"{kind} {name!r}: {plugin.distribution} is {plugin.status}: {plugin.note}."
                ) from plugin.cause
        if told := self.other_revision(name, kind):
            raise UnknownNameError(told)
        kind = kind_named(kind).name
        hint = called_here(name) or nearest(
            name.rpartition(":")[2], (c.spec.name for one in kinds for c in self.components(one))
        )
        unused = [f"{p.distribution}, {p.status}" for p in self.plugins if not p.usable]
        aside = f" (Not searched: {'; '.join(unused)}.)" if unused else ""
        raise UnknownNameError(f"There is no {kind} called {name!r}. {hint}{aside} See: dynplug list {kind}")

    def other_revision(self, name: str, kind: str | None = None) -> str:
        """The message for a name of which another revision is installed; empty otherwise."""
        here = self.candidates(name.partition("@")[0], kind) if "@" in name else []
        if not here:
            return ""
        component, package = here[0], here[0].plugin
        return (
            f"{component.kind.name} {name!r} is not installed: {package.distribution} {package.version} has "
            f"{component.id!r}, with different mathematics. Install the version of {package.distribution} that has "
            f"{name!r}, or use {component.id!r}."
        )

    def name_of(self, component: Component) -> str:
        """The shortest name of this component: the bare name, unless that would mean another."""
        same = self.candidates(component.spec.name, component.kind.name)
        return component.spec.name if same == [component] else f"{component.plugin.namespace}:{component.spec.name}"

    def add_local(self, kind: Kind, spec: Spec, given: object) -> None:
        """Register an object of this process, replacing an earlier one of the same name."""
        plugin = Plugin(LOCAL, "this process", "0", spec.target, status="registered")
        for before in [c for c in self._named[normalise(spec.name)] if c.plugin.namespace == LOCAL and c.kind is kind]:
            if normalise(before.spec.name) == normalise(spec.name):
                for known in (self._components, *(self._named[name] for name in _names(before))):
                    known[:] = [c for c in known if c is not before]
        self._add(component := Component(kind, spec, plugin, given))
        if (own := self.name_of(component)) != spec.name:
            others = ", ".join(c.id for c in self.candidates(spec.name, kind.name) if c is not component)
            warnings.warn(
                f"The {kind.name} name {spec.name!r} is also that of {others}: write {own!r} for the one registered "
                f"here, or register it by another name. dp.override({{{f'{kind.name}:{spec.name}'!r}: {own!r}}}) makes "
                "it the meaning in a context.",
                PluginWarning,
                stacklevel=3,
            )

    @contextmanager
    def overriding(self, names: Mapping[str, str]) -> Iterator[None]:
        """A context in which names mean other components: `{"neuron:LIF": "my-package:my-lif"}`."""
        before, wanted = self._overrides, dict(self._overrides)
        for key, other in names.items():
            kind, _, name = key.partition(":")
            self.find(kind, name)
            self.find(kind, other)
            wanted[kind_named(kind).name, normalise(name)] = other
        self._overrides = wanted
        try:
            yield
        finally:
            self._overrides = before

    def digest(self) -> str:
        """A fingerprint of all components, their revisions and the versions they come from.

        Two processes with equal digests resolve every name alike.
        """
        lines = [
            f"{c.kind.name} {c.id} {c.spec.target} {c.plugin.distribution} {c.plugin.version}" for c in self._components
        ]
        lines += [f"{kind}:{name} -> {other}" for (kind, name), other in self._overrides.items()]
        return hashlib.sha256("\n".join(sorted(lines)).encode()).hexdigest()


def _names(component: Component) -> set[str]:
    return {normalise(name) for name in (component.spec.name, *component.spec.aliases)}


def _by_module(found: Iterable[tuple[Plugin, EntryPoint]]) -> dict[str, list[tuple[Plugin, EntryPoint]]]:
    """The plugins to be loaded, by the name of their hook module."""
    sharing: dict[str, list[tuple[Plugin, EntryPoint]]] = defaultdict(list)
    for plugin, entry in found:
        if plugin.usable and plugin.cause is None:
            sharing[plugin.module].append((plugin, entry))
    return sharing


def _rivals(plugin: Plugin, sharing: list[tuple[Plugin, EntryPoint]]) -> list[tuple[Plugin, EntryPoint]]:
    """The plugins of other distributions; none for dynplug itself."""
    if plugin.distribution == "dynplug":
        return []
    return [(other, entry) for other, entry in sharing if other.distribution != plugin.distribution]


@cache
def registry() -> Registry:
    """The registry of this process, created on first use."""
    return Registry()


def get(kind: str, name: str) -> Any:
    """The class or function registered as `name`, imported on first use.

    ```python
    assert dp.get("neuron", "LIF") is dp.neurons.LIF
    mse = dp.get("loss", "mse")
    ```

    **Raises:** `UnknownNameError` with the nearest name; `PluginError` if the component cannot be imported or violates
    the contract of its kind.
    """
    return registry().find(kind, name).load()


def list_components(kind: str) -> list[str]:
    """The names of all components of a kind, as `get` takes them. No component is imported.

    ```python
    assert {"Arctan", "Sigmoid", "SuperSpike"} <= set(dp.list_components("surrogate"))
    ```
    """
    known = registry()
    return [known.name_of(component) for component in known.components(kind)]


def refresh() -> None:
    """Discover the installed plugins again; components registered in this process are forgotten.

    ```python
    dp.register("surrogate", "mine")(dp.surrogates.Sigmoid)
    assert "mine" in dp.list_components("surrogate")
    dp.refresh()     # as after `pip install` in a notebook
    assert "mine" not in dp.list_components("surrogate")
    ```
    """
    importlib.invalidate_caches()
    registry.cache_clear()


@contextmanager
def override(names: Mapping[str, str]) -> Iterator[None]:
    """A context in which names mean other components: `with dp.override({"neuron:LIF": "my-package:my-lif"}): ...`.

    Nothing else, apart from the user's own configuration, changes the meaning of a name.

    ```python
    with dp.override({"surrogate:Sigmoid": "SuperSpike"}):
        assert dp.build("Sigmoid", kind="surrogate") == dp.surrogates.SuperSpike()
    assert dp.build("Sigmoid", kind="surrogate") == dp.surrogates.Sigmoid()
    ```

    **Raises:** `UnknownNameError` if either name is unknown.
    """
    with registry().overriding(names):
        yield


def register(kind: str, name: str, **spec: Any) -> Callable[[Registered], Registered]:
    """Register a class or function of this process, as in a notebook: `@dp.register("neuron", "my-lif")`.

    Its namespace is `local`; registering the name again replaces it. A name that another package has, as "LIF", means
    that one still, and gives a `PluginWarning`: write "local:LIF".

    ```python
    @dp.register("surrogate", "rectangle", summary="a rectangular window")
    class Rectangle(dp.surrogates.Surrogate):
        def derivative(self, x):
            return jnp.where(abs(x) < 0.5, 1.0, 0.0)

    lif = dp.build({"type": "LIF", "size": 10, "surrogate": "rectangle"})     # as in a configuration file
    assert lif.surrogate == Rectangle()
    ```

    **Arguments:**

    - `kind`: the kind of component.
    - `name`: the name to register.
    - `spec`: further fields of the spec, such as `summary` or `aliases`.
    """
    wanted = kind_named(kind)

    def decorate(given: Registered) -> Registered:
        target = f"{given.__module__}:{given.__name__}"
        registry().add_local(wanted, wanted.spec(name=name, target=target, **spec), given)
        return given

    return decorate
