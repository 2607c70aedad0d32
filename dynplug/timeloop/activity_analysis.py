"""Activity analysis: which values of a program have tangents that may differ from zero.

Only active values are differentiated: integers, counters and constants carry no tangent through the loop. As a carried
value that becomes active in one step is active in the next, the set is a fixed point, which `jax.lax.scan` computes
alike.

**Invariant:** every value with a tangent that is not a symbolic zero is active. The set is the smallest that is closed
under a step.

**Limits:** a tangent that is zero in numbers alone counts as active.

**Reference:** A. Griewank, A. Walther: Evaluating Derivatives, 2nd ed. (SIAM, 2008), doi:10.1137/1.9780898717761.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp

from dynplug.timeloop.program import Program, Var, as_function, aval_of

Mask = tuple[bool, ...]


@dataclass(frozen=True)
class Activity:
    """Masks of a program's active constants, carried values (at any step), inputs and outputs."""

    consts: Mask
    carry: Mask
    xs: Mask
    ys: Mask


def activity(program: Program, consts: Mask, carry: Mask, xs: Mask) -> Activity:
    """The activity of a program whose constants, first carry and inputs are active as these masks say."""
    ins = (*program.consts, *program.carry, *program.xs)
    step = as_function(program.eqns, ins, (*program.carry_out, *program.ys))
    while True:
        found = _active_results(step, ins, (*consts, *carry, *xs))
        grown = tuple(a or b for a, b in zip(carry, found, strict=False))
        if grown == carry:
            return Activity(consts, carry, xs, found[len(carry) :])
        carry = grown


def select(values: Sequence[Any], mask: Mask) -> list[Any]:
    """The values that a mask marks."""
    return [v for v, m in zip(values, mask, strict=True) if m]


def merge(chosen: Sequence[Any], mask: Mask, rest: Sequence[Any]) -> list[Any]:
    """The inverse of `select`: values that are not chosen come from `rest`."""
    it: Iterator[Any] = iter(chosen)
    return [next(it) if m else v for v, m in zip(rest, mask, strict=True)]


def _active_results(f: Callable[..., list[Any]], ins: Sequence[Var], mask: Mask) -> Mask:
    """The mask of active results. JAX's own derivative rules decide: an identity, whose rule sees which tangents are
    symbolic zeros, is applied to the results.
    """
    seen: list[bool] = []

    @jax.custom_jvp
    def look(values: list[Any]) -> list[Any]:
        return values

    def rule(primals: Any, tangents: Any) -> Any:
        seen.extend(
            is_floating(p) and not isinstance(t, jax.custom_derivatives.SymbolicZero)
            for p, t in zip(primals[0], tangents[0], strict=True)
        )
        return primals[0], tangents[0]

    look.defjvp(rule, symbolic_zeros=True)

    def push(values: list[Any], tangents: list[Any]) -> Any:
        moving = select(values, mask)
        return jax.jvp(lambda *v: look(f(*merge(v, mask, values))), moving, tangents)[0]

    avals = list(map(aval_of, ins))
    if any(mask):
        jax.eval_shape(push, avals, select(avals, mask))
    return tuple(seen) or (False,) * len(jax.eval_shape(f, *avals))


def is_floating(value: Any) -> bool:
    """Whether a value has derivatives: whether its dtype is floating or complex."""
    return bool(jnp.issubdtype(value.dtype, jnp.inexact))
