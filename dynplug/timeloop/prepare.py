"""What can be taken out of a loop before it is split: constants, counters and what is the same in every step."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from dynplug.timeloop.fold import fold
from dynplug.timeloop.lags import from_ring, is_delay, row_axis, to_ring
from dynplug.timeloop.primitives import is_heavy, is_layout
from dynplug.timeloop.program import Atom, Eqn, Program, Traced, Var, byte_count, function, is_var, needed, struct
from dynplug.timeloop.rows import rows_first


@dataclass(frozen=True, eq=False)
class Prepared:
    """A program, and how the loop's values become the program's and come back.

    **Arguments:**

    - `program`: the program.
    - `prelude`: the function that computes the program's constants.
    - `hoisted`: the number of equations in it.
    - `passed`: the carried values that are only handed on, by position.
    - `counters`: the carried integers that grow by a fixed step, by position.
    - `delays`: the carried buffers of delays, by position, with the axis of their rows and the counter they follow.
    - `carried`: the positions of what the program carries: all but what is passed on and the counters.
    """

    program: Program
    prelude: Any
    hoisted: int
    passed: tuple[int, ...]
    counters: dict[int, int]
    delays: dict[int, tuple[int, int]]
    carried: tuple[int, ...]

    def inputs(
        self, carry: Sequence[Any], xs: Sequence[Any], length: int, reverse: bool
    ) -> tuple[list[Any], list[Any], list[Any]]:
        """The constants, the carry and the inputs of the program."""
        counted = [_count(carry[k], by, length, reverse) for k, by in self.counters.items()]
        consts = self.prelude([carry[k] for k in self.passed])
        before = list(carry)
        for k, (axis, counter) in self.delays.items():
            before[k] = from_ring(carry[k], axis, carry[counter])
        return consts, [before[k] for k in self.carried], [*xs, *counted]

    def outputs(self, carry: Sequence[Any], new: Sequence[Any], length: int) -> list[Any]:
        """The loop's carry after the last step."""
        after = list(carry)  # what is only passed on stays as it is
        for k, by in self.counters.items():
            after[k] = carry[k] + _wrapped(length * by, carry[k].dtype)
        for k, value in zip(self.carried, new, strict=True):
            after[k] = value
        for k, (axis, counter) in self.delays.items():
            after[k] = to_ring(after[k], axis, after[counter])
        return after


def prepare(traced: Traced, carry_count: int) -> Prepared | None:
    """A traced step, whose first inputs and outputs are its carry, as a program.

    `None` where a delay in it cannot be treated as one: it must be written out like any other call.
    """
    carry, xs = traced.ins[:carry_count], traced.ins[carry_count:]
    new, ys = traced.outs[:carry_count], traced.outs[carry_count:]
    passed = tuple(k for k in range(carry_count) if new[k] is carry[k])
    counters = {k: by for k in range(carry_count) if (by := _increment(traced, carry[k], new[k])) is not None}
    carried = tuple(k for k in range(carry_count) if k not in passed and k not in counters)
    steps = _delays(traced, carry, new, counters)
    if len(steps) < sum(map(is_delay, traced.eqns)):
        return None
    delays = {k: (axis, counter) for k, (_, axis, counter) in steps.items()}
    before_delay = {k: eqn.outvars[1] if (eqn := steps.get(k, (None,))[0]) else v for k, v in enumerate(carry)}
    after_delay = {k: eqn.invars[1] if (eqn := steps.get(k, (None,))[0]) else v for k, v in enumerate(new)}
    fixed = (*traced.consts, *(carry[k] for k in passed))
    outs = (*(after_delay[k] for k in carried), *ys)

    eqns = fold([eqn for eqn in traced.eqns if not is_delay(eqn)], outs)
    eqns = rows_first(eqns, _invariant(eqns, fixed)[0])
    same, worth = _invariant(eqns, fixed)
    before = needed([e for e in eqns if all(v in same for v in e.outvars)], worth)
    computed = {v for eqn in before for v in eqn.outvars}
    inside = needed(eqns, outs, computed)
    read = dict.fromkeys(v for v in (*(a for e in inside for a in e.invars), *outs) if is_var(v))
    consts = tuple(v for v in read if v in computed or v in set(fixed))
    body = function(before, fixed, consts)

    def prelude(passed_on: list[Any]) -> list[Any]:
        return body(*traced.values, *passed_on)

    program = Program(
        inside,
        consts,
        tuple(before_delay[k] for k in carried),
        (*xs, *(carry[k] for k in counters)),
        tuple(after_delay[k] for k in carried),
        tuple(ys),
        lags=tuple(struct(carry[k]).shape[delays[k][0]] - 1 if k in delays else 0 for k in carried),
    )
    return Prepared(program, prelude, len(before), passed, counters, delays, carried)


