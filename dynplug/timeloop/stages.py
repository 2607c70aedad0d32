"""How a step is split into stages, each of which runs over all time before the next."""

from dataclasses import dataclass, field
from graphlib import TopologicalSorter

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from dynplug.timeloop.contract import can_contract, is_linear
from dynplug.timeloop.primitives import is_batchable, is_heavy, is_recomputable, multiplications, row_count
from dynplug.timeloop.program import Atom, Eqn, Program, Var, byte_count, is_var

_MUCH = 4  # times the bytes: what a sum must take to be taken at once, and what is read, to be stored instead
_WORK = 0.5  # multiplications for each byte that changes from step to step: what a product must do to leave the loop
_MANY = 4  # values that are read to compute one anew


@dataclass(eq=False)
class Stage:
    """Equations that run over all time together.

    **Arguments:**

    - `eqns`: the equations.
    - `ins`: what they need of each step from earlier stages, and of the inputs.
    - `carry`: which carried values live here, as positions in the program's carry.
    - `outs`: what later stages, and the outputs, need of each step.
    - `sums`: what is added up over time.
    - `rows`: of each product that is done for all steps at once because of what it costs, the rows in one step.
    - `scan`: whether the steps run one after the other; else all at once.
    - `contracted`: equations whose sum over time is one operation each.
    """

    eqns: tuple[Eqn, ...] = ()
    ins: tuple[Var, ...] = ()
    carry: tuple[int, ...] = ()
    outs: tuple[Var, ...] = ()
    sums: tuple[Var, ...] = ()
    rows: tuple[int, ...] = ()
    scan: bool = False
    contracted: tuple["Contraction", ...] = ()


@dataclass(frozen=True, eq=False)
class Contraction:
    """An equation whose sum over time is one operation.

    **Arguments:**

    - `eqn`: the equation.
    - `moving`: the operands, by position, that it is linear in.
    - `stacked`: the operands that are not the same at all steps.
    """

    eqn: Eqn
    moving: tuple[int, ...]
    stacked: tuple[int, ...]


@dataclass(eq=False)
class _Demand:
    outs: dict[Var, None] = field(default_factory=dict[Var, None])
    sums: dict[Var, None] = field(default_factory=dict[Var, None])
    contracted: list[Contraction] = field(default_factory=list[Contraction])


def split(program: Program, hoist: bool = True) -> tuple[list[Stage], tuple[Eqn, ...]]:
    """The stages in order, and the linear equations that finish the sums after the loop.

    Without `hoist` there is one scan, and after it the products that are summed over time. A delay is a shift in time;
    it must not be part of a recurrence, and there must be none without `hoist`: see `lags.blocked`.

    Every equation gets a level. Heavy equations that are in no cycle raise it by one, and run for all steps at once
    before the scan of their level; the rest of a level is one scan, or no scan where nothing in it is recurrent. What
    can be had from inputs, outputs and heavy results alone is computed anew in each stage that uses it, not stored.
    """
    graph = _Graph(program, hoist)
    tail, leaves = _finish(program, graph)
    above = max(graph.level.values(), default=0) + 1
    heavy = [_Demand() for _ in range(above + 2)]
    light = [_Demand() for _ in range(above + 2)]

    def ask(v: Atom) -> None:
        """Have the stage that makes `v` put it out."""
        if not is_var(v) or v in graph.const or v in graph.given:
            return
        (heavy if graph.is_early(v) else light)[graph.level[v]].outs[v] = None

    for y in program.ys:
        ask(y)
    for leaf in leaves:
        if (whole := graph.contraction(leaf)) is not None:
            heavy[graph.level[leaf] + (graph.maker[leaf] not in graph.heavy)].contracted.append(whole)
        else:
            light[graph.level.get(leaf, 0)].sums[leaf] = None

    stages: list[Stage] = []
    for level in range(above + 1, -1, -1):
        for demand, wants_heavy in ((light[level], False), (heavy[level], True)):
            stage = _gather(program, graph, demand, level, wants_heavy)
            for v in stage.ins:
                ask(v)
            if stage.eqns or stage.carry or stage.sums or stage.outs or stage.contracted:
                stages.append(stage)
    return stages[::-1], tail


def recurrent_lags(program: Program) -> list[int]:
    """The lengths of the delays that feed back into themselves."""
    cycles = _Graph.cycles(program)[len(program.eqns) :]
    return [lag for lag, cycle in zip(program.lags, cycles, strict=True) if lag and cycle is not None]


