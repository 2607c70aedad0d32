"""Transposition: the backward pass of a program, as a program that runs in reversed time.

JAX transposes the linear equations of the tangents, from cotangents of a step's results to cotangents of what it read.
The result is a `Program` like any other, so that the backward pass is split into stages, chunked and executed as the
forward pass is: cotangents of the carry are its carry, and gradients of constants its sums over time.

**Invariant:** the program is the transpose of the linearised step, restricted to the cotangents that are not zero and
were asked for. It reads of the forward pass only constants, inputs, residuals, and the carried values that are carried
back.

**Limits:** each pattern of symbolic zeros among the cotangents needs a program of its own.

**Reference:** A. Radul, A. Paszke, R. Frostig, M. J. Johnson, D. Maclaurin: You Only Linearize Once: Tangents Transpose
to Gradients (2022), arXiv:2204.10923.
"""

from dataclasses import dataclass, field

import jax

from dynplug.timeloop.activity_analysis import Mask
from dynplug.timeloop.constant_folding import fold_constants
from dynplug.timeloop.jaxpr_types import Atom, Eqn, Value, Var
from dynplug.timeloop.linearise import Linearised
from dynplug.timeloop.program import (
    Program,
    as_function,
    aval_of,
    dce,
    dependents,
    fresh_var,
    is_var,
    substitute,
    trace,
    zero,
)


@dataclass(frozen=True, eq=False)
class Transposed:
    """The transpose of a linearised program.

    The constants of its program are those of the forward program, `values`, and the cotangents of `unchanged`. It
    carries the cotangents of `carry`, then the values that are carried back. Its inputs are those of the forward
    program, the residuals, and the cotangents of `ys`. Its outputs are the cotangents of `xs`, its sums those of
    `consts`. Whatever is not listed has a cotangent of zero, or is not differentiated.

    **Arguments:**

    - `program`: the program.
    - `values`: the values of further constants.
    - `unchanged`: the positions of carried values whose cotangent no step changes.
    - `carry`: the positions of carried values whose cotangent is carried.
    - `ys`: the positions of outputs whose cotangent is an input.
    - `xs`: the positions of inputs whose cotangent is an output.
    - `consts`: the positions of constants whose cotangent is a sum.
    """

    program: Program
    values: tuple[Value, ...]
    unchanged: tuple[int, ...]
    carry: tuple[int, ...]
    ys: tuple[int, ...]
    xs: tuple[int, ...]
    consts: tuple[int, ...]


def transpose(linear: Linearised, carry: Mask, ys: Mask) -> Transposed:
    """The backward pass where these carried values after the last step, and these outputs, have a cotangent."""
    active, forward = linear.active, linear.forward
    delays = forward.delays

    # 1. Find which results of a step have a cotangent at any step. Results are named ("carry", k) and ("y", k); those
    # whose tangent is zero take part in nothing.
    in_carry, in_xs, in_consts = map(_positions, (active.carry, active.xs, active.consts))
    tangent_dependent = dependents(linear.tangent_eqns, linear.tangents_in)
    names = [*(("carry", k) for k in in_carry), *(("y", k) for k in _positions(active.ys))]
    results = {
        name: v for name, v in zip(names, linear.tangents_out, strict=True) if is_var(v) and v in tangent_dependent
    }
    live = _live_carry(linear, results, {k for k in in_carry if carry[k]}, ys)
    seeds = {(kind, k): v for (kind, k), v in results.items() if (k in live if kind == "carry" else ys[k])}

    # 2. Transpose the equations from these results. Gradients come in the order of `tangents_in`.
    pulled = _pull_back(linear, seeds)
    gradients = iter(pulled.gradients)
    of_consts, of_carry, of_xs = ({k: next(gradients) for k in part} for part in (in_consts, in_carry, in_xs))
    cotangents = pulled.cotangents
    of_ys = {k: v for (kind, k), v in cotangents.items() if kind == "y"}

    # 3. Sort the cotangents of the carry. One that comes back as it went in is the same at all steps: a constant. (A
    # delay's comes back later.) The others are carried; zero where a step does not read the carried value.
    unchanged = tuple(k for k in sorted(live) if not delays[k] and of_carry[k] is cotangents.get(("carry", k), False))
    carried = tuple(k for k in sorted(live) if k not in unchanged)
    before = tuple(cotangents.get(("carry", k)) or fresh_var(forward.carry[k]) for k in carried)
    after = tuple(zero(forward.carry[k]) if (v := of_carry[k]) is None else v for k in carried)

    # 4. Build the program, from the equations that recompute values and those that were transposed. It runs backwards,
    # so what it knows before a step are the carried values after the forward step, and it hands on those before it.
    outputs = {k: v for k, v in of_xs.items() if v is not None}
    sums = {k: v for k, v in of_consts.items() if v is not None}
    carried_back = tuple(forward.carry[k] for k in linear.carried_back)
    outs = [*after, *outputs.values(), *sums.values(), *carried_back]
    program = Program(
        dce((*linear.recomputed, *pulled.eqns), outs, [*linear.residuals, *linear.next_carry]),
        (*forward.consts, *pulled.consts, *(cotangents["carry", k] for k in unchanged)),
        (*before, *linear.next_carry),
        (*forward.xs, *linear.residuals, *of_ys.values()),
        (*after, *carried_back),
        tuple(outputs.values()),
        tuple(sums.values()),
        (*(delays[k] for k in carried), *(0 for _ in carried_back)),
        frozenset(dependents(pulled.eqns, cotangents.values())),
    )
    return Transposed(program, pulled.values, unchanged, carried, tuple(of_ys), tuple(outputs), tuple(sums))


