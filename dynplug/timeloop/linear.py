"""A linear function with a transpose of its own: what forward and reverse mode both run through.

JAX has `custom_jvp`, which serves both modes but leaves the transpose to JAX, and `custom_vjp`, which has no forward
mode. The primitive here stands between: it is what a `custom_jvp` rule makes tangents with, evaluated in forward mode
and transposed in reverse mode. A cotangent that is zero because nobody uses an output stays symbolic.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.extend.core as jex
import jax.numpy as jnp
from jax.interpreters import ad, batching, mlir

Values = Sequence[Any]


class LinearMap(ABC):
    """A function of residuals and tangents that is linear in the tangents."""

    @abstractmethod
    def apply(self, residuals: Values, tangents: Values) -> list[Any]:
        """The tangents that come out."""

    @abstractmethod
    def transpose(self, residuals: Values, cotangents: Values) -> list[Any]:
        """The cotangent of every tangent; `None` among both stands for zero."""


def call(linear: LinearMap, residuals: Values, tangents: Values, outs: Sequence[Any]) -> list[Any]:
    """`linear.apply(residuals, tangents)`, transposed by `linear.transpose`; `outs` are the results' types."""
    if not outs:
        return []
    return _call_p.bind(*residuals, *tangents, linear=linear, count=len(residuals), outs=tuple(outs))


def sealed(f: Callable[..., Any], *args: Any) -> Any:
    """`f(*args)`, which partial evaluation takes as a whole.

    JAX differentiates by evaluating in part, and a `lax.scan` that is evaluated so forgets the rules of `custom_jvp` in
    its step, also where all of it is known. A second derivative of spikes then misses terms.
    """
    leaves, tree = jax.tree.flatten(args)
    closed, shapes = jax.make_jaxpr(lambda *v: f(*tree.unflatten(v)), return_shape=True)(*leaves)
    outs = call(_Sealed(closed), leaves, [], [v.aval for v in closed.jaxpr.outvars])
    return jax.tree.unflatten(jax.tree.structure(shapes), outs)


_call_p = jex.Primitive("dynplug_linear")
_call_p.multiple_results = True


def _apply(*args: Any, linear: LinearMap, count: int, outs: Any) -> list[Any]:
    return linear.apply(args[:count], args[count:])


_call_p.def_impl(_apply)
_call_p.def_abstract_eval(lambda *args, linear, count, outs: list(outs))
mlir.register_lowering(_call_p, mlir.lower_fun(_apply, multiple_results=True))


def _jvp(primals: Values, tangents: Values, **params: Any) -> tuple[list[Any], list[Any]]:
    count, linear = params["count"], params["linear"]
    out = _call_p.bind(*primals, **params)
    zero = [type(t) is ad.Zero for t in tangents]
    if all(zero[:count]) and not any(zero[count:]):
        return out, _call_p.bind(*primals[:count], *tangents[count:], **params)

    def f(*moving: Any) -> list[Any]:
        it = iter(moving)
        values = [p if z else next(it) for p, z in zip(primals, zero, strict=True)]
        return linear.apply(values[:count], values[count:])

    at = tuple(p for p, z in zip(primals, zero, strict=True) if not z)
    _, tangent = jax.jvp(f, at, tuple(t for t, z in zip(tangents, zero, strict=True) if not z))
    return out, tangent


def _transpose(cotangents: Values, *args: Any, linear: LinearMap, count: int, outs: Any) -> list[Any]:
    given = [None if type(c) is ad.Zero else c for c in cotangents]
    found = linear.transpose(args[:count], given)

    def settle(arg: Any, cotangent: Any) -> Any:
        if not ad.is_undefined_primal(arg):
            return None
        return ad.Zero(arg.aval) if cotangent is None else cotangent

    return [None] * count + [settle(a, c) for a, c in zip(args[count:], found, strict=True)]


def _batch(axis: Any, args: Values, dims: Sequence[int | None], **params: Any) -> tuple[list[Any], list[int | None]]:
    count, outs = params["count"], params["outs"]
    if all(d is None for d in dims):
        found = _call_p.bind(*args, **params)
        return found, [None] * len(found)
    moved = [a if d is None else jnp.moveaxis(a, d, 0) for a, d in zip(args, dims, strict=True)]
    axes = tuple(None if d is None else 0 for d in dims)
    residuals, tangents = moved[:count], moved[count:]
    tangents = [
        jnp.broadcast_to(a, (axis.size, *jnp.shape(a))) if d is None else a
        for a, d in zip(tangents, axes[count:], strict=True)
    ]
    linear = _Batched(params["linear"], (axes[:count], 0), axis)
    avals = [jex.unmapped_aval(axis.size, 0, aval) for aval in outs]
    return call(linear, residuals, tangents, avals), [0] * len(outs)


ad.primitive_jvps[_call_p] = _jvp
ad.primitive_transposes[_call_p] = _transpose
batching.fancy_primitive_batchers[_call_p] = _batch


class _Sealed(LinearMap):
    """A function of residuals alone."""

    def __init__(self, closed: Any):
        self.jaxpr = closed.jaxpr  # for who looks into a loop, as at the jaxprs of JAX's own primitives
        self.run = jex.jaxpr_as_fun(closed)

    def apply(self, residuals: Values, tangents: Values) -> list[Any]:
        return list(self.run(*residuals))

    def transpose(self, residuals: Values, cotangents: Values) -> list[Any]:
        return []


class _Batched(LinearMap):
    """A linear map over a batch, whose axis comes first where `axes` says so, and in all results."""

    def __init__(self, linear: LinearMap, axes: tuple[Any, Any], axis: Any):
        self.linear, self.axes = linear, axes
        self.options: dict[str, Any] = {"axis_size": axis.size}
        if isinstance(axis.name, str):
            self.options["axis_name"] = axis.name

    def apply(self, residuals: Values, tangents: Values) -> list[Any]:
        return jax.vmap(self.linear.apply, self.axes, **self.options)(tuple(residuals), list(tangents))

    def transpose(self, residuals: Values, cotangents: Values) -> list[Any]:
        return jax.vmap(self.linear.transpose, self.axes, **self.options)(tuple(residuals), list(cotangents))
