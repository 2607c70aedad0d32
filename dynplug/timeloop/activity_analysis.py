"""Activity analysis: which values of a program have tangents that may differ from zero.

Only active values are differentiated: integers, counters and constants carry no tangent through the loop. As a carried
value that becomes active in one step is active in the next, the set is a fixed point, which `jax.lax.scan` computes
alike.

**Invariant:** every value with a tangent that is not a symbolic zero is active. The set is the smallest that is closed
under a step.

**Limits:** a tangent that is zero in numbers alone counts as active.

**Reference:** A. Griewank, A. Walther: Evaluating Derivatives, 2nd ed. (SIAM, 2008), doi:10.1137/1.9780898717761.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import jax
import jax.numpy as jnp
from jax.custom_derivatives import SymbolicZero

from dynplug.timeloop.jaxpr_types import Aval, Function, Tangent, Value, Var
from dynplug.timeloop.program import Program, as_function, aval_of

Mask = tuple[bool, ...]
T = TypeVar("T")
U = TypeVar("U")


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


def select(values: Sequence[T], mask: Mask) -> list[T]:
    """The values that a mask marks."""
    return [v for v, m in zip(values, mask, strict=True) if m]


def merge(chosen: Sequence[T], mask: Mask, rest: Sequence[U]) -> list[T | U]:
    """The inverse of `select`: values that are not chosen come from `rest`."""
    it = iter(chosen)
    return [next(it) if m else v for v, m in zip(rest, mask, strict=True)]


def _active_results(f: Function, ins: Sequence[Var], mask: Mask) -> Mask:
    """The mask of active results. JAX's own derivative rules decide: an identity, whose rule sees which tangents are
    symbolic zeros, is applied to the results.
    """
    seen: list[bool] = []

    @jax.custom_jvp
    def look(values: list[Value]) -> list[Value]:
        return values

    def rule(primals: tuple[list[Value]], tangents: tuple[list[Tangent]]) -> tuple[list[Value], list[Tangent]]:
        seen.extend(
            is_floating(p) and not isinstance(t, SymbolicZero) for p, t in zip(primals[0], tangents[0], strict=True)
        )
        return primals[0], tangents[0]

    look.defjvp(rule, symbolic_zeros=True)  # pyright: ignore[reportArgumentType] - which JAX's type of rules leaves out

    def push(values: list[Value], tangents: list[Value]) -> list[Value]:
        moving = select(values, mask)
        return jax.jvp(lambda *v: look(f(*merge(v, mask, values))), moving, tangents)[0]

    avals = list(map(aval_of, ins))
    if any(mask):
        jax.eval_shape(push, avals, select(avals, mask))
    return tuple(seen) or (False,) * len(jax.eval_shape(f, *avals))


def is_floating(value: Value | Aval | jax.ShapeDtypeStruct) -> bool:
    """Whether a value has derivatives: whether its dtype is floating or complex."""
    return bool(jnp.issubdtype(value.dtype, jnp.inexact))
