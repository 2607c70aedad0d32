"""The elementwise operations that a kernel can compute, natively or by an identity.

Pallas's back ends for GPUs lack some of JAX's elementwise primitives. Where an identity computes the same function to
rounding, from primitives that are there, it stands in.

**Invariant:** an identity is exact, or as accurate as rounding allows over the whole range of its argument.

**Limits:** a primitive without such an identity (`erf`, `lgamma`, `rem`, ...) keeps its stage out of a kernel.

**Reference:** of `expm1`, W. Kahan's formula in N. J. Higham: Accuracy and Stability of Numerical
Algorithms, 2nd ed. (SIAM, 2002), section 1.14.1, doi:10.1137/1.9780898718027.
"""

from collections.abc import Callable
from functools import reduce
from typing import Any

import jax.numpy as jnp
from jax import lax

Operation = Callable[..., Any]

_NATIVE = {
    *("abs", "add", "and", "clamp", "convert_element_type", "cos", "div", "eq", "exp", "exp2", "ge", "gt", "le", "log"),
    *("logistic", "lt", "max", "min", "mul", "ne", "neg", "or", "rsqrt", "select_n", "sign", "sin", "sqrt", "sub"),
    *("tanh", "xor", "shift_left", "shift_right_logical", "shift_right_arithmetic"),
}


def operation(eqn: Any) -> Operation | None:
    """The function that a kernel computes for an elementwise equation; `None` if it cannot."""
    name, params = eqn.primitive.name, eqn.params
    if name in _NATIVE:
        return lambda *values: eqn.primitive.bind(*values, **params)
    make = _IDENTITIES.get(name)
    return None if make is None else make(params, eqn.invars[0].aval.dtype)


def _power(x: Any, y: int) -> Any:
    """`x**y` by repeated squaring, in the order in which XLA multiplies."""
    one = jnp.ones_like(x)
    factors, square, left = [], x, abs(y)
    while left:
        if left & 1:
            factors.append(square)
        left >>= 1
        if left:
            square = lax.mul(square, square)
    found = reduce(lax.mul, factors) if factors else one
    return lax.div(one, found) if y < 0 else found


def _log1p(x: Any) -> Any:
    # log(1 + x) = 2 artanh(s) for s = x / (2 + x), by its series near zero, where 1 + x would round x away.
    one, two = jnp.ones_like(x), jnp.full_like(x, 2.0)
    near = lax.lt(lax.abs(x), jnp.full_like(x, 0.5))
    small = lax.select(near, x, jnp.zeros_like(x))
    s = lax.div(small, lax.add(two, small))
    square, series = lax.mul(s, s), jnp.zeros_like(x)
    for k in range(8 if x.dtype == jnp.float32 else 17, -1, -1):
        series = lax.add(lax.mul(series, square), jnp.full_like(x, 2.0 / (2 * k + 1)))
    exact_zero = lax.eq(x, jnp.zeros_like(x))  # which keeps its sign
    return lax.select(exact_zero, x, lax.select(near, lax.mul(s, series), lax.log(lax.add(one, x))))


def _expm1(x: Any) -> Any:
    one = jnp.ones_like(x)
    u = lax.exp(x)
    near, low = lax.eq(u, one), lax.le(lax.sub(u, one), lax.neg(one))
    high = lax.gt(x, jnp.full_like(x, 40.0))  # there exp(x) - 1 rounds to exp(x), which may be infinite
    safe = lax.select(lax.bitwise_or(near, lax.bitwise_or(low, high)), jnp.full_like(x, 2.0), u)
    value = lax.mul(lax.sub(safe, one), lax.div(x, lax.log(safe)))
    return lax.select(near, x, lax.select(low, lax.neg(one), lax.select(high, u, value)))


def _is_finite(x: Any) -> Any:
    return lax.lt(lax.abs(x), jnp.full_like(x, jnp.inf))


def _floor(x: Any) -> Any:
    whole = jnp.int32 if x.dtype == jnp.float32 else jnp.int64
    exact = 2.0 ** jnp.finfo(x.dtype).nmant  # from here on every number is whole
    outside = lax.bitwise_or(lax.ge(lax.abs(x), jnp.full_like(x, exact)), lax.ne(x, x))  # NaN included
    cut = lax.select(outside, jnp.zeros_like(x), x).astype(whole).astype(x.dtype)
    down = lax.select(lax.gt(cut, x), lax.sub(cut, jnp.ones_like(x)), cut)
    return lax.select(outside, x, down)


def _round_to_even(x: Any) -> Any:
    below, half = _floor(x), jnp.full_like(x, 0.5)
    part, odd = lax.sub(x, below), lax.ne(_floor(lax.mul(below, half)), lax.mul(below, half))
    up = lax.bitwise_or(lax.gt(part, half), lax.bitwise_and(lax.eq(part, half), odd))
    return lax.select(up, lax.add(below, jnp.ones_like(x)), below)


def _sinh(x: Any) -> Any:
    e = _expm1(lax.abs(x))
    value = lax.mul(jnp.full_like(x, 0.5), lax.add(e, lax.div(e, lax.add(e, jnp.ones_like(x)))))
    return lax.mul(lax.sign(x), value)


def _cosh(x: Any) -> Any:
    half = jnp.full_like(x, 0.5)
    e = lax.exp(lax.mul(half, lax.abs(x)))  # squared below, which overflows no earlier than the result
    return lax.add(lax.mul(lax.mul(half, e), e), lax.div(lax.div(half, e), e))


def _same(x: Any) -> Any:
    return x


def _for_floats(f: Operation) -> Callable[[Any, Any], Operation | None]:
    return lambda params, dtype: f if dtype in (jnp.float32, jnp.float64) else None


_IDENTITIES: dict[str, Callable[[Any, Any], Operation | None]] = {
    "add_any": lambda params, dtype: lax.add,
    "one_minus_square": lambda params, dtype: (
        lambda x: lax.mul(lax.add(jnp.ones_like(x), x), lax.sub(jnp.ones_like(x), x))
    ),
    "square": lambda params, dtype: lambda x: lax.mul(x, x),
    "integer_pow": lambda params, dtype: lambda x: _power(x, params["y"]),
    "not": lambda params, dtype: (lambda x: lax.eq(x, jnp.zeros_like(x))) if dtype == jnp.bool_ else lax.bitwise_not,
    "log1p": _for_floats(_log1p),
    "expm1": _for_floats(_expm1),
    "is_finite": _for_floats(_is_finite),
    "floor": _for_floats(_floor),
    "ceil": _for_floats(lambda x: lax.neg(_floor(lax.neg(x)))),
    "round": lambda params, dtype: (
        _for_floats(_round_to_even)(params, dtype)
        if params["rounding_method"] == lax.RoundingMethod.TO_NEAREST_EVEN
        else None
    ),
    "sinh": _for_floats(_sinh),
    "cosh": _for_floats(_cosh),
    "tan": _for_floats(lambda x: lax.div(lax.sin(x), lax.cos(x))),
    "stop_gradient": lambda params, dtype: _same,
    "copy": lambda params, dtype: _same,
    "copy_p": lambda params, dtype: _same,
    "name": lambda params, dtype: _same,
    "optimization_barrier": lambda params, dtype: lambda *values: list(values),
}
