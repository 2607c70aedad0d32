"""The elementwise operations that a kernel can compute, natively or by an identity.

Pallas's back ends for GPUs lack some of JAX's elementwise primitives. Where others compute the same function to
rounding, they stand in. What has fewer bits than a back end can compute with is computed in 32.

**Invariant:** an identity is exact, or as accurate as rounding allows over the whole range of its argument.

**Limits:** a primitive without such an identity (`lgamma`, `digamma`, `igamma`, ...) keeps its stage out of a kernel,
and so do complex numbers, and others that are neither whole nor of 16, 32 or 64 bits.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array

import dynplug.timeloop.kernel_functions as f
import dynplug.timeloop.kernel_series as series
from dynplug.timeloop.jaxpr_types import Eqn
from dynplug.timeloop.program import aval_of

Operation = Callable[..., Array]
Operations = Callable[..., list[Array]]  # of several results
Make = Callable[[Eqn], Operation | None]
MakeSeveral = Callable[[Eqn], Operations]


def operation(eqn: Eqn) -> Operation | Operations | None:
    """The function that a kernel computes for an elementwise equation; `None` if it cannot."""
    dtypes = [str(aval_of(v).dtype) for v in (*eqn.invars, *eqn.outvars)]
    if not eqn.invars or not _OF.keys() >= {*dtypes}:
        return None
    operand = len(eqn.invars) - 1 if eqn.primitive.name == "select_n" else 0
    make = _OF[dtypes[operand]].get(eqn.primitive.name)
    return None if make is None else make(eqn)


def operation_count(eqn: Eqn) -> int:
    """The number of operations that a kernel computes an equation by: one, or those of an identity."""
    if eqn.primitive.name not in _LACKING:
        return 1
    compute = operation(eqn)
    assert compute is not None
    shapes = [jax.ShapeDtypeStruct((1,), aval_of(v).dtype) for v in eqn.invars]
    return len(jax.make_jaxpr(compute)(*shapes).jaxpr.eqns)


def _native(eqn: Eqn) -> Operation:
    params = eqn.params | ({"accuracy": None} if "accuracy" in eqn.params else {})  # Mosaic has but one
    return lambda *values: eqn.primitive.bind(*values, **params)


def _always(operation: Operation) -> Make:
    return lambda eqn: operation


def _natives(names: str) -> dict[str, Make]:
    return dict.fromkeys(names.split(), _native)


def _identities(**operations: Operation) -> dict[str, Make]:
    return {name: _always(compute) for name, compute in operations.items()}


def _bits_of(eqn: Eqn) -> Operation | None:
    before, after = aval_of(eqn.invars[0]).dtype, aval_of(eqn.outvars[0]).dtype
    return _native(eqn) if before.itemsize == after.itemsize else None  # else there is an axis more, or less


def _conversion(eqn: Eqn) -> Operation:
    to_bool = eqn.params["new_dtype"] == jnp.bool_
    return (lambda x: x if x.dtype == jnp.bool_ else x != 0) if to_bool else _native(eqn)


def _selection(eqn: Eqn) -> Operation:
    """By a condition, or by the index of a case, which may not be outside."""
    if aval_of(eqn.invars[0]).dtype == jnp.bool_ and len(eqn.invars) == 3:
        return _native(eqn)

    def select(which: Array, *cases: Array) -> Array:
        found = cases[-1]
        for k in range(len(cases) - 2, -1, -1):
            found = lax.select(which <= k, cases[k], found)
        return found

    return select


def _by_float32(make: Make) -> Make:
    """Of half precision: computed in float32, and rounded."""

    def of(eqn: Eqn) -> Operation | None:
        if (compute := make(eqn)) is None:
            return None
        dtype = aval_of(eqn.outvars[0]).dtype
        return lambda *values: compute(*(v.astype(jnp.float32) for v in values)).astype(dtype)

    return of


_FROM_ABOVE = {"clz", "population_count", "shift_right_logical"}  # they look at the bits above


def _by_32_bits(name: str, make: Make) -> Make:
    """Of whole numbers of 8 and 16 bits, of which the bits above them do not change the lower ones of a result."""

    def of(eqn: Eqn) -> Operation | None:
        if (compute := make(eqn)) is None:
            return None
        dtype = aval_of(eqn.outvars[0]).dtype
        own = aval_of(eqn.invars[-1]).dtype
        unsigned = jnp.issubdtype(own, jnp.unsignedinteger) or name in _FROM_ABOVE

        def widened(v: Array) -> Array:
            if v.dtype != own:
                return v
            return v.astype(f"uint{8 * own.itemsize}").astype(jnp.uint32) if unsigned else v.astype(jnp.int32)

        def computed(*values: Array) -> Array:
            found = compute(*map(widened, values))
            return (found - (32 - 8 * own.itemsize) if name == "clz" else found).astype(dtype)

        return computed

    return of


_CONVERT: dict[str, Make | MakeSeveral] = {
    "bitcast_convert_type": _bits_of,
    "convert_element_type": _conversion,
    **_identities(copy=lambda x: x, copy_p=lambda x: x, name=lambda x: x, stop_gradient=lambda x: x),
    "optimization_barrier": lambda eqn: lambda *values: list(values),
}
# What both Triton and Mosaic compute natively; identities are on the right.
_COMMON = _natives("and eq ge gt le lt ne or xor") | {"select_n": _selection}
_NUMBERS = (
    _COMMON
    | _natives("abs add clamp div max min mul neg sign sub")
    | {"integer_pow": lambda eqn: lambda x: f.integer_power(x, eqn.params["y"])}
    | _identities(add_any=lax.add, square=lambda x: x * x, one_minus_square=lambda x: (1 + x) * (1 - x))
)
_BOOLEANS = _COMMON | _identities(
    add_any=lax.bitwise_or,
    max=lax.bitwise_or,
    min=lax.bitwise_and,
    **{"not": lambda x: lax.eq(x, jnp.zeros_like(x))},
)
_WHOLE = (
    _NUMBERS
    | _natives("clz not rem shift_left shift_right_arithmetic shift_right_logical")
    | _identities(population_count=f.bit_count)
)
_FLOATING = _NUMBERS | _natives("cos exp exp2 log logistic rsqrt sin sqrt tanh") | _identities(nextafter=f.next_after)
_LACKING = {
    **_identities(expm1=f.expm1, log1p=f.log1p, pow=f.power, cbrt=f.cube_root, rem=f.remainder, is_finite=f.is_finite),
    **_identities(floor=f.floor, ceil=f.ceil, sinh=f.sinh, cosh=f.cosh, asinh=f.asinh, acosh=f.acosh, atanh=f.atanh),
    **_identities(tan=series.tan, asin=series.asin, acos=series.acos, atan=series.atan, atan2=series.atan2),
    **_identities(erf=series.erf, erfc=series.erfc, erf_inv=series.erf_inv),
    **_identities(log2=lambda x: lax.log(x) / f.LN2, polynomial=f.polynomial),
    **_identities(bessel_i0e=series.bessel_i0e, bessel_i1e=series.bessel_i1e),
    "round": lambda eqn: _ROUND[eqn.params["rounding_method"]],
}
_ROUND = {
    lax.RoundingMethod.TO_NEAREST_EVEN: f.round_to_even,
    lax.RoundingMethod.AWAY_FROM_ZERO: f.round_from_zero,
}

_OF: dict[str, dict[str, Make | MakeSeveral]] = {
    "bool": _BOOLEANS | _CONVERT,
    **dict.fromkeys(("int32", "int64", "uint32", "uint64"), _WHOLE | _CONVERT),
    **dict.fromkeys(
        ("int8", "int16", "uint8", "uint16"), {n: _by_32_bits(n, make) for n, make in _WHOLE.items()} | _CONVERT
    ),
    **dict.fromkeys(("float32", "float64"), _FLOATING | _LACKING | _CONVERT),
    **dict.fromkeys(
        ("float16", "bfloat16"), _FLOATING | {n: _by_float32(make) for n, make in _LACKING.items()} | _CONVERT
    ),
}
DTYPES = frozenset(_OF)