class _Graph:
    """Which values depend on time, on each other around the loop, and how many heavy stages come before them."""

    def __init__(self, program: Program, hoist: bool):
        self.program = program
        self.hoist = hoist
        self.maker = program.makers()
        self.given = set(program.xs)
        self.position = {v: k for k, v in enumerate(program.carry)}
        self.delayed = {v for v, lag in zip(program.carry, program.lags, strict=True) if lag}
        self.const = set(program.consts)
        for eqn in program.eqns:
            if all(not is_var(v) or v in self.const for v in eqn.invars):
                self.const.update(eqn.outvars)
        self.cycle = self.cycles(program)
        self.recurrent = {n for n in range(len(program.eqns)) if self.cycle[n] is not None}
        self.heavy = {
            n
            for n, eqn in enumerate(program.eqns)
            if hoist
            and n not in self.recurrent
            and is_heavy(eqn)
            and is_batchable(eqn)
            and not self.const.issuperset(eqn.outvars)
            and self._is_worth_its_room(eqn)
        }
        turned = {  # a product turned round belongs to the product: turned in every step it would cost more
            n
            for n, eqn in enumerate(program.eqns)
            if eqn.primitive.name == "transpose" and self.maker.get(eqn.invars[0]) in self.heavy
        }
        self.early = self.heavy | turned
        self.level = self._levels()
        self.stored = {v for v in program.ys if is_var(v) and v in self.maker}
        self.leafy = self._leafy()
        self.shifts = {
            v: k
            for v, k in self.position.items()
            if v not in self.delayed
            and self.cycle[len(program.eqns) + k] is None
            and (not is_var(new := program.new[k]) or new in self.leafy)
        }

    def eqn_of(self, v: Atom) -> Eqn | None:
        return self.program.eqns[self.maker[v]] if is_var(v) and v in self.maker else None

    def _is_worth_its_room(self, eqn: Eqn) -> bool:
        """Whether an equation does enough for what must be stored of all steps to do them at once."""
        room = sum(map(byte_count, (*eqn.outvars, *(v for v in eqn.invars if not self.is_same(v)))))
        return (work := multiplications(eqn)) == 0 or work >= _WORK * room

    def contraction(self, v: Var) -> Contraction | None:
        """What makes `v`, if the sum of it over time is one operation, and worth one."""
        n = self.maker.get(v)
        if n is None or n in self.recurrent:
            return None
        eqn = self.program.eqns[n]
        moving, stacked = self._linear_in(eqn), tuple(k for k, a in enumerate(eqn.invars) if not self.is_same(a))
        worth = is_heavy(eqn) or byte_count(v) > _MUCH * sum(byte_count(eqn.invars[k]) for k in stacked)
        return Contraction(eqn, moving, stacked) if moving and worth and can_contract(eqn, moving, stacked) else None

    def commutes(self, n: int) -> bool:
        """Whether the sum over time of what an equation gives is what it gives for the sums of its operands."""
        eqn = self.program.eqns[n]
        moving = self._linear_in(eqn)
        others = [a for k, a in enumerate(eqn.invars) if k not in moving]
        return bool(moving) and all(map(self.is_same, others)) and is_linear(eqn, moving)

    def is_same(self, v: Atom) -> bool:
        """Whether a value is the same at all steps."""
        return not is_var(v) or v in self.const

    def _linear_in(self, eqn: Eqn) -> tuple[int, ...]:
        """The operands that are linear in cotangents, if none of these is the same at all steps."""
        linear = [k for k, a in enumerate(eqn.invars) if is_var(a) and a in self.program.linear]
        return () if any(eqn.invars[k] in self.const for k in linear) else tuple(linear)

    def is_early(self, v: Var) -> bool:
        """Whether a value is there before the scan of its level."""
        return self.maker.get(v) in self.early or v in self.delayed

    @staticmethod
    def edges(program: Program) -> list[tuple[int, int]]:
        """Which equation, or carried value after them, comes from which."""
        eqns, maker = program.eqns, program.makers()
        count = len(eqns)
        node = maker | {v: count + k for k, v in enumerate(program.carry)}
        found = [(node[v], n) for n, eqn in enumerate(eqns) for v in eqn.invars if is_var(v) and v in node]
        return found + [(node[v], count + k) for k, v in enumerate(program.new) if is_var(v) and v in node]

    @staticmethod
    def cycles(program: Program) -> list[int | None]:
        """For each equation, then each carried value: the cycle it is in, by number, or `None`."""
        edges, size = _Graph.edges(program), len(program.eqns) + len(program.carry)
        if not edges:
            return [None] * size
        rows, columns = np.array(edges).T
        _, label = connected_components(
            coo_array((np.ones(len(edges)), (rows, columns)), shape=(size, size)), connection="strong"
        )
        members = np.bincount(label)
        alone = {m for m, n in edges if m == n}
        return [int(c) if members[c] > 1 or n in alone else None for n, c in enumerate(label)]

    def _levels(self) -> dict[Var, int]:
        """How many heavy equations, and delays, come before a value; all of a cycle are on one level."""
        program, count = self.program, len(self.program.eqns)
        place = [-1 - n if cycle is None else cycle for n, cycle in enumerate(self.cycle)]  # a cycle is one place
        before: dict[int, set[int]] = {p: set() for p in place}
        for m, n in self.edges(program):
            if place[m] != place[n]:
                before[place[n]].add(place[m])
        raised = {place[n] for n in self.heavy} | {place[count + k] for k, lag in enumerate(program.lags) if lag}
        level: dict[int, int] = {}
        for p in TopologicalSorter(before).static_order():
            level[p] = max((level[q] for q in before[p]), default=0) + (p in raised)
        found: dict[Var, int] = dict.fromkeys((*program.consts, *program.xs), 0)
        found |= {v: level[place[n]] for n, eqn in enumerate(program.eqns) for v in eqn.outvars}
        return found | {v: level[place[count + k]] for k, v in enumerate(program.carry)}

    def _leafy(self) -> set[Var]:
        """What can be had from constants, inputs, outputs and heavy results alone.

        Where that takes much reading, a value is stored after all: else each block of a residual network would add up
        what all blocks before it gave.
        """
        sources: dict[Var, frozenset[Var]] = {v: frozenset() for v in self.const}
        sources |= {v: frozenset([v]) for v in (*self.given, *self.stored, *self.delayed)}
        for n, eqn in enumerate(self.program.eqns):
            ins = [v for v in eqn.invars if is_var(v)]
            if n in self.early:
                sources |= {v: frozenset([v]) for v in eqn.outvars}
            elif n not in self.recurrent and is_batchable(eqn) and all(v in sources for v in ins):
                read = frozenset[Var]().union(*(sources[v] for v in ins))
                for v in eqn.outvars:
                    if len(read) > _MANY and sum(map(byte_count, read)) > _MUCH * byte_count(v):
                        self.stored.add(v)
                    sources.setdefault(v, read if v not in self.stored else frozenset([v]))
        return set(sources)


