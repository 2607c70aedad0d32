"""What of a program has a derivative to speak of, found as `jax.lax.scan` finds it: the smallest set that is closed."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp

from dynplug.timeloop.program import Program, Var, function, like

Mask = tuple[bool, ...]


@dataclass(frozen=True)
class Perturbed:
    """Which values of a program have tangents that are not zero for certain.

    **Arguments:**

    - `consts`, `xs`: of the constants and the inputs.
    - `carry`: of the carry, at any step.
    - `ys`: of the outputs.
    """

    consts: Mask
    carry: Mask
    xs: Mask
    ys: Mask


def perturbed(program: Program, consts: Mask, carry: Mask, xs: Mask) -> Perturbed:
    """What is perturbed where these constants, this first carry and these inputs are."""
    ins = (*program.consts, *program.carry, *program.xs)
    step = function(program.eqns, ins, (*program.new, *program.ys))
    while True:
        found = _perturbed_results(step, ins, (*consts, *carry, *xs))
        grown = tuple(a or b for a, b in zip(carry, found, strict=False))
        if grown == carry:
            return Perturbed(consts, carry, xs, found[len(carry) :])
        carry = grown


def select(values: Sequence[Any], mask: Mask) -> list[Any]:
    """The values that a mask marks."""
    return [v for v, m in zip(values, mask, strict=True) if m]


def merge(chosen: Sequence[Any], mask: Mask, rest: Sequence[Any]) -> list[Any]:
    """The inverse of `select`: what is not chosen comes from `rest`."""
    it: Iterator[Any] = iter(chosen)
    return [next(it) if m else v for v, m in zip(rest, mask, strict=True)]


def _perturbed_results(f: Callable[..., list[Any]], ins: Sequence[Var], mask: Mask) -> Mask:
    """Which results have a tangent: JAX's own rules are asked, by a rule that looks at which zeros are symbolic."""
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

    avals = list(map(like, ins))
    if any(mask):
        jax.eval_shape(push, avals, select(avals, mask))
    return tuple(seen) or (False,) * len(jax.eval_shape(f, *avals))


def is_floating(value: Any) -> bool:
    """Whether a value is of a kind that has derivatives."""
    return bool(jnp.issubdtype(value.dtype, jnp.inexact))
