"""Building objects from a configuration of plain nested dictionaries."""

import inspect
import re
import zlib
from collections.abc import Mapping
from functools import partial
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from dynplug.errors import ConfigError, DynplugError, KeyRequiredError, UnknownNameError, nearest
from dynplug.plugin.component import Component
from dynplug.plugin.hints import argument_hint
from dynplug.plugin.kinds import KINDS
from dynplug.plugin.registry import registry
from dynplug.plugin.strangers import reason_of


def build(
    config: Mapping[str, Any] | str,
    *,
    key: Any = None,
    kind: str | None = None,
    path: str = "",
    given: Mapping[str, Any] | None = None,
) -> Any:
    """Build the component that a configuration describes.

    `config` is a registry id, or a mapping whose `type` is one and whose other items are the constructor's arguments.
    An argument that is itself a mapping with a `type` is built first. An argument named after a kind, such as
    `surrogate` or `W_initializer`, may also be a bare id, unless the constructor takes a string there by its annotation
    or default. The kind of the outermost component is `kind`, or the mapping's own `kind`; without either, neurons,
    synapses and layers are searched first, then all other kinds.

    **Arguments:**

    - `config`: the configuration, for example `{"type": "LIF", "size": 128, "surrogate": "sigmoid"}`.
    - `key`: a `jax.random.key`, needed if a constructor takes one; each component gets its own key, derived from its
        path in the configuration.
    - `kind`: the kind of component, if known.
    - `path`: the path of `config` in a larger configuration, for messages.
    - `given`: arguments of the outermost component that are built already, such as a runner's `target`.

    **Raises:** `ConfigError`, which names the path; `KeyRequiredError`; `UnknownNameError`.
    """
    component, arguments = read(config, kind=kind, path=path)
    target = component.load()
    accepted = parameters(target)
    given = dict(given or {})
    check_arguments(component, {**arguments, **given}, path)
    built = {
        name: _argument(name, value, key, _join(path, name), accepted.get(name)) for name, value in arguments.items()
    } | given
    if "key" in accepted and "key" not in built:
        needs_key = accepted["key"].default is inspect.Parameter.empty
        if key is None and needs_key:
            raise KeyRequiredError(f"{_name(component)} draws random numbers: pass build(..., key=jax.random.key(0)).")
        if key is not None:
            built["key"] = _child_key(key, path)
    if not component.kind.factory and not isinstance(target, type):
        return partial(target, **built) if built else target
    return _construct(component, target, built, path)


def read(
    config: Mapping[str, Any] | str, *, kind: str | None = None, path: str = ""
) -> tuple[Component, dict[str, Any]]:
    """The component that a configuration names, and its arguments, not yet built."""
    if isinstance(config, str):
        config = {"type": config}
    arguments = dict(config)
    if not isinstance(name := arguments.pop("type", None), str):
        raise ConfigError(f"A component needs a 'type', the name of a registered one; got {dict(config)!r}.", path)
    kind = arguments.pop("kind", None) or kind
    try:
        return _find(name, kind), arguments
    except UnknownNameError as error:
        if not path:
            raise
        raise ConfigError(str(error), _join(path, "type")) from error


def parameters(target: Any) -> dict[str, inspect.Parameter]:
    """The parameters of a component's constructor."""
    try:
        return dict(inspect.signature(target, eval_str=True).parameters)
    except Exception:  # an annotation that cannot be evaluated, such as a name imported under TYPE_CHECKING
        return dict(inspect.signature(target).parameters)


def check_arguments(component: Component, arguments: Mapping[str, Any], path: str) -> None:
    """Reject unknown and missing arguments of a component's constructor."""
    accepted = parameters(component.load())
    if any(p.kind is p.VAR_KEYWORD for p in accepted.values()):
        return
    for name in arguments:
        if name not in accepted:
            raise ConfigError(
                f"{_name(component)} takes no {name!r}. {argument_hint(name, accepted)}", _join(path, name)
            )
    missing = [
        p.name
        for p in accepted.values()
        if p.default is p.empty and p.kind is not p.VAR_POSITIONAL and p.name not in arguments and p.name != "key"
    ]
    if missing and component.kind.factory:
        raise ConfigError(f"{_name(component)} needs {', '.join(map(repr, missing))}.", path)


def _construct(component: Component, target: Any, arguments: dict[str, Any], path: str) -> Any:
    try:
        made = target(**arguments)
    except (ConfigError, KeyRequiredError):
        raise
    except (DynplugError, TypeError, ValueError) as error:
        raise ConfigError(_said_by(component, str(error)), path) from error
    except Exception as error:  # a size beyond all memory, or a plugin's constructor
        raise ConfigError(_said_by(component, reason_of(error)), path) from error
    contract = component.contract
    if contract is not None and not isinstance(made, contract):
        raise ConfigError(f"{_name(component)} must make a {contract.__name__}, not {type(made).__name__}.", path)
    return made


