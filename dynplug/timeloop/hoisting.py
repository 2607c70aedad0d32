"""Loop-invariant code motion: what is the same in every step is computed once, before the loop.

`hoist` takes out of a traced step all that a loop need not carry or compute:

1. carried values that no step changes become loop invariants, induction variables become inputs
   (`induction_variables.py`), and ring buffers become shifts in time (`delays.py`); one that no step reads, and that
   every step sets to what another carried value becomes, is taken from that one after the last step;
2. constants are folded (`constant_folding.py`), and products are laid out for many steps (`product_layout.py`);
3. equations that depend on loop invariants alone move into the preheader, which runs once.

**Invariant:** `Hoisted.inputs`, the program over all steps and `Hoisted.outputs`, one after the other, give what the
traced step gives over all steps. An equation is either in the preheader or in the program.

**Limits:** an invariant result that takes more memory than its operands, as a broadcast does, stays in the loop.
Nothing is moved out of a loop within the step.

**Reference:** Aho et al. (2006), section 9.1.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from dynplug.timeloop.constant_folding import fold_constants
from dynplug.timeloop.delays import find_delays, from_ring, is_delay, to_ring
from dynplug.timeloop.induction_variables import after_all_steps, at_all_steps, increment
from dynplug.timeloop.jaxpr_types import Atom, Eqn, Value, Values, Var
from dynplug.timeloop.primitives import is_heavy, is_layout, is_recomputable
from dynplug.timeloop.product_layout import steps_as_rows
from dynplug.timeloop.program import Program, Traced, as_function, byte_count, dce, is_var, struct


@dataclass(frozen=True, eq=False)
class Hoisted:
    """A step as a program, and the code around the loop that converts its values to the program's and back.

    Positions are those of the loop's carry.

    **Arguments:**

    - `program`: the program.
    - `preheader`: the function from the carried values in `unchanged` to the program's constants.
    - `preheader_size`: the number of equations in it.
    - `unchanged`: the carried values that no step changes.
    - `increments`: the induction variables, with what each step adds to them.
    - `rings`: the ring buffers of delays, with the axis of their rows and the induction variable that indexes them.
    - `copies`: the carried values that no step reads and that equal another one after each step, with that one.
    - `carried`: the carried values of the program: all but `unchanged`, `increments` and `copies`.
    """

    program: Program
    preheader: Callable[[list[Value]], list[Value]]
    preheader_size: int
    unchanged: tuple[int, ...]
    increments: dict[int, int]
    rings: dict[int, tuple[int, int]]
    copies: dict[int, int]
    carried: tuple[int, ...]

    def inputs(
        self, carry: Values, xs: Values, length: int, reverse: bool
    ) -> tuple[list[Value], list[Value], list[Value]]:
        """The constants, the carry and the inputs of the program, from the loop's carry and inputs."""
        counted = [at_all_steps(carry[k], by, length, reverse) for k, by in self.increments.items()]
        consts = self.preheader([carry[k] for k in self.unchanged])
        before = list(carry)
        for k, (axis, index) in self.rings.items():
            before[k] = from_ring(carry[k], axis, carry[index])
        return consts, [before[k] for k in self.carried], [*xs, *counted]

    def outputs(self, carry: Values, carry_out: Values, length: int) -> list[Value]:
        """The loop's carry after the last step, from its first carry and the program's last."""
        after = list(carry)  # what no step changes stays as it is
        for k, by in self.increments.items():
            after[k] = after_all_steps(carry[k], by, length)
        for k, value in zip(self.carried, carry_out, strict=True):
            after[k] = value
        for k, (axis, index) in self.rings.items():
            after[k] = to_ring(after[k], axis, after[index])
        for k, other in self.copies.items():
            after[k] = after[other]
        return after


