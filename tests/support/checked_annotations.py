"""Annotations are checked at each call, as by `jaxtyping.jaxtyped(typechecker=beartype)`, in a third of its time.

That one makes the checks of all functions when they are imported, those of a function within a function again each
time that it is defined, and at each call it binds the arguments and checks them twice, the second time with the result.
Here the checks of a function are made at its first call, and functions of one definition share them.
"""

import dataclasses
import functools
import inspect
import types
import typing

import jaxtyping
from beartype import beartype
from beartype.roar import BeartypeCallHintViolation

_fresh_shapes = functools.partial(jaxtyping.jaxtyped, "context")  # in which no axis has a size yet


def checked(target=None, **_):
    """A function whose arguments and result are checked, or a dataclass whose fields are when it is made."""
    if target is None:  # with options: those of the hook, which are always the same
        return checked
    if inspect.isclass(target):
        if dataclasses.is_dataclass(target) and not hasattr(target.__init__, "is_checked"):
            target.__init__ = checked(target.__init__)
        return target
    return _checked_function(target) if target.__annotations__ else target


def _checked_function(function):
    @functools.wraps(function)
    def call(*args, **kwargs):
        __tracebackhide__ = True
        check_arguments, check_result = _checks(_Definition(function))
        with _fresh_shapes():
            try:
                check_arguments(*args, **kwargs)
            except BeartypeCallHintViolation as error:
                raise jaxtyping.TypeCheckError(f"parameters of {_name(function)}: {error}") from None
            result = function(*args, **kwargs)
            try:
                check_result(result)
            except BeartypeCallHintViolation as error:
                raise jaxtyping.TypeCheckError(f"return value of {_name(function)}: {error}") from None
            return result

    call.is_checked = True
    return call


def _name(function):
    return f"{function.__module__}.{function.__qualname__}"


class _Definition:
    """A function, equal to all others that are made by the same lines with the same annotations."""

    def __init__(self, function):
        self.function = function
        self._key = function.__code__, *function.__annotations__.values()

    def __hash__(self):
        return hash(self._key[0])

    def __eq__(self, other):
        return self._key == other._key


@functools.cache
def _checks(definition):
    function = definition.function
    hints = {name: _resolved(hint, function) for name, hint in function.__annotations__.items()}
    returned = hints.pop("return", typing.Any)
    return _arguments(function, hints), _result(returned)


def _resolved(hint, function):
    """A hint in which names are classes; one that is known to the type checker only is any value."""
    named = types.SimpleNamespace(__annotations__={"hint": hint}, __globals__=function.__globals__)
    try:
        return typing.get_type_hints(named, include_extras=True)["hint"]
    except NameError:
        return typing.Any


def _arguments(function, hints):
    """A function of the same arguments that does nothing but check them."""
    bare = [p.replace(annotation=p.empty, default=p.empty) for p in inspect.signature(function).parameters.values()]
    scope = {}
    exec(f"def arguments{inspect.Signature(bare)}: pass", scope)
    stub = scope["arguments"]
    stub.__name__, stub.__qualname__, stub.__module__ = function.__name__, function.__qualname__, function.__module__
    stub.__defaults__, stub.__kwdefaults__ = function.__defaults__, function.__kwdefaults__
    stub.__annotations__ = hints
    return beartype(stub)


def _result(hint):
    def result(value):
        return value

    result.__annotations__ = {"return": hint}
    return beartype(result)
