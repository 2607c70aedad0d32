"""A linear function with a transpose rule of its own, which serves forward and reverse mode alike.

JAX has `custom_jvp`, which serves both modes but leaves the transpose to JAX, and `custom_vjp`, which has no forward
mode. The primitive here stands between: a `custom_jvp` rule makes its tangents by it, so that it is evaluated in
forward mode and transposed in reverse mode. `jax.custom_derivatives.linear_call` is the same idea, but it instantiates
zero cotangents; here one that is zero because nothing uses an output stays symbolic.

**Invariant:** `LinearMap.transpose` is the transpose of `LinearMap.apply` at the same residuals.

**Limits:** second derivatives in reverse mode differentiate `apply` and `transpose` as ordinary functions.

**Reference:** A. Radul, A. Paszke, R. Frostig, M. J. Johnson, D. Maclaurin: You Only Linearize Once: Tangents Transpose
to Gradients (2022), arXiv:2204.10923.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import TypedDict, TypeVar, Unpack, cast

import jax
import jax.extend.core as jex
import jax.numpy as jnp
from jax.interpreters import ad, batching, mlir
from jaxtyping import PyTree

from dynplug.timeloop.jaxpr_types import Aval, BatchAxis, ClosedJaxpr, Value, Values
from dynplug.timeloop.program import aval_of, stacked

Result = TypeVar("Result")
Axes = tuple[int | None, ...]
Cotangents = Sequence[Value | None]  # of which `None` is zero


class LinearMap(ABC):
    """A function of residuals and tangents that is linear in the tangents."""

    @abstractmethod
    def apply(self, residuals: Values, tangents: Values) -> list[Value]:
        """The tangents of the results."""

    @abstractmethod
    def transpose(self, residuals: Values, cotangents: Cotangents) -> list[Value | None]:
        """The cotangents of all tangents; `None` among either stands for a symbolic zero."""


def linear_call(linear: LinearMap, residuals: Values, tangents: Values, outs: Sequence[Aval]) -> list[Value]:
    """`linear.apply(residuals, tangents)`, transposed by `linear.transpose`; `outs` are the results' types."""
    if not outs:
        return []
    return _linear_call_p.bind(*residuals, *tangents, linear=linear, count=len(residuals), outs=tuple(outs))


def opaque(f: Callable[..., Result], *args: PyTree) -> Result:
    """`f(*args)` as one equation that partial evaluation does not look into.

    JAX linearises by partial evaluation, and a `lax.scan` that is partially evaluated loses the `custom_jvp` rules in
    its step, even where all of it is known. A second derivative of spikes would then miss terms.
    """
    leaves, tree = jax.tree.flatten(args)
    closed, shapes = jax.make_jaxpr(lambda *v: f(*tree.unflatten(v)), return_shape=True)(*leaves)
    outs = linear_call(_Opaque(closed), leaves, [], list(map(aval_of, closed.jaxpr.outvars)))
    return jax.tree.unflatten(jax.tree.structure(shapes), outs)


_linear_call_p = jex.Primitive("dynplug_linear")
_linear_call_p.multiple_results = True


class _Params(TypedDict):
    """Of the first `count` operands, which are residuals, and of tangents after them the map; `outs` are its types."""

    linear: LinearMap
    count: int
    outs: tuple[Aval, ...]


def _apply(*args: Value, linear: LinearMap, count: int, outs: tuple[Aval, ...]) -> list[Value]:
    return linear.apply(args[:count], args[count:])


_linear_call_p.def_impl(_apply)
_linear_call_p.def_abstract_eval(lambda *args, linear, count, outs: list(outs))
mlir.register_lowering(_linear_call_p, mlir.lower_fun(_apply, multiple_results=True))


