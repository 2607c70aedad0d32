"""The component under test, and its instances."""

import inspect
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
from jaxtyping import PRNGKeyArray

from dynplug.api import Spec
from dynplug.plugin import LOCAL, UNITS as UNITS, Component, Plugin, build, example_of, kind_named, registry

T = TypeVar("T")
Target = str | type | Callable[..., object]  # the name of a registered component, or a class or function


class Skip(Exception):
    """Raised by a check that does not apply; the message is the reason."""


@dataclass(frozen=True, eq=False)
class Subject:
    """A component, and the arguments of a minimal instance.

    **Arguments:**

    - `component`: the component.
    - `given`: keyword arguments of a minimal instance, instead of the spec's `example`.
    - `registered`: whether the registry knows it, so that a configuration can name it.
    - `double`: whether what the checks share is made in double precision, whatever the precision of the check that
        asks for it first.
    """

    component: Component
    given: Mapping[str, object] | None = None
    registered: bool = True
    double: bool = field(default_factory=lambda: jnp.result_type(float) == jnp.float64)

    def remember(self, name: str, make: Callable[[], T]) -> T:
        """The result of `make`, computed once for all checks."""
        memory: dict[str, Any] = self.__dict__.setdefault("_memory", {})
        if name not in memory:
            with jax.enable_x64(self.double):
                memory[name] = make()
        return memory[name]

    @property
    def kind(self) -> str:
        return self.component.kind.name

    @property
    def title(self) -> str:
        """The kind and id, such as `neuron dynplug:LIF@1`."""
        return f"{self.kind} {self.component.id}"

    @property
    def spec(self) -> Spec:
        return self.component.spec

    @cached_property
    def target(self) -> Any:
        """The class or function itself."""
        with _deprecation_ignored():
            return self.component.load()

    @cached_property
    def example(self) -> dict[str, object]:
        """The given arguments; else the spec's; else a guess at `size`, `in_size` and `out_size`."""
        with _deprecation_ignored():
            return example_of(self.component) if self.given is None else dict(self.given)

    def make(self, seed: int = 0, **given: object) -> Any:
        """A minimal instance; `given` are arguments that the example cannot hold, such as a runner's `target`."""
        key = jax.random.key(seed)
        with _deprecation_ignored():
            if self.registered:
                config = {"type": self.component.id, **self.example}
                return build(config, kind=self.kind, key=key, given=given)
            return self._make_unregistered(key, given)

    def _make_unregistered(self, key: PRNGKeyArray, given: Mapping[str, object]) -> Any:
        arguments = {name: _built(value, key) for name, value in self.example.items()} | dict(given)
        if "key" in inspect.signature(self.target).parameters:
            arguments.setdefault("key", key)
        if not self.component.kind.factory and not isinstance(self.target, type):
            return partial(self.target, **arguments) if arguments else self.target
        return self.target(**arguments)

    @cached_property
    def instance(self) -> Any:
        """A minimal instance that all checks share.

        **Raises:** `Skip` where there is none: the check `builds` then tells the cause.
        """
        try:
            with jax.enable_x64(self.double):
                return self.make()
        except Exception as error:
            raise Skip("no instance could be made: see the check 'builds'") from error


def subject_of(kind: str, name_or_target: Target, example: Mapping[str, object] | None = None) -> Subject:
    """A registered component by name, or a class or function, registered or not."""
    if isinstance(name_or_target, str):
        return Subject(registry().find(kind, name_or_target), example)
    wanted = kind_named(kind)
    known = [c for c in registry().components(kind) if c.given is name_or_target]
    if known:
        return Subject(known[0], example)
    module, name = name_or_target.__module__, name_or_target.__name__
    plugin = Plugin(LOCAL, "this process", "0", f"{module}:{name}", status="registered")
    spec = wanted.spec(name=name.strip("_<>"), target=f"{module}:{name.strip('_<>')}")
    return Subject(Component(wanted, spec, plugin, name_or_target), example, registered=False)


def _built(value: object, key: PRNGKeyArray) -> object:
    return build(value, key=key) if isinstance(value, Mapping) and "type" in value else value


@contextmanager
def _deprecation_ignored() -> Iterator[None]:
    """Silence the warnings of deprecated components, which are tested like any other."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".* is deprecated", FutureWarning)
        yield
