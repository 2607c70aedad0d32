"""Evaluation of equations without variables, by NumPy where the result is exactly that of XLA.

JAX compiles a program for each operation, shape and dtype that it computes outside of `jax.jit`: some ten milliseconds
each, where NumPy takes microseconds.

**Invariant:** results are those of JAX, bit for bit: only operations that IEEE 754 defines to the last bit are NumPy's,
and only where neither operands nor results are subnormal, which XLA may flush to zero.

**Limits:** everything else, such as `exp`, is computed by JAX.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from dynplug.timeloop.program import Atom, Eqn, Var, is_var

_ELEMENTWISE = {
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
}
_EXACT = {"float32", "float64"}


def evaluate(eqns: Sequence[Eqn], outs: Sequence[Var]) -> list[np.ndarray]:
    """The values of variables that depend on no others than these equations compute."""
    known: dict[Var, Any] = {}

    def read(v: Atom) -> Any:
        return known[v] if is_var(v) else np.asarray(v.val, v.aval.dtype)

    for eqn in eqns:
        values = [read(v) for v in eqn.invars]
        found = _by_numpy(eqn, values)
        if found is None:
            found = eqn.primitive.bind(*values, **eqn.params)
        many = found if eqn.primitive.multiple_results else [found]
        known.update(zip(eqn.outvars, many, strict=True))
    return [np.asarray(known[v]) for v in outs]


def _by_numpy(eqn: Eqn, values: list[Any]) -> np.ndarray | None:
    """The result of an equation, or `None` where NumPy's may be another one than XLA's."""
    name, aval = eqn.primitive.name, eqn.outvars[0].aval
    if name not in _ELEMENTWISE and name not in _LAYOUT:
        return None
    values = [np.asarray(v) for v in values]
    if name in _LAYOUT:
        moved = len(values) > 1 or (eqn.params.get("dimensions") is not None and name == "reshape")  # rare: left to JAX
        return None if moved else _LAYOUT[name](eqn, values[0])
    if not all(v.dtype.name in _EXACT for v in values):
        return None
    with np.errstate(all="ignore"):
        found = np.asarray(_ELEMENTWISE[name](*values), aval.dtype)
    plain = all(_is_plain(v) for v in (*values, found))
    return found if plain and found.shape == aval.shape else None


def _is_plain(values: np.ndarray) -> bool:
    """Whether all are finite, and none is subnormal."""
    if values.dtype == np.bool_:
        return True
    size = np.abs(values)
    return bool(np.all(np.isfinite(size) & ((size == 0) | (size >= np.finfo(values.dtype).tiny))))


def _broadcast(eqn: Eqn, value: np.ndarray) -> np.ndarray:
    shape, places = eqn.params["shape"], eqn.params["broadcast_dimensions"]
    spread = [1] * len(shape)
    for d, place in enumerate(places):
        spread[place] = value.shape[d]
    return np.broadcast_to(value.reshape(spread), shape)


def _reshaped(eqn: Eqn, value: np.ndarray) -> np.ndarray:
    return value.reshape(eqn.outvars[0].aval.shape)


_LAYOUT: dict[str, Callable[[Eqn, np.ndarray], np.ndarray]] = {
    "broadcast_in_dim": _broadcast,
    "squeeze": _reshaped,
    "expand_dims": _reshaped,
    "reshape": _reshaped,
}