def _jvp(
    primals: Values, tangents: Sequence[Value | ad.Zero], **params: Unpack[_Params]
) -> tuple[list[Value], list[Value]]:
    count, linear = params["count"], params["linear"]
    out = _linear_call_p.bind(*primals, **params)
    zero = [type(t) is ad.Zero for t in tangents]
    # In the tangents alone the function is linear, so its derivative is the function itself, and keeps its transpose.
    # Where residuals move too, as in a second derivative, JAX differentiates what `apply` does.
    if all(zero[:count]) and not any(zero[count:]):
        return out, _linear_call_p.bind(*primals[:count], *tangents[count:], **params)

    def f(*moving: Value) -> list[Value]:
        it = iter(moving)
        values = [p if z else next(it) for p, z in zip(primals, zero, strict=True)]
        return linear.apply(values[:count], values[count:])

    at = tuple(p for p, z in zip(primals, zero, strict=True) if not z)
    _, tangent = jax.jvp(f, at, tuple(t for t, z in zip(tangents, zero, strict=True) if not z))
    return out, tangent


def _transpose(
    cotangents: Sequence[Value | ad.Zero],
    *args: Value | ad.UndefinedPrimal,
    linear: LinearMap,
    count: int,
    outs: tuple[Aval, ...],
) -> list[Value | ad.Zero | None]:
    used = [None if isinstance(c, ad.Zero) else c for c in cotangents]
    found = linear.transpose(cast(Values, args[:count]), used)

    def cotangent_of(arg: Value | ad.UndefinedPrimal, cotangent: Value | None) -> Value | ad.Zero | None:
        if not isinstance(arg, ad.UndefinedPrimal):
            return None
        return ad.Zero(arg.aval) if cotangent is None else cotangent

    return [None] * count + [cotangent_of(a, c) for a, c in zip(args[count:], found, strict=True)]


def _batch(
    axis: BatchAxis, args: Values, dims: Sequence[int | None], **params: Unpack[_Params]
) -> tuple[list[Value], list[int | None]]:
    count, outs = params["count"], params["outs"]
    if all(d is None for d in dims):
        found = _linear_call_p.bind(*args, **params)
        return found, [None] * len(found)
    # The axis comes first in all operands that have it. Tangents are all given one, for the results of a linear map can
    # only be batched as a whole; residuals need not be copied.
    moved = [a if d is None else jnp.moveaxis(a, d, 0) for a, d in zip(args, dims, strict=True)]
    axes = tuple(None if d is None else 0 for d in dims)
    residuals, tangents = moved[:count], moved[count:]
    tangents = [
        jnp.broadcast_to(a, (axis.size, *jnp.shape(a))) if d is None else a
        for a, d in zip(tangents, axes[count:], strict=True)
    ]
    linear = _Batched(params["linear"], (axes[:count], 0), axis)
    avals = [stacked(aval, axis.size) for aval in outs]
    return linear_call(linear, residuals, tangents, avals), [0] * len(outs)


ad.primitive_jvps[_linear_call_p] = _jvp
ad.primitive_transposes[_linear_call_p] = _transpose
batching.fancy_primitive_batchers[_linear_call_p] = _batch


class _Opaque(LinearMap):
    """A function of residuals alone, linear in no tangents."""

    def __init__(self, closed: ClosedJaxpr):
        self.jaxpr = closed.jaxpr  # found by tools that look into loops, as the jaxprs of JAX's own primitives are
        self.run = jex.jaxpr_as_fun(closed)

    def apply(self, residuals: Values, tangents: Values) -> list[Value]:
        return list(self.run(*residuals))

    def transpose(self, residuals: Values, cotangents: Cotangents) -> list[Value | None]:
        return []


class _Batched(LinearMap):
    """A linear map over a batch, whose axis comes first in the operands that `axes` marks, and in all results."""

    def __init__(self, linear: LinearMap, axes: tuple[Axes, int], axis: BatchAxis):
        self.linear, self.axes = linear, axes
        self.size, self.name = axis.size, axis.name if isinstance(axis.name, str) else None

    def apply(self, residuals: Values, tangents: Values) -> list[Value]:
        return self._mapped(self.linear.apply)(tuple(residuals), list(tangents))

    def transpose(self, residuals: Values, cotangents: Cotangents) -> list[Value | None]:
        return self._mapped(self.linear.transpose)(tuple(residuals), list(cotangents))

    def _mapped(self, f: Callable[..., Result]) -> Callable[..., Result]:
        return jax.vmap(f, self.axes, axis_size=self.size, axis_name=self.name)
