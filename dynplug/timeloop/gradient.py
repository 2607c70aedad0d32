"""The backward pass of a program, as a program."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp

from dynplug.timeloop.cut import cheapest
from dynplug.timeloop.fold import fold
from dynplug.timeloop.program import Atom, Eqn, Program, Var, byte_count, function, is_var, needed, struct, trace


@dataclass(frozen=True, eq=False)
class Differentiated:
    """A forward and a backward program.

    **Arguments:**

    - `forward`, `backward`: the programs.
    - `followed`: carried values, by position, whose value after a step the backward pass has from the step after: its
        carry goes on with them, from those at the end.
    - `values`: constants that both programs need, after those of the program.
    """

    forward: Program
    backward: Program
    followed: tuple[int, ...]
    values: tuple[Any, ...]


def differentiate(program: Program, consts: Sequence[bool], xs: Sequence[bool]) -> "Differentiated":
    """The forward and the backward program of a program.

    The forward program also puts out, as its last outputs, what is kept for the backward pass. Both take the constants
    of the program and then `values`.

    The backward program runs in reversed time. It carries the cotangents of the floating carry. It is given the inputs,
    what was kept, and the cotangents of the floating outputs. It puts out the cotangents of the inputs that `xs` marks,
    and adds up those of the constants that `consts` marks.
    """
    whole = function(program.eqns, (*program.consts, *program.carry, *program.xs), (*program.new, *program.ys))
    handed = len(program.new)
    floating = [jnp.issubdtype(v.aval.dtype, jnp.inexact) for v in (*program.new, *program.ys)]
    wanted = [*consts, *floating[:handed], *xs]
    ins = (*program.consts, *program.carry, *program.xs)

    def joint(values: list[Any], cotangents: list[Any]) -> tuple[list[Any], list[Any]]:
        def some(chosen: list[Any]) -> tuple[list[Any], list[Any]]:
            it = iter(chosen)
            outs = whole(*(next(it) if w else v for v, w in zip(values, wanted, strict=True)))
            return [o for o, f in zip(outs, floating, strict=True) if f], outs

        chosen = [v for v, w in zip(values, wanted, strict=True) if w]
        _, pull, outs = jax.vjp(some, chosen, has_aux=True)
        return outs, pull(cotangents)[0]

    like = [struct(v) for v in ins]
    results = [*program.new, *program.ys]
    given = [struct(v) for v, f in zip(results, floating, strict=True) if f]
    traced = trace(joint, like, given)
    eqns, invars, outs = fold(traced.eqns, traced.outs), traced.ins, traced.outs
    primal, cotangent = tuple(invars[: len(ins)]), tuple(invars[len(ins) :])
    n_consts, n_carry = len(program.consts), len(program.carry)
    c, s, x = (*primal[:n_consts], *traced.consts), primal[n_consts : n_consts + n_carry], primal[n_consts + n_carry :]
    forward_outs, gradients = outs[: len(results)], outs[len(results) :]

    backward_only = set(cotangent)
    forward_eqns, backward_eqns = [], []
    for eqn in eqns:
        late = any(is_var(v) and v in backward_only for v in eqn.invars)
        (backward_eqns if late else forward_eqns).append(eqn)
        if late:
            backward_only.update(eqn.outvars)
    ready = {*c, *x}
    used = [v for eqn in needed(backward_eqns, gradients) for v in eqn.invars if is_var(v)]
    used = dict.fromkeys(
        v for v in (*used, *(g for g in gradients if is_var(g))) if v not in backward_only and v not in ready
    )
    kept, followed = _keep(forward_eqns, s, forward_outs[:handed], used, program.lags)
    after = tuple(forward_outs[k] for k in followed)

    forward = Program(
        needed(forward_eqns, [*forward_outs, *kept]),
        c,
        s,
        x,
        tuple(forward_outs[:handed]),
        (*forward_outs[handed:], *kept),
        lags=program.lags,
    )
    n_diff, n_carried = sum(consts), sum(floating[:handed])
    backward = Program(
        needed(eqns, [*gradients, *(s[k] for k in followed)], [*kept, *after]),
        c,
        (*cotangent[:n_carried], *after),
        (*x, *kept, *cotangent[n_carried:]),
        (*gradients[n_diff : n_diff + n_carried], *(s[k] for k in followed)),
        tuple(gradients[n_diff + n_carried :]),
        tuple(gradients[:n_diff]),
        (*(lag for lag, f in zip(program.lags, floating, strict=False) if f), *(0 for _ in followed)),
    )
    return Differentiated(forward, backward, followed, traced.values)


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