def hoist(traced: Traced, carry_count: int) -> Hoisted | None:
    """A traced step, whose first inputs and outputs are its carry, as a program.

    `None` where the call of a delay in it cannot be treated as one: it must be inlined like any other.
    """
    # 1. Classify the carry: unchanged, induction variable, ring buffer, or any other.
    carry, xs = traced.ins[:carry_count], traced.ins[carry_count:]
    carry_out, ys = traced.outs[:carry_count], traced.outs[carry_count:]
    unchanged = tuple(k for k in range(carry_count) if carry_out[k] is carry[k])
    increments = {k: by for k in range(carry_count) if (by := increment(traced, carry[k], carry_out[k])) is not None}
    delays = find_delays(traced, carry, carry_out, increments)
    if len(delays) < sum(map(is_delay, traced.eqns)):
        return None
    changed = [k for k in range(carry_count) if k not in unchanged and k not in increments]
    copies = _copies(traced, carry, {k: carry_out[k] for k in changed if k not in delays})
    carried = tuple(k for k in changed if k not in copies)
    rings = {k: (axis, index) for k, (_, axis, index) in delays.items()}

    # 2. The equation of a delay disappears: what it reads is the carried value before the step, and what it writes the
    # carried value after it, that many steps later.
    read = {k: eqn.outvars[1] if (eqn := delays.get(k, (None,))[0]) else v for k, v in enumerate(carry)}
    written = {k: eqn.invars[1] if (eqn := delays.get(k, (None,))[0]) else v for k, v in enumerate(carry_out)}
    invariant = (*traced.consts, *(carry[k] for k in unchanged))
    outs = (*(written[k] for k in carried), *ys)

    # 3. Simplify. The layout of a product depends on which operand is invariant, and changes what is invariant.
    eqns = fold_constants([eqn for eqn in traced.eqns if not is_delay(eqn)], outs)
    eqns = steps_as_rows(eqns, _invariants(eqns, invariant)[0])
    same, worth_hoisting = _invariants(eqns, invariant)

    # 4. Split the equations into preheader and step. The constants of the step are what it reads of either the
    # preheader's results or the loop's own invariants.
    hoisted = dce([e for e in eqns if all(v in same for v in e.outvars)], worth_hoisting)
    computed = {v for eqn in hoisted for v in eqn.outvars}
    inside = dce(eqns, outs, computed)
    operands = dict.fromkeys(v for v in (*(a for e in inside for a in e.invars), *outs) if is_var(v))
    consts = tuple(v for v in operands if v in computed or v in set(invariant))
    body = as_function(hoisted, invariant, consts)

    def preheader(values: list[Value]) -> list[Value]:
        return body(*traced.values, *values)

    program = Program(
        inside,
        consts,
        tuple(read[k] for k in carried),
        (*xs, *(carry[k] for k in increments)),
        tuple(written[k] for k in carried),
        tuple(ys),
        delays=tuple(struct(carry[k]).shape[rings[k][0]] - 1 if k in rings else 0 for k in carried),
    )
    return Hoisted(program, preheader, len(hoisted), unchanged, increments, rings, copies, carried)


def _copies(traced: Traced, carry: Sequence[Var], carry_out: dict[int, Atom]) -> dict[int, int]:
    """The carried values that the step does not read, with another one that has the same value after each step."""
    read = {v for eqn in traced.eqns for v in eqn.invars if is_var(v)} | {v for v in traced.outs if is_var(v)}
    kept: dict[Var, int] = {}
    for k, v in sorted(carry_out.items(), key=lambda item: carry[item[0]] not in read):  # what is read stays
        if is_var(v):
            kept.setdefault(v, k)
    return {k: kept[v] for k, v in carry_out.items() if is_var(v) and carry[k] not in read and kept[v] != k}


def _invariants(eqns: Sequence[Eqn], seeds: Sequence[Var]) -> tuple[set[Var], list[Var]]:
    """The loop invariants computed from `seeds` and from literals, and those of them that are worth hoisting.

    Not worth it is a result that takes more memory than the invariants it is computed from, or that only rearranges
    them, unless it is too dear to be computed in every step.
    """
    # For each invariant, the bytes from which it can be had in the loop: its own, or fewer where it is not hoisted.
    source_bytes = {v: byte_count(v) for v in seeds}
    worth: list[Var] = []
    for eqn in eqns:
        ins = [v for v in eqn.invars if is_var(v)]
        if not all(v in source_bytes for v in ins):
            continue
        available = sum(source_bytes[v] for v in ins)
        for v in eqn.outvars:
            grows = byte_count(v) > available
            source_bytes[v] = min(byte_count(v), available)
            if is_heavy(eqn) or not (is_recomputable(eqn) and (grows or is_layout(eqn))):
                source_bytes[v] = byte_count(v)
                worth.append(v)
    return set(source_bytes), worth