def _name(component: Component) -> str:
    return registry().name_of(component)


def _said_by(component: Component, problem: str) -> str:
    """The message of a constructor's error, after the component's name unless it begins with it."""
    name = _name(component)
    return problem if problem.casefold().startswith(name.casefold()) else f"{name}: {problem}"


def _find(name: str, kind: str | None) -> Component:
    if kind is not None:
        return registry().find(kind, name)
    for wanted in (True, False):
        found = [c for k in KINDS.values() if k.model is wanted for c in registry().candidates(name, k.name)]
        if len(found) == 1:
            return found[0]
        if found:
            choices = ", ".join(f"{c.kind.name} {c.id}" for c in found)
            raise UnknownNameError(f"{name!r} is ambiguous: add a 'kind', one of {choices}.")
    if told := registry().other_revision(name):
        raise UnknownNameError(told)
    names = (c.spec.name for c in registry().components())
    raise UnknownNameError(f"There is no component called {name!r}. {nearest(name, names)} See: dynplug list")


def kind_of_argument(name: str) -> str | None:
    """The kind in the name of an argument such as `surrogate` or `W_initializer`."""
    last = name.rpartition("_")[2]
    return last if last in KINDS else None


def kind_of_part(name: str, config: Mapping[str, Any]) -> str | None:
    """The kind in a name of the user's choice, if that kind has the configured component."""
    kind = kind_of_argument(name)
    return kind if kind and registry().candidates(str(config.get("type")), kind) else None


def takes_text(parameter: inspect.Parameter) -> bool:
    """Whether a constructor's parameter accepts a string, by its annotation or else by its default."""
    if parameter.annotation in (parameter.empty, Any):
        return isinstance(parameter.default, str)
    return _is_text(parameter.annotation)


def _is_text(annotation: Any) -> bool:
    if isinstance(annotation, str):  # not evaluated
        return "str" in re.findall(r"\w+", annotation)
    if get_origin(annotation) is Literal:
        return any(isinstance(choice, str) for choice in get_args(annotation))
    if get_origin(annotation) in (Union, UnionType, Annotated):
        return any(map(_is_text, get_args(annotation)))
    return isinstance(annotation, type) and issubclass(annotation, str)


def pinned(config: Mapping[str, Any] | str, *, kind: str | None = None, path: str = "") -> Any:
    """The configuration with the revision of each `type`: `LIF@1`, or `my-package:my-lif@2` of another package.

    Building it with another revision, or without that package, is an error rather than another result.

    **Arguments:** as those of `build`.
    """
    component, _ = read(config, kind=kind, path=path)
    if isinstance(config, str):
        return component.pin
    accepted = parameters(component.load())
    known = {"type": component.pin, **({"kind": config["kind"]} if "kind" in config else {})}
    return {
        name: known[name] if name in known else _pinned(name, value, _join(path, name), accepted.get(name))
        for name, value in config.items()
    }


def _argument(name: str, value: Any, key: Any, path: str, parameter: inspect.Parameter | None = None) -> Any:
    if wanted := _component_at(name, value, parameter):
        return build(value, key=key, kind=wanted[0], path=path)
    if isinstance(value, list):
        return [_argument("", item, key, f"{path}[{i}]") for i, item in enumerate(value)]
    return value


def _pinned(name: str, value: Any, path: str, parameter: inspect.Parameter | None = None) -> Any:
    if wanted := _component_at(name, value, parameter):
        return pinned(value, kind=wanted[0], path=path)
    if isinstance(value, list):
        return [_pinned("", item, f"{path}[{i}]") for i, item in enumerate(value)]
    return value


def _component_at(name: str, value: Any, parameter: inspect.Parameter | None) -> tuple[str | None] | None:
    """A 1-tuple with the kind, or `None` if unknown, of the component that an argument configures; else `None`."""
    if isinstance(value, str):
        kind = None if parameter is not None and takes_text(parameter) else kind_of_argument(name)
        return (kind,) if kind is not None else None
    if not isinstance(value, Mapping):
        return None
    kind = kind_of_part(name, value) if parameter is None else kind_of_argument(name)
    return (kind,) if kind is not None or "type" in value else None


def _child_key(key: Any, path: str) -> Any:
    import jax

    return jax.random.fold_in(key, zlib.crc32(path.encode()))


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name
