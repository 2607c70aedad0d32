"""Elementwise recurrences: the parts of a scan in which every unit goes through time by itself.

Such a part can be one kernel on a GPU: a thread computes all steps of its units, and keeps what they carry in
registers. A scan, on the other hand, writes all that is carried to memory in every step, and reads it again.

**Invariant:** the recurrences of a stage and the rest, which concerns no units, together compute what it computes.

**Limits:** operations that mix units, as a matrix product or a sum over units does, keep a whole stage in a scan.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from jax import lax

from dynplug.timeloop.jaxpr_types import Atom, Eqn, Var
from dynplug.timeloop.kernel_ops import DTYPES, operation, operation_count
from dynplug.timeloop.program import Traced, aval_of, dce, fresh_var, inlined, is_var, struct, substitute
from dynplug.timeloop.unit_axes import LAYOUT, Mixed, UnitAxes, unit_axes

_RULES = {"custom_jvp_call", "custom_vjp_call", "custom_vjp_call_jaxpr"}
# Dtypes that a compiler cannot compute with.
_LACKING = {"triton": {"float16", "bfloat16"}, "mosaic": {"int8", "uint8"}}

# Operations of a step that stand for some that Mosaic lacks; chosen: 260 take it 4 s, and the time grows as the square.
MOST_ADDED = 600


@dataclass(frozen=True, eq=False)
class Recurrence:
    """Equations of one step, with their inputs and results.

    **Arguments:**

    - `eqns`: the equations, in topological order.
    - `consts`, `carry`, `ins`: the loop invariants, carried values and inputs of a step that they read.
    - `carry_out`, `outs`, `sums`: the carried values after the step, its outputs, and what is summed over all steps.
    - `owned`: the number of carried values that it gives. Those after them concern no units; another part gives them.
    - `written_out`: the equations without functions that have derivative rules of their own.
    - `units`: the sizes of the unit axes.
    - `places`: for each variable the unit axis, by position in `units`, along each of its axes; `None` for size 1.
    """

    eqns: tuple[Eqn, ...]
    consts: tuple[Var, ...]
    carry: tuple[Var, ...]
    ins: tuple[Var, ...]
    carry_out: tuple[Atom, ...]
    outs: tuple[Atom, ...]
    sums: tuple[Atom, ...]
    owned: int
    written_out: tuple[Eqn, ...] = ()
    units: tuple[int, ...] = ()
    places: dict[Var, tuple[int | None, ...]] = field(default_factory=dict[Var, tuple[int | None, ...]])

    @property
    def unit_count(self) -> int:
        """The number of units."""
        return int(np.prod(self.units, dtype=np.int64))


@dataclass(frozen=True, eq=False)
class Part:
    """A part of a stage, with the positions in the stage of its carried values and outputs.

    **Arguments:**

    - `recurrence`: the part.
    - `carry`: the positions of all carried values that it reads.
    - `outs`, `sums`: the positions of its outputs and sums.
    """

    recurrence: Recurrence
    carry: tuple[int, ...]
    outs: tuple[int, ...]
    sums: tuple[int, ...]


def is_computable(eqn: Eqn, compiler: str) -> bool:
    """Whether a kernel can compute an equation, if it does not mix units."""
    if not DTYPES.difference(_LACKING.get(compiler, ())).issuperset(_dtypes(eqn)):
        return False
    if eqn.primitive.name in _RULES:
        return all(is_computable(inner, compiler) for inner in _callee(eqn).eqns)
    return eqn.primitive.name in LAYOUT or operation(eqn) is not None


def split(stage: Recurrence, compiler: str) -> list[Part] | str:
    """A stage as elementwise recurrences, and last what concerns no units, or the reason why it is none."""
    if (eqn := next((e for e in stage.eqns if not is_computable(e, compiler)), None)) is not None:
        return f"a kernel cannot compute {eqn.primitive.name} of {', '.join(sorted(_dtypes(eqn)))}"
    try:
        whole = replace(stage, written_out=tuple(_written_out(stage.eqns)))
        added = sum(operation_count(eqn) - 1 for eqn in whole.written_out)
        if compiler == "mosaic" and added > MOST_ADDED:
            return f"what Mosaic lacks takes {added} operations more a step, which it compiles for too long"
        carried = zip(whole.carry, whole.carry_out, strict=True)
        axes = unit_axes(whole.written_out, (*whole.consts, *whole.carry, *whole.ins), carried)
        parts = [_part(whole, axes, group) for group in axes.groups]
    except Mixed as error:
        return f"{error} mixes units"
    found = [part for part in parts if part is not None]
    if not any(part.recurrence.owned for part in found):
        return "what is carried concerns no units"
    rest = _slice(whole, *(_of_group(axes, None, part) for part in (whole.carry, whole.outs, whole.sums)))
    return [*found, rest] if rest.recurrence.owned or rest.outs or rest.sums else found


def _dtypes(eqn: Eqn) -> set[str]:
    return {str(aval_of(v).dtype) for v in (*eqn.invars, *eqn.outvars)}


def _of_group(axes: UnitAxes, group: frozenset[int] | None, values: Sequence[Atom]) -> list[int]:
    return [k for k, v in enumerate(values) if axes.group_of(v) == group]


def _part(whole: Recurrence, axes: UnitAxes, group: frozenset[int]) -> Part | None:
    """The part of a recurrence that concerns the units of one group; `None` if nothing does."""
    part = _slice(whole, *(_of_group(axes, group, values) for values in (whole.carry, whole.outs, whole.sums)))
    if not (part.recurrence.owned or part.outs or part.sums):
        return None
    rec = part.recurrence
    every = dict.fromkeys((*rec.carry, *rec.ins, *rec.consts, *(v for eqn in rec.written_out for v in eqn.outvars)))
    order = next((axes.of[v] for v in every if group <= {*axes.of[v]}), None)
    if order is None:
        raise Mixed("no value has all axes of its units, so that the step")
    size = {a: struct(v).shape[d] for v in every for d, a in enumerate(axes.of[v]) if a is not None}
    units = [a for a in order if a is not None]
    places = {v: tuple(None if a is None else units.index(a) for a in axes.of[v]) for v in every}
    return replace(part, recurrence=replace(rec, units=tuple(size[a] for a in units), places=places))


def _slice(whole: Recurrence, carry: Sequence[int], outs: Sequence[int], sums: Sequence[int]) -> Part:
    """The part of a recurrence on which these carried values, outputs and sums depend."""
    position, positions = {v: k for k, v in enumerate(whole.carry)}, list(carry)
    while True:
        carry_out = tuple(whole.carry_out[k] for k in positions)
        wanted = tuple(whole.outs[k] for k in outs), tuple(whole.sums[k] for k in sums)
        targets = (*carry_out, *wanted[0], *wanted[1])
        eqns = dce(whole.eqns, targets)
        read = {v for v in (*(a for eqn in eqns for a in eqn.invars), *targets) if is_var(v)}
        if not (more := [k for v, k in position.items() if v in read and k not in positions]):
            break
        positions += more
    consts, ins = (tuple(v for v in part if v in read) for part in (whole.consts, whole.ins))
    carried = tuple(whole.carry[k] for k in positions)
    written_out = dce(whole.written_out, targets)
    rec = Recurrence(eqns, consts, carried, ins, carry_out, *wanted, len(carry), written_out)
    return Part(rec, tuple(positions), tuple(outs), tuple(sums))


def _callee(eqn: Eqn) -> Traced:
    """The function that an equation with a derivative rule calls."""
    called = next(eqn.params[name] for name in ("call_jaxpr", "fun_jaxpr", "jaxpr") if name in eqn.params)
    return inlined(getattr(called, "jaxpr", called), getattr(called, "consts", ()))


def _written_out(eqns: Iterable[Eqn]) -> Iterator[Eqn]:
    """The equations with each function that has a derivative rule written out: a kernel is not differentiated."""
    for eqn in eqns:
        if eqn.primitive.name not in _RULES:
            yield eqn
            continue
        callee = _callee(eqn)
        if callee.consts:
            raise Mixed(f"an array within {eqn.primitive.name}, which")
        names: dict[Var, Atom] = dict(zip(callee.ins, eqn.invars, strict=True))
        for inner in callee.eqns:  # results are new variables, as a function may be called twice
            made = {v: fresh_var(v) for v in inner.outvars}
            names |= made
            (read,) = substitute([inner], names)
            yield from _written_out([read.replace(outvars=[made[v] for v in inner.outvars])])
        for out, v in zip(eqn.outvars, callee.outs, strict=True):
            result = names.get(v, v) if is_var(v) else v
            yield eqn.replace(primitive=lax.copy_p, params={}, invars=[result], outvars=[out])
