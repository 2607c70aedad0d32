"""Resolving a configuration: each name in it becomes a component, once, before anything is built."""

import inspect
import re
import zlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from types import UnionType
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeGuard, Union, get_args, get_origin

from dynplug.errors import ConfigError, DynplugError, KeyRequiredError, UnknownNameError, nearest
from dynplug.plugin.component import Component
from dynplug.plugin.hints import argument_hint, called_here, is_flag
from dynplug.plugin.kinds import KINDS
from dynplug.plugin.registry import registry
from dynplug.plugin.strangers import reason_of
from dynplug.plugin.unbuilt import unbuilt_kind

_NAMED = re.compile(r"(?:\w+[(:] ?)?(\w+)(?:=| must )")  # `LIF(tau=...)`, `BPTT: dt=0 must`, `size must`

if TYPE_CHECKING:  # it imports JAX
    from jaxtyping import PRNGKeyArray


@dataclass(frozen=True)
class Configured:
    """A component with its arguments, at a place in a configuration.

    **Attributes:**

    - `component`: the component; `target`, its class or function, and `accepted`, the parameters of that.
    - `arguments`: of its constructor; each that configures a component, or a list or a mapping of some, is
        `Configured` itself.
    - `config`: the configuration as it was written.
    - `path`: its place in a larger one, for messages.
    """

    component: Component
    target: Callable[..., object]
    accepted: Mapping[str, inspect.Parameter]
    arguments: dict[str, object]
    config: Mapping[str, object] | str
    path: str

    def check(self, given: Iterable[str] = ()) -> None:
        """Reject the absence of an argument that a constructor needs, here and below; `given` are built already."""
        _check_names(self.component, self.accepted, given, self.path)
        if self.component.kind.factory and not _takes_any(self.accepted):
            needed = [p.name for p in self.accepted.values() if p.default is p.empty and p.kind is not p.VAR_POSITIONAL]
            missing = [name for name in needed if name not in {"key", *self.arguments, *given}]
            if missing:
                raise ConfigError(f"{self._name} needs {', '.join(map(repr, missing))}.", self.path)
        for part in self.arguments.values():
            _each(part, Configured.check)

    def build(self, *, key: "PRNGKeyArray | None" = None, given: Mapping[str, object] | None = None) -> Any:
        """The component, after its arguments. **Arguments and Raises:** as for `build`."""
        given = given or {}
        built = {name: self.build_argument(name, key=key) for name in self.arguments if name not in given}
        built |= given
        if "key" in self.accepted and "key" not in built:
            needs_key = self.accepted["key"].default is inspect.Parameter.empty
            if key is None and needs_key:
                raise KeyRequiredError(f"{self._name} draws random numbers: pass build(..., key=jax.random.key(0)).")
            if key is not None:
                built["key"] = _child_key(key, self.path)
        if not self.component.kind.factory and not isinstance(self.target, type):
            return partial(self.target, **built) if built else self.target
        return self._construct(built)

    def build_argument(self, name: str, *, key: "PRNGKeyArray | None" = None) -> Any:
        """An argument as the constructor takes it: built, or as it is configured, see `Unbuilt`."""
        if unbuilt_kind(self.accepted.get(name)):
            return self.arguments[name]
        return _each(self.arguments[name], lambda part: part.build(key=key))

    def pinned(self) -> dict[str, object] | str:
        """The configuration with the revision of each `type`."""
        if isinstance(self.config, str):
            return self._pin
        known = {"type": self._pin, **{n: _each(v, Configured.pinned) for n, v in self.arguments.items()}}
        return {name: known.get(name, value) for name, value in self.config.items()}

    def _construct(self, arguments: dict[str, object]) -> object:
        try:
            made = self.target(**arguments)
        except (ConfigError, KeyRequiredError):
            raise
        except (DynplugError, TypeError, ValueError) as error:
            raise ConfigError(self._said_by(str(error)), self._place_of(str(error))) from error
        except Exception as error:  # a size beyond all memory, or a plugin's constructor
            raise ConfigError(self._said_by(reason_of(error)), self.path) from error
        contract = self.component.contract
        if contract is not None and not isinstance(made, contract):
            problem = f"{self._name} must make a {contract.__name__}, not {type(made).__name__}."
            raise ConfigError(problem, self.path)
        return made

    @property
    def called(self) -> str:
        """The name by which the configuration calls the component, without a revision."""
        return str(self.config if isinstance(self.config, str) else self.config["type"]).partition("@")[0]

    @property
    def _pin(self) -> str:
        """The name with its revision; that of a loss or metric as it was given, as their histories bear it."""
        component = self.component
        return component.pin if component.kind.factory else f"{self.called}@{component.spec.revision}"

    def __reduce__(self) -> tuple[Callable[..., "Configured"], tuple[Mapping[str, object] | str]]:
        return partial(resolve, kind=self.component.kind.name, path=self.path), (self.config,)

    @property
    def _name(self) -> str:
        return registry().name_of(self.component)

    def _place_of(self, problem: str) -> str:
        """The place of the argument of which a constructor's error is, if it names one of those that are configured."""
        named = _NAMED.match(problem)
        return _join(self.path, named[1]) if named and named[1] in self.arguments else self.path

    def _said_by(self, problem: str) -> str:
        """The message of a constructor's error, after the component's name unless it begins with it."""
        return problem if problem.casefold().startswith(self._name.casefold()) else f"{self._name}: {problem}"