def _gather(program: Program, graph: _Graph, demand: _Demand, level: int, wants_heavy: bool) -> Stage:
    """The stage that meets a demand: its equations and what it needs from before it."""
    carry = {v: k for v, k in graph.position.items() if graph.level[v] == level and (v in graph.delayed) == wants_heavy}
    ins: dict[Var, None] = {}
    chosen: set[int] = set()
    stack = [v for v in (*demand.outs, *demand.sums, *(program.new[k] for k in carry.values())) if is_var(v)]
    stack += [v for part in demand.contracted for n in part.stacked if is_var(v := part.eqn.invars[n])]
    roots = {v for v in demand.outs if wants_heavy}
    while stack:
        v = stack.pop()
        if v in carry or v in program.consts:
            continue
        if v in graph.shifts and not wants_heavy:  # cheaper to carry once more than to store at every step
            carry[v] = graph.shifts[v]
            stack += [a for a in (program.new[carry[v]],) if is_var(a)]
            continue
        n = graph.maker.get(v)
        beside = wants_heavy and graph.level[v] == level
        if n is None or (n in graph.early and v not in roots and not beside):
            ins[v] = None
            continue
        turned = wants_heavy and n not in graph.recurrent and program.eqns[n].primitive.name == "transpose"
        here = v in roots or turned or n in graph.early or (graph.level[v] == level and not wants_heavy)
        if here or v in graph.const or (v in graph.leafy and v not in graph.stored):
            if n not in chosen:
                chosen.add(n)
                stack += [a for a in program.eqns[n].invars if is_var(a)]
        else:
            ins[v] = None
    return Stage(
        eqns=tuple(program.eqns[n] for n in sorted(chosen)),
        ins=tuple(ins),
        carry=tuple(carry.values()),
        outs=tuple(demand.outs),
        sums=tuple(demand.sums),
        rows=tuple(row_count(program.eqns[n], graph.const) for n in sorted(chosen) if n in graph.heavy),
        scan=not wants_heavy
        and (
            not graph.hoist
            or any(graph.cycle[len(program.eqns) + k] is not None for k in carry.values())
            or any(n in graph.recurrent or not is_batchable(program.eqns[n]) for n in chosen)
            or any(not is_recomputable(eqn) for v in demand.sums if (eqn := graph.eqn_of(v)))  # T results of it
        ),
        contracted=tuple(demand.contracted),
    )


def _finish(program: Program, graph: _Graph) -> tuple[tuple[Eqn, ...], list[Var]]:
    """The linear equations at the end of the sums, which need not run in every step, and what they start from."""
    tail: set[int] = set()
    leaves: dict[Var, None] = {}
    stack = [v for v in program.sums if is_var(v)]
    while stack:
        v = stack.pop()
        n = graph.maker.get(v)
        if n is not None and n not in graph.recurrent | graph.heavy and graph.commutes(n):
            tail.add(n)
            stack += [a for a in program.eqns[n].invars if is_var(a) and a not in graph.const]
        else:
            leaves[v] = None
    return tuple(program.eqns[n] for n in sorted(tail)), list(leaves)
