"""The backward pass of a program, as a program in reversed time."""

from dataclasses import dataclass, field
from typing import Any

import jax

from dynplug.timeloop.fold import fold
from dynplug.timeloop.linearised import Linearised
from dynplug.timeloop.perturbed import Mask
from dynplug.timeloop.program import (
    Atom,
    Eqn,
    Program,
    Var,
    dependent,
    fresh,
    function,
    is_var,
    like,
    needed,
    renamed,
    trace,
    zero,
)


@dataclass(frozen=True, eq=False)
class Backward:
    """A program that goes from cotangents to cotangents.

    Its constants are those of the forward program, `values`, and the cotangents that no step changes. It carries the
    other cotangents of the carry, and the values that the forward pass handed on. It is given the inputs, what was
    kept, and the cotangents of the outputs. It puts out the cotangents of the inputs, and adds up those of the
    constants. What is missing below has a cotangent of zero, or none was asked for.

    **Arguments:**

    - `program`: the program.
    - `values`: further constants.
    - `passed`: of the carry, by position, whose cotangent no step changes.
    - `carry`: of the carry, whose cotangent is carried.
    - `ys`: of the outputs, whose cotangent is given.
    - `xs`: of the inputs, whose cotangent is put out.
    - `consts`: of the constants, whose cotangent is added up.
    """

    program: Program
    values: tuple[Any, ...]
    passed: tuple[int, ...]
    carry: tuple[int, ...]
    ys: tuple[int, ...]
    xs: tuple[int, ...]
    consts: tuple[int, ...]


def backward(linear: Linearised, carry: Mask, ys: Mask) -> Backward:
    """The backward pass where these values after the last step, and these outputs, have a cotangent."""
    where, forward = linear.where, linear.forward
    lags = forward.lags
    in_carry, in_xs, in_consts = map(_positions, (where.carry, where.xs, where.consts))
    late = dependent(linear.eqns, linear.tangents)
    keys = [*(("new", k) for k in in_carry), *(("y", k) for k in _positions(where.ys))]
    made = {key: v for key, v in zip(keys, linear.results, strict=True) if is_var(v) and v in late}
    live = _reached(linear, made, {k for k in in_carry if carry[k]}, ys)
    turned = _turn(linear, {(what, k): v for (what, k), v in made.items() if (k in live if what == "new" else ys[k])})
    gradients = iter(turned.gradients)
    of_consts, of_carry, of_xs = ({k: next(gradients) for k in part} for part in (in_consts, in_carry, in_xs))

    given = turned.cotangents
    of_ys = {k: v for (what, k), v in given.items() if what == "y"}
    passed = tuple(k for k in sorted(live) if not lags[k] and of_carry[k] is given.get(("new", k), False))
    carried = tuple(k for k in sorted(live) if k not in passed)
    before = tuple(given.get(("new", k)) or fresh(forward.carry[k]) for k in carried)
    after = tuple(zero(forward.carry[k]) if (v := of_carry[k]) is None else v for k in carried)
    put_out = {k: v for k, v in of_xs.items() if v is not None}
    sums = {k: v for k, v in of_consts.items() if v is not None}
    followed = tuple(forward.carry[k] for k in linear.followed)
    outs = [*after, *put_out.values(), *sums.values(), *followed]
    program = Program(
        needed((*linear.again, *turned.eqns), outs, [*linear.kept, *linear.after]),
        (*forward.consts, *turned.consts, *(given["new", k] for k in passed)),
        (*before, *linear.after),
        (*forward.xs, *linear.kept, *of_ys.values()),
        (*after, *followed),
        tuple(put_out.values()),
        tuple(sums.values()),
        (*(lags[k] for k in carried), *(0 for _ in followed)),
        frozenset(dependent(turned.eqns, given.values())),
    )
    return Backward(program, turned.values, passed, carried, tuple(of_ys), tuple(put_out), tuple(sums))


def _reached(linear: Linearised, made: dict[tuple[str, int], Var], live: set[int], ys: Mask) -> set[int]:
    """The carry that cotangents reach, as they go back in time from these outputs and this carry at the end."""
    where = linear.where
    tangents = dict(zip(_positions(where.carry), linear.tangents[sum(where.consts) :], strict=False))
    while True:
        results = [v for (what, k), v in made.items() if (k in live if what == "new" else ys[k])]
        read = {v for eqn in needed(linear.eqns, results) for v in eqn.invars if is_var(v)}.union(results)
        grown = live.union(k for k, v in tangents.items() if v in read)
        if grown == live:
            return live
        live = grown


@dataclass(frozen=True, eq=False)
class _Turned:
    """The equations of some tangents turned round, from the cotangents of results to those of all tangents.

    **Arguments:**

    - `eqns`: the equations, which read what those of the tangents read.
    - `consts`, `values`: constants in them.
    - `cotangents`: what they are given, by what it is the cotangent of.
    - `gradients`: what they give; `None` where it is zero.
    """

    eqns: tuple[Eqn, ...] = ()
    consts: tuple[Var, ...] = ()
    values: tuple[Any, ...] = ()
    cotangents: dict[tuple[str, int], Var] = field(default_factory=dict[tuple[str, int], Var])
    gradients: tuple[Atom | None, ...] = ()


def _turn(linear: Linearised, results: dict[tuple[str, int], Var]) -> _Turned:
    if not results:
        return _Turned(gradients=(None,) * len(linear.tangents))
    eqns = needed(linear.eqns, results.values())
    late = dependent(eqns, linear.tangents)
    read = tuple(dict.fromkeys(v for eqn in eqns for v in eqn.invars if is_var(v) and v not in late))
    push = function(eqns, (*read, *linear.tangents), tuple(results.values()))

    def pull(values: list[Any], cotangents: list[Any]) -> Any:
        return jax.linear_transpose(lambda *t: push(*values, *t), *map(like, linear.tangents))(cotangents)

    traced = trace(pull, list(map(like, read)), list(map(like, results.values())))
    cotangents = traced.ins[len(read) :]
    found = renamed(fold(traced.eqns, traced.outs), dict(zip(traced.ins, read, strict=False)))
    moved = dependent(found, cotangents)
    gradients = tuple(v if is_var(v) and v in moved else None for v in traced.outs)
    return _Turned(found, traced.consts, traced.values, dict(zip(results, cotangents, strict=True)), gradients)


def _positions(mask: Mask) -> tuple[int, ...]:
    return tuple(k for k, m in enumerate(mask) if m)