def resolve(config: Mapping[str, object] | str | Configured, *, kind: str | None = None, path: str = "") -> Configured:
    """The components that a configuration names, without building them; what is resolved already is returned.

    **Arguments and Raises:** as for `build`.
    """
    if isinstance(config, Configured):
        return config
    component, arguments = read(config, kind=kind, path=path)
    target = component.load()
    accepted = parameters(target)
    _check_names(component, accepted, arguments, path)
    check_values(accepted, arguments, path)
    parts = {name: _resolved(name, v, _join(path, name), accepted.get(name)) for name, v in arguments.items()}
    return Configured(component, target, accepted, parts, config, path)


def as_written(given: object) -> object:
    """The configuration of what is `Configured`; anything else as it is."""
    return given.config if isinstance(given, Configured) else given


def _resolved(name: str, value: object, path: str, parameter: inspect.Parameter | None = None) -> object:
    if kind := unbuilt_kind(parameter):
        return _named(value, kind, path)
    if isinstance(value, (str, Mapping)) and (wanted := _component_at(name, value, parameter)):
        return resolve(value, kind=wanted[0], path=path)
    if isinstance(value, list):
        return [
            item if isinstance(item, str) else _resolved(kind_of_items(name), item, f"{path}[{i}]", parameter)
            for i, item in enumerate(value)
        ]
    if _holds_components(value):
        named = {part: _join(path, part) for part in value}
        return {
            part: item if isinstance(item, str) else _resolved(part, item, named[part]) for part, item in value.items()
        }
    return value


def _named(value: object, kind: str, path: str) -> object:
    """The component of a known kind that a name or a table means, or each of a list."""
    if isinstance(value, list):
        return [_named(item, kind, f"{path}[{i}]") for i, item in enumerate(value)]
    return resolve(value, kind=kind, path=path) if isinstance(value, (str, Mapping)) else value


def _holds_components(value: object) -> TypeGuard[Mapping[str, object]]:
    """Whether a mapping, such as the populations of a network, has a configured component in it at any depth."""
    if not isinstance(value, Mapping):
        return False
    return any(isinstance(item, Mapping) and ("type" in item or _holds_components(item)) for item in value.values())


def _check_names(
    component: Component, accepted: Mapping[str, inspect.Parameter], names: Iterable[str], path: str
) -> None:
    """Reject arguments that a constructor does not take."""
    for name in names:
        if name not in accepted and not _takes_any(accepted):
            problem = f"{registry().name_of(component)} takes no {name!r}. {argument_hint(name, accepted)}"
            raise ConfigError(problem, _join(path, name))


def check_values(accepted: Mapping[str, inspect.Parameter], given: Mapping[str, object], path: str) -> None:
    """Refuse a text where a parameter is a number, or true or false: as such it would count as true."""
    for name, value in given.items():
        if name not in accepted:
            continue
        if is_flag(accepted[name]) and not isinstance(value, bool | None):
            raise ConfigError(f"Expected true or false, without quotes; got {value!r}.", _join(path, name))
        if isinstance(value, str) and takes_number(accepted[name]) and kind_of_argument(name) is None:
            raise ConfigError(f"Expected a number; got the text {value!r}.", _join(path, name))


def _takes_any(accepted: Mapping[str, inspect.Parameter]) -> bool:
    return any(p.kind is p.VAR_KEYWORD for p in accepted.values())


def _each(value: object, function: Callable[[Configured], object]) -> object:
    """An argument with a function applied to each component in it."""
    if isinstance(value, Configured):
        return function(value)
    if isinstance(value, dict):
        return {name: _each(item, function) for name, item in value.items()}
    return [_each(item, function) for item in value] if isinstance(value, list) else value


