"""Matrix products and convolutions on operands of fewer bits, in any program.

A program is traced, with its derivative in it, and written anew: each product of float32 converts its operands and sums
in float32. So a product in a stranger's layer is treated as one in `Dense`, and products of the backward pass as those
of the forward pass, while all between products, states among it, is what it was.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax.extend.core import ClosedJaxpr, Jaxpr, JaxprEqn, jaxpr_as_fun

_PRODUCTS = ("dot_general", "conv_general_dilated")
_OPAQUE = "dynplug_linear"  # of the time loop: a program that is hidden from differentiation, which is over here
_REMAT = ("checkpoint", "remat", "remat2")  # the one primitive, in JAX versions of one name or the other


def reduced(function: Callable[..., Any], dtype: str) -> Callable[..., Any]:
    """The same function of trees of arrays, with products of float32 computed on operands of `dtype`."""

    def called(*args: Any) -> Any:
        traced, out = jax.make_jaxpr(function, return_shape=True)(*args)
        given = jax.tree.leaves(args)
        return jax.tree.unflatten(jax.tree.structure(out), jaxpr_as_fun(_Rewriting(dtype).closed(traced))(*given))

    return called


class _Rewriting:
    """Programs written anew. One that is called in several places is so once, as JAX compiles it once."""

    def __init__(self, dtype: str):
        self._dtype = dtype
        self._known: dict[int, tuple[Any, Any]] = {}

    def closed(self, program: ClosedJaxpr) -> ClosedJaxpr:
        if id(program) not in self._known:
            made = ClosedJaxpr(self._open(program.jaxpr), program.consts)
            self._known[id(program)] = program, made  # the first is kept, for its id to stay its own
        return self._known[id(program)][1]

    def _open(self, program: Jaxpr) -> Jaxpr:
        return program.replace(eqns=[self._eqn(eqn) for eqn in program.eqns])

    def _eqn(self, eqn: JaxprEqn) -> JaxprEqn:
        if eqn.primitive.name in _PRODUCTS:
            single = all(_struct(v).dtype == jnp.float32 for v in (*eqn.invars, *eqn.outvars))
            return self._product(eqn) if single else eqn
        if eqn.primitive.name == _OPAQUE:
            return self._eqn(_call(eqn, partial(eqn.primitive.impl, **eqn.params)))
        inner = self._remat if eqn.primitive.name in _REMAT else self._param
        return eqn.replace(params={name: inner(value) for name, value in eqn.params.items()})

    def _param(self, value: object) -> Any:
        """A parameter of an equation; one that is a program, or several, is written anew."""
        if isinstance(value, tuple):
            return tuple(map(self._param, value)) if any(isinstance(v, ClosedJaxpr) for v in value) else value
        return self.closed(value) if isinstance(value, ClosedJaxpr) else value

    def _remat(self, value: object) -> Any:
        return self._open(value) if isinstance(value, Jaxpr) else value

    def _product(self, eqn: JaxprEqn) -> JaxprEqn:
        # what asks for a precision means that of float32, of which there is nothing left
        params = {**eqn.params, "precision": None, "preferred_element_type": jnp.dtype(jnp.float32)}

        def product(*operands: Any) -> Any:
            return eqn.primitive.bind(*map(self._rounded, operands), **params)

        return _call(eqn, product)

    def _rounded(self, operand: Any) -> Any:
        # For CPUs XLA makes products of float32 of these, and drops conversions there and back, but never this. All
        # eight bits of the exponent: with float16's five it would lose the numbers below the least normal one.
        rounded = jax.lax.reduce_precision(operand, 8, jnp.finfo(self._dtype).nmant)
        return jax.lax.convert_element_type(rounded, self._dtype)


def _call(eqn: JaxprEqn, function: Callable[..., Any]) -> JaxprEqn:
    """A call of a function, in the place of an equation with the same operands and results."""
    call = jax.make_jaxpr(jax.jit(function))(*map(_struct, eqn.invars)).jaxpr.eqns[0]
    return call.replace(invars=eqn.invars, outvars=eqn.outvars, source_info=eqn.source_info)


def _struct(v: Any) -> jax.ShapeDtypeStruct:
    return jax.ShapeDtypeStruct(v.aval.shape, v.aval.dtype)