def _delays(
    traced: Traced, carry: Sequence[Any], new: Sequence[Atom], counters: dict[int, int]
) -> dict[int, tuple[Eqn, int, int]]:
    """The delays whose buffer nothing else touches and whose index is a counter: step, axis of the rows, counter."""
    read = [v for eqn in traced.eqns for v in eqn.invars if is_var(v)] + [v for v in traced.outs if is_var(v)]
    found: dict[int, tuple[Eqn, int, int]] = {}
    for eqn in filter(is_delay, traced.eqns):
        buffer, x, index = eqn.invars
        position = next((k for k, v in enumerate(carry) if v is buffer), None)
        counter = next((k for k, by in counters.items() if by == 1 and carry[k] is index), None)
        axis = row_axis(eqn)
        if position is None or counter is None or axis is None or not is_var(x):
            continue
        if new[position] is eqn.outvars[0] and read.count(buffer) == 1 and read.count(eqn.outvars[0]) == 1:
            found[position] = eqn, axis, counter
    return found


def _increment(traced: Traced, before: Var, after: Atom) -> int | None:
    """What is added to a carried integer in each step, if that is all that happens to it."""
    aval: Any = before.aval
    if not is_var(after) or not jnp.issubdtype(aval.dtype, jnp.integer) or aval.dtype.kind not in "iu":
        return None
    eqn = next((e for e in traced.eqns if after in e.outvars), None)
    if eqn is None or eqn.primitive.name != "add" or not any(v is before for v in eqn.invars):
        return None
    (other,) = [v for v in eqn.invars if v is not before] or [before]
    return None if is_var(other) or jnp.ndim(other.val) else int(other.val)


def _count(first: Any, by: int, length: int, reverse: bool) -> Any:
    """A counter at all steps; it wraps around as it does in a loop."""
    steps = jnp.arange(length, dtype=jnp.uint32)
    steps = steps[::-1] if reverse else steps
    steps = jax.lax.convert_element_type(steps, first.dtype) * _wrapped(by, first.dtype)
    return first[None] + steps.reshape(-1, *(1,) * first.ndim)


def _wrapped(number: int, dtype: Any) -> Any:
    """An integer as a type of few bits has it."""
    return jnp.asarray(np.asarray(number % 2 ** (8 * dtype.itemsize), f"u{dtype.itemsize}").astype(dtype))


def _invariant(eqns: Sequence[Eqn], fixed: Sequence[Var]) -> tuple[set[Var], list[Var]]:
    """What is the same in all steps, and what of it is worth computing beforehand: not what only takes more room."""
    room = {v: byte_count(v) for v in fixed}
    worth: list[Var] = []
    for eqn in eqns:
        ins = [v for v in eqn.invars if is_var(v)]
        if not all(v in room for v in ins):
            continue
        source = sum(room[v] for v in ins)
        for v in eqn.outvars:
            grows = byte_count(v) > source
            room[v] = min(byte_count(v), source)
            if is_heavy(eqn) or not (grows or is_layout(eqn)):
                room[v] = byte_count(v)
                worth.append(v)
    return set(room), worth
