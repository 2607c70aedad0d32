"""Computing beforehand what depends on no variable: a decay given as a number is one number, not an array a step."""

from collections.abc import Sequence
from typing import Any

import jax
import numpy as np

from dynplug.timeloop.primitives import is_foldable
from dynplug.timeloop.program import Atom, Eqn, Var, function, is_var, needed


def fold(eqns: Sequence[Eqn], outs: Sequence[Atom]) -> tuple[Eqn, ...]:
    """The equations, where what has the same value everywhere, and depends on nothing, is that number."""
    known: set[Var] = set()
    for eqn in eqns:
        if is_foldable(eqn) and all(not is_var(v) or v in known for v in eqn.invars):
            known.update(eqn.outvars)
    rest = [eqn for eqn in eqns if not known.issuperset(eqn.outvars)]
    read = dict.fromkeys(v for v in (*(a for eqn in rest for a in eqn.invars), *outs) if is_var(v) and v in known)
    with jax.ensure_compile_time_eval():
        values = [np.asarray(v) for v in function(needed(eqns, read), (), tuple(read))()]
    found = {v: value.flat[0] for v, value in zip(read, values, strict=True) if _is_uniform(value)}
    numbers = [_number(v, value) for v, value in found.items()]
    kept = needed(eqns, (*(a for eqn in rest for a in eqn.invars), *outs), found)
    return (*numbers, *(eqn for eqn in kept if not set(found).issuperset(eqn.outvars)))


def _is_uniform(value: Any) -> bool:
    """Whether all elements are the same, bit for bit: zeros have signs, and NaN is not equal to itself."""
    return value.ndim > 0 and value.size > 0 and value.tobytes() == value.flat[:1].tobytes() * value.size


def _number(v: Var, value: Any) -> Eqn:
    """The equation that fills `v` with a number."""
    aval: Any = v.aval
    (eqn,) = jax.make_jaxpr(lambda: jax.lax.full(aval.shape, value, aval.dtype))().jaxpr.eqns
    return eqn.replace(outvars=[v])
