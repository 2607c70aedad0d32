"""A program with its derivative, and what the backward pass keeps of each step."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import jax

from dynplug.timeloop.cut import cheapest
from dynplug.timeloop.fold import fold
from dynplug.timeloop.perturbed import Perturbed, merge, select
from dynplug.timeloop.program import (
    Atom,
    Eqn,
    Program,
    Var,
    byte_count,
    dependent,
    function,
    is_var,
    like,
    needed,
    trace,
)


@dataclass(frozen=True, eq=False)
class Linearised:
    """A program with its derivative, linear in the tangents.

    **Arguments:**

    - `where`: what is perturbed.
    - `forward`: the program that also puts out, as its last outputs, what is kept for the backward pass. Its constants
        are those of the program and then `values`.
    - `values`: constants that both passes need.
    - `kept`: what is kept.
    - `followed`: carried values, by position, whose value after a step the backward pass has from the step after: its
        carry goes on with them, from those at the end.
    - `after`: these values, as a step hands them on.
    - `again`: the equations from which the backward pass computes what it did not keep.
    - `eqns`: the equations of the tangents.
    - `tangents`: the tangents of the perturbed constants, carry and inputs.
    - `results`: the tangents of the perturbed carry after a step, and of the perturbed outputs.
    """

    where: Perturbed
    forward: Program
    values: tuple[Any, ...]
    kept: tuple[Var, ...]
    followed: tuple[int, ...]
    after: tuple[Var, ...]
    again: tuple[Eqn, ...]
    eqns: tuple[Eqn, ...]
    tangents: tuple[Var, ...]
    results: tuple[Atom, ...]


def linearise(program: Program, where: Perturbed) -> Linearised:
    """The derivative of a program."""
    ins = (*program.consts, *program.carry, *program.xs)
    moving, moved = (*where.consts, *where.carry, *where.xs), (*where.carry, *where.ys)
    step = function(program.eqns, ins, (*program.new, *program.ys))

    def push(values: list[Any], tangents: list[Any]) -> tuple[list[Any], Any]:
        def some(*chosen: Any) -> tuple[list[Any], list[Any]]:
            outs = step(*merge(chosen, moving, values))
            return select(outs, moved), outs

        _, pushed, outs = jax.linearize(some, *select(values, moving), has_aux=True)
        return outs, pushed(*tangents)

    avals = list(map(like, ins))
    traced = trace(push, avals, select(avals, moving))
    eqns = fold(traced.eqns, traced.outs)
    primal, tangents = traced.ins[: len(ins)], traced.ins[len(ins) :]
    outs, results = traced.outs[: len(moved)], traced.outs[len(moved) :]
    first, last = len(program.consts), len(program.consts) + len(program.carry)
    consts, carry, xs = (*primal[:first], *traced.consts), primal[first:last], primal[last:]

    late = dependent(eqns, tangents)
    again = [eqn for eqn in eqns if late.isdisjoint(eqn.outvars)]
    linear = needed([eqn for eqn in eqns if not late.isdisjoint(eqn.outvars)], results)
    ready = late.union(consts, xs)
    read = dict.fromkeys(v for eqn in linear for v in eqn.invars if is_var(v) and v not in ready)
    handed, put_out = outs[: len(carry)], outs[len(carry) :]
    kept, followed = _keep(again, carry, handed, read, program.lags)
    forward = Program(
        needed(again, [*outs, *kept]), consts, carry, xs, tuple(handed), (*put_out, *kept), lags=program.lags
    )
    after = tuple(v for k in followed if is_var(v := handed[k]))
    return Linearised(
        where,
        forward,
        traced.values,
        tuple(kept),
        followed,
        after,
        tuple(again),
        linear,
        tuple(tangents),
        tuple(results),
    )


def _keep(
    eqns: Sequence[Eqn], carry: Sequence[Var], new: Sequence[Atom], used: Iterable[Var], lags: Sequence[int]
) -> tuple[list[Var], tuple[int, ...]]:
    """What to keep of each step, and which carried values are then known after it too, being kept before the next.

    Three ways are compared: without that knowledge, with it for the carried values that the first way keeps, and with
    it for all.
    """
    made = {v for eqn in eqns for v in eqn.outvars}
    known = [
        k
        for k, v in enumerate(new)
        if is_var(v) and v in made and sum(v is other for other in new) == 1 and not lags[k]
    ]
    used = list(used)

    def with_all_of(followed: Sequence[int]) -> tuple[list[Var], tuple[int, ...]]:
        free = {new[k]: k for k in followed}
        whole = [carry[k] for k in followed]
        rest = cheapest(eqns, [v for v in carry if v not in whole], used, (*free, *whole))
        inside = needed(eqns, used, [*rest, *free])
        read = {v for v in (*used, *(v for eqn in inside for v in eqn.invars)) if is_var(v)}
        follow = tuple(k for v, k in free.items() if v in read)
        return [*rest, *(carry[k] for k in followed if k in follow or carry[k] in read)], follow

    first = cheapest(eqns, carry, used), ()
    second = with_all_of([k for k in known if carry[k] in first[0]])
    return min(first, second, with_all_of(known), key=lambda way: sum(map(byte_count, way[0])))
