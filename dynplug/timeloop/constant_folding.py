"""Constant folding: results that depend on no variable are computed at compile time.

A decay given as a number becomes one literal instead of an array that is filled, or read, at every step.

**Invariant:** the equations compute the same values, bit for bit, and the same signed zeros and NaNs.

**Limits:** only cheap primitives are folded (see `primitives.is_foldable`), and only values whose elements are all
equal remain: an array of different numbers would have to be stored in the program, so it is left as it was.

**Reference:** Aho et al. (2006), chapter 9.
"""

from collections.abc import Sequence
from typing import cast

import jax
import numpy as np

from dynplug.core import evaluate, on_host
from dynplug.timeloop.jaxpr_types import Atom, Eqn, Var
from dynplug.timeloop.primitives import is_foldable
from dynplug.timeloop.program import aval_of, dce, is_var


def fold_constants(eqns: Sequence[Eqn], outs: Sequence[Atom]) -> tuple[Eqn, ...]:
    """The equations that `outs` need, where every uniform constant is filled in from a literal."""
    constant: set[Var] = set()
    for eqn in eqns:
        if is_foldable(eqn) and all(not is_var(v) or v in constant for v in eqn.invars):
            constant.update(eqn.outvars)
    rest = [eqn for eqn in eqns if not constant.issuperset(eqn.outvars)]

    # Only constants that something else reads are evaluated: those in between disappear.
    read = dict.fromkeys(v for v in (*(a for eqn in rest for a in eqn.invars), *outs) if is_var(v) and v in constant)
    with on_host(), jax.ensure_compile_time_eval():
        values = [np.asarray(value) for value in evaluate(dce(eqns, read), tuple(read))]
    folded = {v: value.flat[0] for v, value in zip(read, values, strict=True) if _is_uniform(value)}
    fills = [_fill(v, value) for v, value in folded.items()]
    remaining = dce(eqns, (*(a for eqn in rest for a in eqn.invars), *outs), folded)
    return (*fills, *(eqn for eqn in remaining if not set(folded).issuperset(eqn.outvars)))


def _is_uniform(value: np.ndarray) -> bool:
    """Whether all elements are the same, bit for bit: zeros have signs, and NaN is not equal to itself."""
    return value.ndim > 0 and value.size > 0 and value.tobytes() == value.flat[:1].tobytes() * value.size


def _fill(v: Var, value: np.generic) -> Eqn:
    """The equation that fills `v` with a number."""
    aval = aval_of(v)
    number = cast(np.number, value)  # a bfloat16 is none to NumPy's types
    (eqn,) = jax.make_jaxpr(lambda: jax.lax.full(aval.shape, number, aval.dtype))().jaxpr.eqns
    return eqn.replace(outvars=[v])
