"""Linearisation of a program, and the choice of the residuals that its backward pass keeps of each step.

JAX linearises the step. Its equations then fall into two parts: those of the primal values, and those of the tangents,
which are linear and read primal values as coefficients. Of the coefficients the backward pass keeps a minimum cut
(`min_cut.py`) and recomputes the rest.

**Invariant:** `forward` computes the same carry and outputs as the program. From the constants, the inputs, the
residuals and `next_carry`, the equations in `recomputed` give every coefficient of the tangents.

**Limits:** residuals are chosen within one step, knowing what the step after it keeps; a value is not recomputed from
residuals of other steps. That is left to chunks (`chunks.py`).

**Reference:** A. Radul, A. Paszke, R. Frostig, M. J. Johnson, D. Maclaurin: You Only Linearize Once: Tangents Transpose
to Gradients (2022), arXiv:2204.10923.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import jax

from dynplug.timeloop.activity_analysis import Activity, merge, select
from dynplug.timeloop.constant_folding import fold_constants
from dynplug.timeloop.jaxpr_types import Atom, Eqn, Value, Var
from dynplug.timeloop.min_cut import min_cut_residuals
from dynplug.timeloop.program import Program, as_function, aval_of, byte_count, dce, dependents, is_var, trace


@dataclass(frozen=True, eq=False)
class Linearised:
    """A program with its derivative, which is linear in the tangents.

    **Arguments:**

    - `active`: the values of the program that have tangents.
    - `forward`: the program, with the residuals as its last outputs. Its constants are the program's and then `values`.
    - `values`: the values of constants that both passes need.
    - `residuals`: the values kept of each step for the backward pass.
    - `carried_back`: the positions of carried values that the backward pass knows after each step, because it carries
        them back in time: they are residuals of the step that followed, or, after the last step, the loop's final
        carry.
    - `next_carry`: their variables after a step.
    - `recomputed`: the equations of the primal values, of which the backward pass evaluates those it needs.
    - `tangent_eqns`: the equations of the tangents.
    - `tangents_in`: the tangents of the active constants, carry and inputs.
    - `tangents_out`: the tangents of the active carry after a step and of the active outputs.
    """

    active: Activity
    forward: Program
    values: tuple[Value, ...]
    residuals: tuple[Var, ...]
    carried_back: tuple[int, ...]
    next_carry: tuple[Var, ...]
    recomputed: tuple[Eqn, ...]
    tangent_eqns: tuple[Eqn, ...]
    tangents_in: tuple[Var, ...]
    tangents_out: tuple[Atom, ...]


def linearise(program: Program, active: Activity) -> Linearised:
    """The derivative of a program."""
    # 1. Trace the step and its derivative as one function, from values and tangents to results and tangents.
    ins = (*program.consts, *program.carry, *program.xs)
    active_ins, active_outs = (*active.consts, *active.carry, *active.xs), (*active.carry, *active.ys)
    step = as_function(program.eqns, ins, (*program.carry_out, *program.ys))

    def push_forward(values: list[Value], tangents: list[Value]) -> tuple[list[Value], list[Value]]:
        def of_active(*chosen: Value) -> tuple[list[Value], list[Value]]:
            outs = step(*merge(chosen, active_ins, values))
            return select(outs, active_outs), outs

        _, pushed, outs = jax.linearize(of_active, *select(values, active_ins), has_aux=True)
        return outs, pushed(*tangents)

    avals = list(map(aval_of, ins))
    traced = trace(push_forward, avals, select(avals, active_ins))
    eqns = fold_constants(traced.eqns, traced.outs)

    # 2. Name its inputs and results. The sizes of the parts are those of the program; results come as a flat list, the
    # values first and then the tangents of the active ones. Constants of the trace join the program's.
    primals, tangents_in = traced.ins[: len(ins)], traced.ins[len(ins) :]
    outs, tangents_out = traced.outs[: len(active_outs)], traced.outs[len(active_outs) :]
    first, last = len(program.consts), len(program.consts) + len(program.carry)
    consts, carry, xs = (*primals[:first], *traced.consts), primals[first:last], primals[last:]
    carry_out, ys = outs[: len(carry)], outs[len(carry) :]

    # 3. Split the equations into those of the primal values and those that depend on a tangent.
    tangent_dependent = dependents(eqns, tangents_in)
    primal_eqns = [eqn for eqn in eqns if tangent_dependent.isdisjoint(eqn.outvars)]
    tangent_eqns = dce([eqn for eqn in eqns if not tangent_dependent.isdisjoint(eqn.outvars)], tangents_out)

    # 4. Choose residuals for the coefficients: what the tangents read that is neither a tangent nor, as constants and
    # inputs are, at hand in the backward pass anyway.
    at_hand = tangent_dependent.union(consts, xs)
    coefficients = dict.fromkeys(v for eqn in tangent_eqns for v in eqn.invars if is_var(v) and v not in at_hand)
    residuals, carried_back = _choose_residuals(primal_eqns, carry, carry_out, coefficients, program.delays)

    # 5. Build the forward program, which computes what the program does and the residuals.
    forward = Program(
        dce(primal_eqns, [*outs, *residuals]),
        consts,
        carry,
        xs,
        tuple(carry_out),
        (*ys, *residuals),
        delays=program.delays,
    )
    return Linearised(
        active,
        forward,
        traced.values,
        tuple(residuals),
        carried_back,
        tuple(v for k in carried_back if is_var(v := carry_out[k])),
        tuple(primal_eqns),
        tangent_eqns,
        tuple(tangents_in),
        tuple(tangents_out),
    )


def _choose_residuals(
    eqns: Sequence[Eqn], carry: Sequence[Var], carry_out: Sequence[Atom], needed: Iterable[Var], delays: Sequence[int]
) -> tuple[list[Var], tuple[int, ...]]:
    """The residuals of each step, and which carried values are therefore known after it too.

    The backward pass goes from later steps to earlier ones. A carried value that is a residual of each step is known,
    after a step, from the step that followed. So it is free there for a further cut, which may then need fewer bytes.
    """
    # Candidates: carried values that a step computes. Not those that share their variable with another,
    # for it could not be told which is meant, and not delays, which are read later than in the next step.
    computed = {v for eqn in eqns for v in eqn.outvars}
    candidates = [
        k
        for k, v in enumerate(carry_out)
        if is_var(v) and v in computed and sum(v is other for other in carry_out) == 1 and not delays[k]
    ]
    needed = list(needed)

    def carrying_back(positions: Sequence[int]) -> tuple[list[Var], tuple[int, ...]]:
        """The residuals where these carried values are kept, so that they are free before and after the step."""
        free_after = {v: k for k in positions if is_var(v := carry_out[k])}
        free_before = [carry[k] for k in positions]
        cut = min_cut_residuals(eqns, [v for v in carry if v not in free_before], needed, (*free_after, *free_before))
        # Only those that are read are kept after all: before the step as they are, after it by being carried back.
        recomputed = dce(eqns, needed, [*cut, *free_after])
        read = {v for v in (*needed, *(v for eqn in recomputed for v in eqn.invars)) if is_var(v)}
        carried_back = tuple(k for v, k in free_after.items() if v in read)
        return [*cut, *(carry[k] for k in positions if k in carried_back or carry[k] in read)], carried_back

    # Neither of the three is always the smallest: to carry nothing back, only what the first cut keeps anyway, or all.
    nothing = min_cut_residuals(eqns, carry, needed), ()
    kept_anyway = carrying_back([k for k in candidates if carry[k] in nothing[0]])
    everything = carrying_back(candidates)
    return min(nothing, kept_anyway, everything, key=lambda way: sum(map(byte_count, way[0])))
