"""Running a program over time."""

from collections.abc import Iterable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax.interpreters import ad

from dynplug.timeloop.contract import contract
from dynplug.timeloop.lags import blocked, read, shift
from dynplug.timeloop.perturbed import is_floating
from dynplug.timeloop.program import Atom, Program, Var, function, is_var, needed, struct
from dynplug.timeloop.stages import Stage, split

_SLICES = {"split", "slice", "dynamic_slice", "gather"}
_DEAR = {"exp", "exp2", "expm1", "log", "log1p", "tanh", "logistic", "sin", "cos", "pow", "erf", "sqrt", "rsqrt"}
_LONG = 1024  # elements: computing with fewer takes no longer than the choice

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
    run = _Run(program, consts, carry, xs, length, reverse)
    for stage in stages:
        (run.scan if stage.scan else run.at_once)(stage)
    summed = [v for v in program.sums if is_var(v)]
    made = {*run.total, *(v for eqn in tail for v in eqn.outvars)}
    before = needed(program.eqns, [v for eqn in tail for v in eqn.invars if is_var(v) and v not in made], run.known)
    finish = function((*before, *tail), (*run.known, *run.total), summed)
    found = iter(finish(*run.known.values(), *run.total.values()))
    sums = [next(found) if is_var(v) else jnp.asarray(v.val, v.aval.dtype) * length for v in program.sums]
    return [run.last[k] for k in range(len(program.carry))], [run.output(v) for v in program.ys], sums


class _Run:
    """A program on its way through its stages, and what they have found.

    **Arguments:**

    - `known`: the constants.
    - `stacked`: values at all steps: the inputs, and what stages put out.
    - `last`: what is handed on after the last step, by its position in the carry.
    - `total`: sums over time.
    """

    def __init__(self, program: Program, consts: Values, carry: Values, xs: Values, length: int, reverse: bool):
        self.program, self.carry, self.length, self.reverse = program, carry, length, reverse
        self.known: dict[Var, Any] = dict(zip(program.consts, consts, strict=True))
        self.stacked: dict[Var, Any] = dict(zip(program.xs, xs, strict=True))
        self.last: dict[int, Any] = {}
        self.total: dict[Var, Any] = {}

    def scan(self, stage: Stage) -> None:
        """A stage whose steps run one after the other."""
        own = [self.program.carry[k] for k in stage.carry]
        new = [self.program.new[k] for k in stage.carry]
        body = function(stage.eqns, (*self.known, *own, *stage.ins), (*new, *stage.outs, *stage.sums))
        handed, put_out = len(own), len(own) + len(stage.outs)

        held = self._are_held(stage)

        def step(state: tuple[Any, ...], x: list[Any]) -> tuple[tuple[Any, ...], list[Any]]:
            n, now, so_far = state
            x = [_held(v, n) if h else v for v, h in zip(x, held, strict=True)]
            found = body(*self.known.values(), *now, *x)
            total = [jax.lax.add(a, b) for a, b in zip(so_far, found[put_out:], strict=True)]
            return (n + 1 if any(held) else n, found[:handed], total), found[handed:put_out]

        state = (jnp.int32(0), [self.carry[k] for k in stage.carry], zeros(stage.sums))
        xs = [self.stacked[v] for v in stage.ins]
        (_, after, sums), outs = jax.lax.scan(step, state, xs, self.length, self.reverse)
        self.last.update(zip(stage.carry, after, strict=True))
        self.stacked.update(zip(stage.outs, outs, strict=True))
        self.total.update(zip(stage.sums, sums, strict=True))

    def _are_held(self, stage: Stage) -> list[bool]:
        """Which inputs are to be there as a whole before a step begins; see `_held`."""
        names = {eqn.primitive.name for eqn in stage.eqns}
        if jax.default_backend() != "cpu" or names.isdisjoint(_SLICES) or names.isdisjoint(_DEAR):
            return [False] * len(stage.ins)
        return [is_floating(struct(v)) and struct(v).size >= _LONG for v in stage.ins]

    def at_once(self, stage: Stage) -> None:
        """A stage that does all steps in one call; what it carries is a shift in time."""
        shifted: dict[Var, Any] = {}

        def compute(outs: Sequence[Atom]) -> list[Any]:
            eqns = needed(stage.eqns, outs, shifted)
            ins = {v: self.stacked[v] for v in stage.ins} | shifted
            body = function(eqns, (*self.known, *ins), outs)
            axes = (None,) * len(self.known) + (0,) * len(ins)
            return jax.vmap(body, in_axes=axes, axis_size=self.length)(*self.known.values(), *ins.values())

        program, waiting = self.program, list(stage.carry)
        while waiting:  # what a step hands on may itself have been handed to it
            pending = {program.carry[k] for k in waiting}
            ready = [k for k in waiting if not _depends(stage, program.new[k], pending)]
            assert ready, "a cycle through carries alone must be a scan"
            for k, value in zip(ready, compute([program.new[k] for k in ready]), strict=True):
                move = shift if program.lags[k] else _shift
                self.last[k], shifted[program.carry[k]] = move(self.carry[k], value, self.reverse)
            waiting = [k for k in waiting if k not in ready]
        self.stacked.update(zip(stage.outs, compute(stage.outs), strict=True))
        if stage.sums:
            for v, value in zip(stage.sums, compute(stage.sums), strict=True):
                self.total[v] = value.sum(0)
        rows = iter(compute([part.eqn.invars[n] for part in stage.contracted for n in part.stacked]))
        for part in stage.contracted:
            operands = [next(rows) if n in part.stacked else self.same(v) for n, v in enumerate(part.eqn.invars)]
            self.total[part.eqn.outvars[0]] = contract(part.eqn, operands, part.moving, part.stacked)

    def output(self, v: Atom) -> Any:
        """An output at all steps, also where no stage put it out."""
        if is_var(v) and v in self.stacked:
            return self.stacked[v]
        value = self.same(v)
        return jnp.broadcast_to(value, (self.length, *value.shape))

    def same(self, v: Atom) -> Any:
        """What is the same at all steps."""
        return function(needed(self.program.eqns, [v], self.known), tuple(self.known), [v])(*self.known.values())[0]


def zeros(atoms: Iterable[Atom]) -> list[Any]:
    """Sums before the first step."""
    return [ad.zeros_like_aval(v.aval) for v in atoms]


def _held(x: Any, n: Any) -> Any:
    """`x` itself, which XLA must take out of its array before it goes on.

    Else it takes what it needs of it at each use. On a CPU, a slice of such a slice is not vectorised, nor is what is
    computed from it: the gates of an LSTM take twice as long. A choice whose outcome XLA does not know ends that.
    """
    return jax.lax.cond(n >= 0, lambda v: v, jax.lax.neg, x)


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
