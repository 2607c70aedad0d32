"""Evaluation of equations without variables, by NumPy where the result is exactly that of XLA.

JAX compiles a program for each operation, shape and dtype that it computes outside of `jax.jit`: some ten milliseconds
each, where NumPy takes microseconds.

**Invariant:** results are those of JAX, bit for bit: only operations that IEEE 754 defines to the last bit are NumPy's,
and only where neither operands nor results are subnormal, which XLA may flush to zero.

**Limits:** everything else, such as `exp`, is computed by JAX; so is what reads an array on another device, or
on one that the user chose.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import cast

import jax
import jax.extend.core as jex
import jax.numpy as jnp
import numpy as np
from jax.core import ShapedArray

Atom = jex.Var | jex.Literal
Eqn = jex.JaxprEqn
Value = jax.Array | np.ndarray

# Each operation that is the same to the last bit, of floating numbers and of 32-bit integers.
_ELEMENTWISE: dict[str, np.ufunc] = {
    "add": np.add,
    "sub": np.subtract,
    "mul": np.multiply,
    "neg": np.negative,
    "abs": np.abs,
    "eq": np.equal,
    "ne": np.not_equal,
    "lt": np.less,
    "le": np.less_equal,
    "gt": np.greater,
    "ge": np.greater_equal,
    "div": np.divide,
    "sqrt": np.sqrt,
    "integer_pow": np.square,
    "round": np.rint,
    "shift_left": np.left_shift,
}
_OF_FLOATS = _ELEMENTWISE.keys() - {"shift_left"}
_OF_WORDS = _ELEMENTWISE.keys() - {"abs", "neg", "div", "sqrt", "integer_pow", "round"}

# When an operation is another one after all.
_UNLESS: dict[str, Callable[..., bool | np.bool_]] = {
    "integer_pow": lambda eqn, a: eqn.params["y"] != 2,
    "round": lambda eqn, a: eqn.params["rounding_method"] != jax.lax.RoundingMethod.TO_NEAREST_EVEN,
    "shift_left": lambda eqn, a, b: (b >= 32).any() or (b < 0).any(),
}
_FLOATING = {"float32", "float64"}
_WORDS = {"int32", "uint32"}
_NUMBERS = _FLOATING | _WORDS | {"bool", "int64"}


def evaluate(
    eqns: Iterable[Eqn], outs: Sequence[Atom], given: Mapping[jex.Var, Value] | None = None, *, singly: bool = False
) -> list[Value]:
    """The values of some variables, arrays of NumPy or of JAX.

    **Arguments:**

    - `eqns`: the equations that lead to them.
    - `outs`: the variables.
    - `given`: the values of those that no equation assigns.
    - `singly`: whether results are those of a program for each operation, in which XLA does not know the numbers: many
        are then divided by one by multiplying with its reciprocal.
    """
    known: dict[jex.Var, Value] = dict(given or {})

    def read(v: Atom) -> Value:
        return _number(v) if isinstance(v, jex.Literal) else known[v]

    for eqn in eqns:
        values = [read(v) for v in eqn.invars]
        reciprocal = singly and eqn.primitive.name == "div" and _by_one(*values)
        found = None if reciprocal else _by_numpy(eqn, [_on_host(v) for v in values])
        known.update(zip(eqn.outvars, _by_jax(eqn, values) if found is None else found, strict=True))
    return [read(v) for v in outs]


def _by_one(a: Value, b: Value) -> bool:
    """Whether many are divided by one number, whose reciprocal has a rounding error."""
    return np.ndim(b) < np.ndim(a) and bool(abs(np.frexp(np.asarray(b))[0]) != 0.5)


def _number(literal: jex.Literal) -> np.ndarray:
    return np.asarray(literal.val, _array(literal).dtype)


def _array(atom: Atom) -> ShapedArray:
    """The shape and the dtype of a value."""
    return cast(ShapedArray, atom.aval)


def _by_jax(eqn: Eqn, values: Sequence[Value]) -> Sequence[Value]:
    """The results of an equation as JAX computes them outside of `jit`."""
    if not eqn.primitive.name.startswith("custom_"):
        found = eqn.primitive.bind(*values, **eqn.params)
        return found if eqn.primitive.multiple_results else [found]
    # a function with a derivative of its own, which JAX calls in another way from version to version
    ins = [jex.Var(v.aval) for v in eqn.invars]
    about = jex.DebugInfo("one operation", "evaluated", ("",) * len(ins), ("",) * len(eqn.outvars))
    jaxpr = jex.Jaxpr((), ins, eqn.outvars, [eqn.replace(invars=[*ins])], debug_info=about)
    return jex.jaxpr_as_fun(jex.ClosedJaxpr(jaxpr, ()))(*values)  # pyright: ignore[reportPrivateImportUsage]


def _by_numpy(eqn: Eqn, values: Sequence[Value]) -> Sequence[Value] | None:
    """The results of an equation, or `None` where NumPy's may be others than XLA's."""
    name = eqn.primitive.name
    arrays = [v for v in values if isinstance(v, np.ndarray)]
    if len(arrays) < len(values):
        return None
    if name in ("jit", "pjit"):
        return _called(eqn.params["jaxpr"], values)
    if name in _MOVING:
        found = _MOVING[name](eqn, *arrays)
    elif name in _OF_FLOATS and all(v.dtype.name in _FLOATING for v in arrays):
        found = _computed(eqn, arrays)
        found = found if found is not None and all(map(_is_plain, (*arrays, found))) else None
    elif name in _OF_WORDS and all(v.dtype.name in _WORDS for v in arrays):
        found = _computed(eqn, arrays)
    else:
        return None
    return None if found is None or found.shape != _array(eqn.outvars[0]).shape else [found]


def _computed(eqn: Eqn, values: Sequence[np.ndarray]) -> np.ndarray | None:
    name = eqn.primitive.name
    if name in _UNLESS and _UNLESS[name](eqn, *values):
        return None
    with np.errstate(all="ignore"):
        return np.asarray(_ELEMENTWISE[name](*values), _array(eqn.outvars[0]).dtype)


def _on_host(value: Value) -> Value:
    """An array as NumPy's, if it takes no copy to read it there and no word of the user's says where it must be."""
    if not isinstance(value, jax.Array) or value.committed or jnp.issubdtype(value.dtype, jax.dtypes.extended):
        return value
    return np.asarray(value) if all(device.platform == "cpu" for device in value.devices()) else value


def _called(called: jex.ClosedJaxpr | jex.Jaxpr, values: Sequence[Value]) -> Sequence[Value] | None:
    """The results of a call, if all of its equations are NumPy's: otherwise it is one program.

    In that, XLA may round once where there are two operations, as in a product to which something is added.
    """
    callee, own = getattr(called, "jaxpr", called), getattr(called, "consts", ())
    if sum(eqn.primitive.name not in _MOVING for eqn in callee.eqns) > 1:
        return None
    known: dict[jex.Var, Value] = dict(zip((*callee.constvars, *callee.invars), (*own, *values), strict=True))

    def read(v: Atom) -> Value:
        return _number(v) if isinstance(v, jex.Literal) else _on_host(known[v])

    for eqn in callee.eqns:
        if (found := _by_numpy(eqn, [read(v) for v in eqn.invars])) is None:
            return None
        known.update(zip(eqn.outvars, found, strict=True))
    return [read(v) for v in callee.outvars]


def _is_plain(values: np.ndarray) -> bool:
    """Whether all are finite, and none is subnormal."""
    if values.dtype == np.bool_:
        return True
    size = np.abs(values)
    return bool(np.all(np.isfinite(size) & ((size == 0) | (size >= np.finfo(values.dtype).tiny))))


def _broadcast(eqn: Eqn, value: np.ndarray, *sizes: np.ndarray) -> np.ndarray | None:
    if sizes:  # rare: left to JAX, as below
        return None
    shape, places = eqn.params["shape"], eqn.params["broadcast_dimensions"]
    spread = [1] * len(shape)
    for d, place in enumerate(places):
        spread[place] = value.shape[d]
    return np.broadcast_to(value.reshape(spread), shape)


def _reshaped(eqn: Eqn, value: np.ndarray, *sizes: np.ndarray) -> np.ndarray | None:
    permuted = eqn.params.get("dimensions") is not None and eqn.primitive.name == "reshape"
    return None if sizes or permuted else value.reshape(_array(eqn.outvars[0]).shape)


def _selected(_: Eqn, which: np.ndarray, *cases: np.ndarray) -> np.ndarray | None:
    return np.where(which, cases[1], cases[0]) if which.dtype == np.bool_ and len(cases) == 2 else None


def _converted(eqn: Eqn, value: np.ndarray) -> np.ndarray | None:
    to = np.dtype(eqn.params["new_dtype"])
    if value.dtype.name not in _NUMBERS or to.name not in _NUMBERS or eqn.params.get("sharding") is not None:
        return None
    if value.dtype == to:
        return value
    if value.dtype.name not in _FLOATING:
        return value.astype(to)
    if to.name not in _FLOATING:  # out of range, each has rules of its own
        return None
    with np.errstate(all="ignore"):
        found = value.astype(to)
    return found if _is_plain(value) and _is_plain(found) else None


def _iota(eqn: Eqn) -> np.ndarray | None:
    shape, along, dtype = (eqn.params[name] for name in ("shape", "dimension", "dtype"))
    if None in shape or np.dtype(dtype).name not in _NUMBERS:
        return None
    return np.broadcast_to(np.expand_dims(np.arange(shape[along], dtype=dtype), [*range(1, len(shape) - along)]), shape)


_MOVING: dict[str, Callable[..., np.ndarray | None]] = {
    "broadcast_in_dim": _broadcast,
    "squeeze": _reshaped,
    "expand_dims": _reshaped,
    "reshape": _reshaped,
    "select_n": _selected,
    "convert_element_type": _converted,
    "iota": _iota,
}
