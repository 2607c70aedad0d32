"""Evaluation of a program over time, stage after stage.

A stage is a `jax.lax.scan` where its steps depend on each other, else one `jax.vmap` over all steps. Values of all
steps are stacked along a first axis, time.

**Invariant:** when a stage runs, all that it reads is known: constants, inputs, and results of earlier stages.

**Limits:** the results of a stage that later ones read are in memory for all steps at once; chunks bound that.
"""

from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
from jaxtyping import Array

from dynplug.timeloop.activity_analysis import is_floating
from dynplug.timeloop.contraction import contract
from dynplug.timeloop.delays import resolve_delays, rows_read, shift
from dynplug.timeloop.fission import Stage
from dynplug.timeloop.jaxpr_types import Atom, Literal, Value, Values, Var
from dynplug.timeloop.plan import Plan
from dynplug.timeloop.program import Program, as_function, dce, is_var, struct
from dynplug.timeloop.recurrence import Part, Recurrence
from dynplug.timeloop.recurrence_primitive import recurrence_call, scan_recurrence
from dynplug.timeloop.stage_parts import as_part, parts_of
from dynplug.timeloop.target_device import Backend

_SLICES = {"split", "slice", "dynamic_slice", "gather"}
_TRANSCENDENTAL = {
    *("exp", "exp2", "expm1", "log", "log1p", "tanh", "logistic", "sin", "cos", "pow", "erf", "sqrt", "rsqrt")
}
_MIN_MATERIALISED = 1024  # elements; chosen: computing with fewer takes no longer than the conditional does

Results = tuple[list[Value], list[Value], list[Value]]  # the carry after the last step, all outputs, the sums


def execute(
    program: Program, consts: Values, carry: Values, xs: Values, length: int, *, reverse: bool, plan: Plan
) -> Results:
    """Run a program for `length` steps, in the stages of a plan."""
    # 1. Delays of at least this length are read from their rows, as inputs, and written to them, from outputs.
    program, resolved = resolve_delays(program, length)
    if resolved:
        rows = [carry[k] for k in resolved]
        others = [v for k, v in enumerate(carry) if k not in resolved]
        inputs = [*xs, *(rows_read(r, length, reverse) for r in rows)]
        rest, outs, sums = execute(program, consts, others, inputs, length, reverse=reverse, plan=plan)
        written = outs[len(outs) - len(resolved) :]
        new = iter(rest)
        after = {k: shift(r, w, reverse)[0] for k, r, w in zip(resolved, rows, written, strict=True)}
        carry_out = [after[k] if k in after else next(new) for k in range(len(carry))]
        return carry_out, outs[: len(outs) - len(resolved)], sums

    # 2. Run the stages in order.
    stages, epilogue = plan.stages(program)
    run = _Run(program, consts, carry, xs, length, reverse, plan.backend)
    for stage in stages:
        (run.scan if stage.scan else run.vmap)(stage)

    # 3. Evaluate the epilogue once, on sums over time, along with what it reads that is the same at all steps. A sum of
    # a literal is a product.
    summed = [v for v in program.sums if is_var(v)]
    defined = {*run.sums, *(v for eqn in epilogue for v in eqn.outvars)}
    read = [v for eqn in epilogue for v in eqn.invars if is_var(v) and v not in defined]
    finish = as_function((*dce(program.eqns, read, run.consts), *epilogue), (*run.consts, *run.sums), summed)
    found = iter(finish(*run.consts.values(), *run.sums.values()))
    sums = [
        jnp.asarray(v.val, struct(v).dtype) * length if isinstance(v, Literal) else next(found) for v in program.sums
    ]
    return [run.carry_out[k] for k in range(len(program.carry))], [run.output(v) for v in program.ys], sums


