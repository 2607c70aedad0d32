"""Annotations are checked at each call, as by `jaxtyping.jaxtyped(typechecker=beartype)`, in a third of its time.

That one makes the checks of all functions when they are imported, those of a function within a function again each
time that it is defined, and at each call it binds the arguments and checks them twice, the second time with the result.
Here the checks of a function are made at its first call, and functions of one definition share them.
"""

import contextlib
import contextvars
import dataclasses
import functools
import inspect
import types
import typing

import jaxtyping
from beartype import beartype
from beartype.roar import BeartypeCallHintViolation

_fresh_shapes = functools.partial(jaxtyping.jaxtyped, "context")  # in which no axis has a size yet
_no_shapes = contextlib.nullcontext
_unchecked = contextvars.ContextVar("unchecked", default=False)


@contextlib.contextmanager
def unchecked():
    """No checks, as for users: for tests of what the code itself says to values of another type."""
    token = _unchecked.set(True)
    try:
        yield
    finally:
        _unchecked.reset(token)


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
    checks = None

    @functools.wraps(function)
    def call(*args, **kwargs):
        nonlocal checks
        __tracebackhide__ = True
        if _unchecked.get():
            return function(*args, **kwargs)
        checks = checks or _checks(_Definition(function))
        with checks.shapes():
            try:
                checks.arguments(*args, **kwargs)
            except BeartypeCallHintViolation as error:
                raise jaxtyping.TypeCheckError(f"parameters of {_name(function)}: {error}") from None
            result = function(*args, **kwargs)
            try:
                return checks.result(result)
            except BeartypeCallHintViolation as error:
                raise jaxtyping.TypeCheckError(f"return value of {_name(function)}: {error}") from None

    call.is_checked = True
    return call


def _name(function):
    return f"{function.__module__}.{function.__qualname__}"


class _Definition:
    """A function, equal to all others made by the same lines with the same annotations and optional arguments."""

    def __init__(self, function):
        self.function = function
        optional = len(function.__defaults__ or ()), *(function.__kwdefaults__ or ())
        self._key = function.__code__, *optional, *function.__annotations__.values()

    def __hash__(self):
        return hash(self._key[0])

    def __eq__(self, other):
        return self._key == other._key


class _Checks(typing.NamedTuple):
    """Functions of the arguments and of the result, and the context in which both are called."""

    arguments: typing.Callable
    result: typing.Callable
    shapes: typing.Callable


@functools.cache
def _checks(definition):
    function = definition.function
    hints = {name: _resolved(hint, function) for name, hint in function.__annotations__.items()}
    shaped = any(map(_has_shape, hints.values()))
    returned = hints.pop("return", typing.Any)
    return _Checks(_arguments(function, hints), _result(returned), _fresh_shapes if shaped else _no_shapes)


def _has_shape(hint):
    return str(getattr(hint, "__module__", "")).startswith("jaxtyping") or any(map(_has_shape, typing.get_args(hint)))


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