def read(
    config: Mapping[str, object] | str, *, kind: str | None = None, path: str = ""
) -> tuple[Component, dict[str, object]]:
    """The component that a configuration names, and its arguments, not yet built."""
    if isinstance(config, str):
        config = {"type": config}
    arguments: dict[str, Any] = dict(config)
    if not isinstance(name := arguments.pop("type", None), str):
        raise ConfigError(f"A component needs a 'type', the name of a registered one; got {dict(config)!r}.", path)
    kind = arguments.pop("kind", None) or kind
    try:
        return _find(name, kind), arguments
    except UnknownNameError as error:
        if not path:
            raise
        raise ConfigError(str(error), _join(path, "type")) from error


def parameters(target: Callable[..., object]) -> dict[str, inspect.Parameter]:
    """The parameters of a component's constructor."""
    try:
        return dict(inspect.signature(target, eval_str=True).parameters)
    except Exception:  # an annotation that cannot be evaluated, such as a name imported under TYPE_CHECKING
        return dict(inspect.signature(target).parameters)


def _find(name: str, kind: str | None) -> Component:
    if kind is not None:
        return registry().find(kind, name)
    for wanted in (True, False):
        found = [c for k in KINDS.values() if k.model is wanted for c in registry().candidates(name, k.name)]
        if len(found) == 1:
            return found[0]
        if found:
            if len({c.kind.name for c in found}) == 1:
                return registry().find(found[0].kind.name, name)  # which names them
            choices = ", ".join(f"{c.kind.name} {c.id}" for c in found)
            raise UnknownNameError(f"{name!r} is ambiguous: add a 'kind', one of {choices}.")
    if told := registry().other_revision(name):
        raise UnknownNameError(told)
    names = (c.spec.name for c in registry().components())
    hint = called_here(name) or nearest(name, names)
    meant = "" if hint.startswith("Known") else f"{hint} "  # of all components: too many to list
    raise UnknownNameError(f"There is no component called {name!r}. {meant}See: dynplug list")


def kind_of_argument(name: str) -> str | None:
    """The kind in the name of an argument such as `surrogate` or `W_initializer`."""
    last = name.rpartition("_")[2]
    return last if last in KINDS else None


def kind_of_items(name: str) -> str:
    """The kind in the name of a list, such as `observers`; empty if there is none, or if it may hold any model."""
    last = name.rpartition("_")[2]
    return next((kind.name for kind in KINDS.values() if kind.plural == last and not kind.model), "")


def kind_of_part(name: str, config: Mapping[str, object]) -> str | None:
    """The kind in a name of the user's choice, if that kind has the configured component."""
    kind = kind_of_argument(name)
    return kind if kind and registry().candidates(str(config.get("type")), kind) else None


_ANY_VALUE = inspect.Parameter.empty, Any, object


def takes_text(parameter: inspect.Parameter) -> bool:
    """Whether a constructor's parameter accepts a string, by its annotation or else by its default."""
    if parameter.annotation in _ANY_VALUE:
        return isinstance(parameter.default, str)
    return _is_text(parameter.annotation)


def takes_number(parameter: inspect.Parameter) -> bool:
    """Whether a constructor's parameter is a number, by its annotation or else by its default, and never a text."""
    if parameter.annotation in _ANY_VALUE:
        return isinstance(parameter.default, (int, float)) and not isinstance(parameter.default, bool)
    choices = get_args(parameter.annotation) or (parameter.annotation,)
    return not _is_text(parameter.annotation) and any(choice in (int, float) for choice in choices)


def _is_text(annotation: object) -> bool:
    if isinstance(annotation, str):  # not evaluated
        return "str" in re.findall(r"\w+", annotation)
    if get_origin(annotation) is Literal:
        return any(isinstance(choice, str) for choice in get_args(annotation))
    if get_origin(annotation) in (Union, UnionType, Annotated):
        return any(map(_is_text, get_args(annotation)))
    return isinstance(annotation, type) and issubclass(annotation, str)


def _component_at(name: str, value: object, parameter: inspect.Parameter | None) -> tuple[str | None] | None:
    """A 1-tuple with the kind, or `None` if unknown, of the component that an argument configures; else `None`."""
    if isinstance(value, str):
        kind = None if parameter is not None and takes_text(parameter) else kind_of_argument(name)
        return (kind,) if kind is not None else None
    if not isinstance(value, Mapping):
        return None
    kind = kind_of_part(name, value) if parameter is None else kind_of_argument(name)
    return (kind,) if kind is not None or "type" in value else None


def _child_key(key: "PRNGKeyArray", path: str) -> "PRNGKeyArray":
    import jax

    return jax.random.fold_in(key, zlib.crc32(path.encode()))


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name