class _Run:
    """The values that the stages of a program have computed so far.

    **Arguments:**

    - `consts`: the constants.
    - `stacked`: values at all steps: the inputs, and the outputs of stages.
    - `carry_out`: carried values after the last step, by position.
    - `sums`: sums over time.
    """

    def __init__(
        self, program: Program, consts: Values, carry: Values, xs: Values, length: int, reverse: bool, backend: Backend
    ):
        self.program, self.carry, self.length, self.reverse, self.backend = program, carry, length, reverse, backend
        self.consts: dict[Var, Value] = dict(zip(program.consts, consts, strict=True))
        self.stacked: dict[Var, Value] = dict(zip(program.xs, xs, strict=True))
        self.carry_out: dict[int, Value] = {}
        self.sums: dict[Var, Value] = {}

    def scan(self, stage: Stage) -> None:
        """Run a stage whose steps depend on each other: as kernels where there are any, else as a scan."""
        parts = parts_of(stage, self.program, self.backend.kernels)
        for part in [as_part(stage, self.program)] if isinstance(parts, str) else parts:
            self._part(stage, part)

    def _part(self, stage: Stage, part: Part) -> None:
        rec, how = part.recurrence, (self.backend.unroll, self.length, self.reverse)
        consts, xs = [self.consts[v] for v in rec.consts], [self.stacked[v] for v in rec.ins]
        carried = [stage.carry[k] for k in part.carry]
        carry = [self.carry[k] for k in carried]
        if self.backend.kernels and rec.units:
            after, outs, sums = recurrence_call(rec, self.backend.kernels, *how, consts, carry, xs)
        else:
            after, outs, sums = scan_recurrence(rec, *how, consts, carry, xs, self._reading(rec))
        self.carry_out.update(zip(carried[: rec.owned], after, strict=True))
        self.stacked.update(zip((stage.outs[k] for k in part.outs), outs, strict=True))
        self.sums.update(zip((stage.sums[k] for k in part.sums), sums, strict=True))

    def _reading(self, rec: Recurrence) -> Callable[[Value, Array, int], Value] | None:
        """The function that reads a step's inputs, if some must be in memory before it begins: `_materialised`."""
        names = {eqn.primitive.name for eqn in rec.eqns}
        if not self.backend.is_cpu or names.isdisjoint(_SLICES) or names.isdisjoint(_TRANSCENDENTAL):
            return None
        first = [is_floating(struct(v)) and struct(v).size >= _MIN_MATERIALISED for v in rec.ins]
        return (lambda x, n, k: _materialised(x, n) if first[k] else x) if any(first) else None

    def vmap(self, stage: Stage) -> None:
        """Run a stage whose steps are independent; carried values are shifts in time."""
        shifted: dict[Var, Value] = {}

        def compute(outs: Sequence[Atom]) -> list[Value]:
            eqns = dce(stage.eqns, outs, shifted)
            ins = {v: self.stacked[v] for v in stage.ins} | shifted
            body = as_function(eqns, (*self.consts, *ins), outs)
            axes = (None,) * len(self.consts) + (0,) * len(ins)
            return jax.vmap(body, in_axes=axes, axis_size=self.length)(*self.consts.values(), *ins.values())

        # Carried values, in an order in which each depends on none that is still to come: the values that all steps
        # write give, shifted by a step or by a delay, the values that all steps read.
        program, waiting = self.program, list(stage.carry)
        while waiting:
            pending = {program.carry[k] for k in waiting}
            ready = [k for k in waiting if not _depends(stage, program.carry_out[k], pending)]
            assert ready, "a cycle through carries alone must be a scan"
            for k, value in zip(ready, compute([program.carry_out[k] for k in ready]), strict=True):
                move = shift if program.delays[k] else _shift_by_one
                self.carry_out[k], shifted[program.carry[k]] = move(self.carry[k], value, self.reverse)
            waiting = [k for k in waiting if k not in ready]

        # Outputs, then sums of all steps' values, then sums that are one operation on the stacked operands.
        self.stacked.update(zip(stage.outs, compute(stage.outs), strict=True))
        if stage.sums:
            for v, value in zip(stage.sums, compute(stage.sums), strict=True):
                self.sums[v] = value.sum(0)
        rows = iter(compute([part.eqn.invars[n] for part in stage.contractions for n in part.stacked]))
        for part in stage.contractions:
            operands = [next(rows) if n in part.stacked else self.invariant(v) for n, v in enumerate(part.eqn.invars)]
            self.sums[part.eqn.outvars[0]] = contract(part.eqn, operands, part.linear, part.stacked)

    def output(self, v: Atom) -> Value:
        """An output at all steps. One that no stage computes is the same at each of them."""
        if is_var(v) and v in self.stacked:
            return self.stacked[v]
        value = self.invariant(v)
        return jnp.broadcast_to(value, (self.length, *value.shape))

    def invariant(self, v: Atom) -> Value:
        """The value of a loop invariant."""
        eqns = dce(self.program.eqns, [v], self.consts)
        return as_function(eqns, tuple(self.consts), [v])(*self.consts.values())[0]


def _materialised(x: Value, n: Array) -> Value:
    """`x` itself, in memory of its own.

    XLA fuses the reading of a step's row into each use of it. On a CPU a slice of such a row is not vectorised, nor is
    what is computed from it: the gates of an LSTM take twice as long. A conditional whose outcome XLA does not know
    ends the fusion.
    """
    return jax.lax.cond(n >= 0, lambda v: v, jax.lax.neg, x)


def _depends(stage: Stage, out: Atom, on: set[Var]) -> bool:
    """Whether a value is one of these, or computed from them within a stage."""
    if not is_var(out):
        return False
    read = {v for eqn in dce(stage.eqns, [out]) for v in eqn.invars if is_var(v)} | {out}
    return not on.isdisjoint(read)


def _shift_by_one(first: Value, values: Value, reverse: bool) -> tuple[Value, Value]:
    """The carried value after the last step, and those that the steps read, from those that they write."""
    first = first[None]
    if reverse:
        return values[0], jnp.concatenate([values[1:], first])
    return values[-1], jnp.concatenate([first, values[:-1]])