def _live_carry(linear: Linearised, results: dict[tuple[str, int], Var], live: set[int], ys: Mask) -> set[int]:
    """The carried values that cotangents reach from these outputs and from this carry at the end (a fixed point)."""
    active = linear.active
    tangents = dict(zip(_positions(active.carry), linear.tangents_in[sum(active.consts) :], strict=False))
    while True:
        seeds = [v for (kind, k), v in results.items() if (k in live if kind == "carry" else ys[k])]
        read = {v for eqn in dce(linear.tangent_eqns, seeds) for v in eqn.invars if is_var(v)}.union(seeds)
        grown = live.union(k for k, v in tangents.items() if v in read)
        if grown == live:
            return live
        live = grown


@dataclass(frozen=True, eq=False)
class _PulledBack:
    """The transposed equations of some tangents, from the cotangents of results to those of `tangents_in`.

    **Arguments:**

    - `eqns`: the equations, which read the same primal values as those of the tangents.
    - `consts`, `values`: constants in them, and their values.
    - `cotangents`: the cotangents of results, by name.
    - `gradients`: the cotangents of `tangents_in`; `None` stands for zero.
    """

    eqns: tuple[Eqn, ...] = ()
    consts: tuple[Var, ...] = ()
    values: tuple[Value, ...] = ()
    cotangents: dict[tuple[str, int], Var] = field(default_factory=dict[tuple[str, int], Var])
    gradients: tuple[Atom | None, ...] = ()


def _pull_back(linear: Linearised, results: dict[tuple[str, int], Var]) -> _PulledBack:
    if not results:
        return _PulledBack(gradients=(None,) * len(linear.tangents_in))

    # The equations as a function that is linear in the tangents, with the primal values that they read as coefficients.
    eqns = dce(linear.tangent_eqns, results.values())
    tangent_dependent = dependents(eqns, linear.tangents_in)
    coefficients = tuple(
        dict.fromkeys(v for eqn in eqns for v in eqn.invars if is_var(v) and v not in tangent_dependent)
    )
    push = as_function(eqns, (*coefficients, *linear.tangents_in), tuple(results.values()))

    def pull(values: list[Value], cotangents: list[Value]) -> tuple[Value, ...]:
        return jax.linear_transpose(lambda *t: push(*values, *t), *map(aval_of, linear.tangents_in))(cotangents)

    # Traced with new variables for the coefficients, the transpose is made to read the variables of the forward pass.
    # What does not depend on a cotangent is a zero that JAX has filled in.
    traced = trace(pull, list(map(aval_of, coefficients)), list(map(aval_of, results.values())))
    cotangents = traced.ins[len(coefficients) :]
    found = substitute(fold_constants(traced.eqns, traced.outs), dict(zip(traced.ins, coefficients, strict=False)))
    nonzero = dependents(found, cotangents)
    gradients = tuple(v if is_var(v) and v in nonzero else None for v in traced.outs)
    return _PulledBack(found, traced.consts, traced.values, dict(zip(results, cotangents, strict=True)), gradients)


def _positions(mask: Mask) -> tuple[int, ...]:
    return tuple(k for k, m in enumerate(mask) if m)
