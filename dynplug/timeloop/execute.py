"""Running a program over time."""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp

from dynplug.timeloop.lags import blocked, read, shift
from dynplug.timeloop.primitives import contract
from dynplug.timeloop.program import Atom, Program, Var, function, is_var, needed
from dynplug.timeloop.stages import Stage, split

Values = Sequence[Any]
Results = tuple[list[Any], list[Any], list[Any]]  # the carry after the last step, the outputs of all steps, the sums


def execute(
    program: Program, consts: Values, carry: Values, xs: Values, length: int, *, reverse: bool, hoist: bool
) -> Results:
    """Stage after stage, each over all time."""
    program, delays = blocked(program, length)
    if delays:
        rows = [carry[k] for k in delays]
        others = [v for k, v in enumerate(carry) if k not in delays]
        given = [*xs, *(read(r, length, reverse) for r in rows)]
        rest, outs, sums = execute(program, consts, others, given, length, reverse=reverse, hoist=hoist)
        written = outs[len(outs) - len(delays) :]
        new = iter(rest)
        after = {k: shift(r, w, reverse)[0] for k, r, w in zip(delays, rows, written, strict=True)}
        return [after[k] if k in after else next(new) for k in range(len(carry))], outs[: len(outs) - len(delays)], sums
    stages, tail = split(program, hoist)
    known = dict(zip(program.consts, consts, strict=True))
    stacked = dict(zip(program.xs, xs, strict=True))
    last: dict[int, Any] = {}
    total: dict[Var, Any] = {}
    for stage in stages:
        (_scan if stage.scan else _at_once)(program, stage, known, stacked, carry, last, total, length, reverse)
    new = [last[k] for k in range(len(program.carry))]
    ys = [_stack(v, known, stacked, program, length) for v in program.ys]
    leaves = list(total)
    finish = function(tail, leaves, [v for v in program.sums if is_var(v)])
    found = iter(finish(*total.values()))
    sums = [next(found) if is_var(v) else jnp.asarray(v.val, v.aval.dtype) * length for v in program.sums]
    return new, ys, sums


def _scan(
    program: Program,
    stage: Stage,
    known: dict[Var, Any],
    stacked: dict[Var, Any],
    carry: Values,
    last: dict[int, Any],
    total: dict[Var, Any],
    length: int,
    reverse: bool,
) -> None:
    """A stage whose steps run one after the other."""
    own = [program.carry[k] for k in stage.carry]
    new = [program.new[k] for k in stage.carry]
    body = function(stage.eqns, (*known, *own, *stage.ins), (*new, *stage.outs, *stage.sums))
    handed, put_out = len(own), len(own) + len(stage.outs)

    def step(state: tuple[list[Any], list[Any]], x: list[Any]) -> tuple[tuple[list[Any], list[Any]], list[Any]]:
        now, so_far = state
        found = body(*known.values(), *now, *x)
        return (found[:handed], _add(so_far, found[put_out:])), found[handed:put_out]

    state = ([carry[k] for k in stage.carry], [_zeros(v) for v in stage.sums])
    xs = [stacked[v] for v in stage.ins]
    (after, sums), outs = jax.lax.scan(step, state, xs, length, reverse)
    last.update(zip(stage.carry, after, strict=True))
    stacked.update(zip(stage.outs, outs, strict=True))
    total.update(zip(stage.sums, sums, strict=True))


def _at_once(
    program: Program,
    stage: Stage,
    known: dict[Var, Any],
    stacked: dict[Var, Any],
    carry: Values,
    last: dict[int, Any],
    total: dict[Var, Any],
    length: int,
    reverse: bool,
) -> None:
    """A stage that does all steps in one call; what it carries is a shift in time."""
    shifted: dict[Var, Any] = {}

    def compute(outs: Sequence[Atom]) -> list[Any]:
        eqns = needed(stage.eqns, outs, shifted)
        ins = {v: stacked[v] for v in stage.ins} | shifted
        body = function(eqns, (*known, *ins), outs)
        axes = (None,) * len(known) + (0,) * len(ins)
        return jax.vmap(body, in_axes=axes, axis_size=length)(*known.values(), *ins.values())

    waiting = list(stage.carry)
    while waiting:  # what a step hands on may itself have been handed to it
        pending = {program.carry[k] for k in waiting}
        ready = [k for k in waiting if not _depends(stage, program.new[k], pending)]
        for k, value in zip(ready, compute([program.new[k] for k in ready]), strict=True):
            move = shift if program.lags[k] else _shift
            last[k], shifted[program.carry[k]] = move(carry[k], value, reverse)
        waiting = [k for k in waiting if k not in ready]
    stacked.update(zip(stage.outs, compute(stage.outs), strict=True))
    if stage.sums:
        for v, value in zip(stage.sums, compute(stage.sums), strict=True):
            total[v] = value.sum(0)
    operands = compute([v for eqn in stage.contracted for v in eqn.invars])
    for n, eqn in enumerate(stage.contracted):
        total[eqn.outvars[0]] = contract(eqn, *operands[2 * n : 2 * n + 2])


def _depends(stage: Stage, out: Atom, on: set[Var]) -> bool:
    if not is_var(out):
        return False
    read = {v for eqn in needed(stage.eqns, [out]) for v in eqn.invars if is_var(v)} | {out}
    return not on.isdisjoint(read)


def _shift(first: Any, values: Any, reverse: bool) -> tuple[Any, Any]:
    """What is handed on after the last step, and what each step was handed."""
    first = first[None]
    if reverse:
        return values[0], jnp.concatenate([values[1:], first])
    return values[-1], jnp.concatenate([first, values[:-1]])


def _stack(v: Atom, known: dict[Var, Any], stacked: dict[Var, Any], program: Program, length: int) -> Any:
    """An output at all steps, where no stage put it out."""
    if is_var(v) and v in stacked:
        return stacked[v]
    (value,) = function(needed(program.eqns, [v], known), tuple(known), [v])(*known.values())
    return jnp.broadcast_to(value, (length, *value.shape))


def _add(total: list[Any], more: list[Any]) -> list[Any]:
    return [jax.numpy.add(a, b) for a, b in zip(total, more, strict=True)]


def _zeros(v: Atom) -> Any:
    return jnp.zeros(v.aval.shape, v.aval.dtype)
