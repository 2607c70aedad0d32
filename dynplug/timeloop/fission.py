"""Loop distribution (fission): the step is split into stages, each of which runs over all time before the next.

The equations of a step and the values that it carries are the nodes of a dependence graph. Its strongly connected
components are the recurrences: what is in one must run step by step. Everything else may run for all steps at once, and
does so where it is worth storing: heavy operations, as matrix products, convolutions and factorisations, leave the loop
and see the steps as a larger batch. The elementwise work around a recurrence stays in its scan.

Every equation gets a level, the number of heavy operations on the longest path to it. The stages, in order, are for
each level first its heavy operations, then the rest of the level, which is one scan, or no scan where nothing in it is
recurrent.

**Invariant:** each equation runs in a stage at or after those of all that it depends on, and in the one scan of its
recurrence if it is in one. Stages and epilogue together compute every output, carried value and sum of the program.

**Limits:** a level is one scan, even where it holds several recurrences that do not depend on each other. Stages are
not merged again to save memory: that is left to chunks. An operation that is not known to be batchable (see
`primitives.is_batchable`) stays in a scan.

**Reference:** R. Allen, K. Kennedy: Automatic translation of FORTRAN programs to vector form, ACM Transactions on
Programming Languages and Systems 9 (1987), 491, doi:10.1145/29873.29875; of strongly connected components, R. Tarjan:
Depth-first search and linear graph algorithms, SIAM Journal on Computing 1 (1972), 146, doi:10.1137/0201010. Of an
LSTM's products done for all steps at once, J. Appleyard, T. Kocisky, P. Blunsom (2016), arXiv:1604.01946.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from graphlib import TopologicalSorter

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from dynplug.timeloop.contraction import can_contract, is_linear
from dynplug.timeloop.jaxpr_types import Atom, Eqn, Var
from dynplug.timeloop.primitives import is_batchable, is_heavy, is_recomputable, multiplications, row_count
from dynplug.timeloop.program import Program, byte_count, is_var

# Multiplications for each byte that changes from step to step: what a product must do to leave the loop. Attention over
# a buffer does less, and is faster inside: see "What leaves the loop at all" in examples/benchmarks/README.md.
_WORK = 0.5
# A sum is contracted if one summand has this many times the bytes of its stacked operands, and stays in a scan if what
# is read by indices has this many times the bytes of what they index. A value is stored rather than derived again if it
# would be derived from more than `_MANY` values with this many times its bytes, as in "residual stream" of
# examples/benchmarks/twenty_models.py. Both numbers were chosen, not measured.
_MUCH = 4
_MANY = 4


@dataclass(eq=False)
class Stage:
    """Equations that run over all time together.

    **Arguments:**

    - `eqns`: the equations.
    - `ins`: the values of each step that they read, from inputs and from earlier stages.
    - `carry`: the carried values of this stage, as positions in the program's carry.
    - `outs`: the values of each step that later stages read, or that are outputs.
    - `sums`: the values that are summed over time.
    - `rows`: for each heavy product in it, the number of its rows in one step.
    - `scan`: whether the steps run one after the other, rather than all at once.
    - `contractions`: the sums over time that are one operation each.
    """

    eqns: tuple[Eqn, ...] = ()
    ins: tuple[Var, ...] = ()
    carry: tuple[int, ...] = ()
    outs: tuple[Var, ...] = ()
    sums: tuple[Var, ...] = ()
    rows: tuple[int, ...] = ()
    scan: bool = False
    contractions: tuple["Contraction", ...] = ()


@dataclass(frozen=True, eq=False)
class Contraction:
    """An equation whose sum over time is one operation.

    **Arguments:**

    - `eqn`: the equation.
    - `linear`: the operands, by position, in which it is linear.
    - `stacked`: the operands, by position, that change from step to step.
    """

    eqn: Eqn
    linear: tuple[int, ...]
    stacked: tuple[int, ...]


@dataclass(eq=False)
class _Demand:
    """The values that a stage has to compute: outputs, sums, and sums that are one operation."""

    outs: dict[Var, None] = field(default_factory=dict[Var, None])
    sums: dict[Var, None] = field(default_factory=dict[Var, None])
    contractions: list[Contraction] = field(default_factory=list[Contraction])


def distribute(
    program: Program, layers: bool = True, belongs_in_scan: Callable[[Eqn], bool] = lambda eqn: True
) -> tuple[list[Stage], tuple[Eqn, ...]]:
    """The stages in order, and the epilogue: linear equations at the end of the sums, which run once after the loop.

    Without `layers` there is one scan, and after it the products that are summed over time. A delay must not be part of
    a recurrence, and without `layers` there must be none: see `delays.resolve_delays`. An equation that does not belong
    in a scan leaves the loop as a heavy operation does, whatever it costs, unless it is part of a recurrence.
    """
    # 1. Analyse the step, and take off the end of its sums.
    graph = _Graph(program, layers, belongs_in_scan)
    epilogue, leaves = _epilogue(program, graph)
    levels = max(graph.level.values(), default=0) + 1
    heavy = [_Demand() for _ in range(levels + 2)]
    light = [_Demand() for _ in range(levels + 2)]

    def demand(v: Atom) -> None:
        """Have the stage that computes `v` put it out."""
        if not is_var(v) or v in graph.invariant or v in graph.inputs:
            return
        (heavy if graph.is_early(v) else light)[graph.level[v]].outs[v] = None

    # 2. Demand the outputs, and what the epilogue sums. A contraction is a heavy operation on results of its level.
    for y in program.ys:
        demand(y)
    for leaf in leaves:
        if (contraction := graph.contraction(leaf)) is not None:
            level = graph.level[leaf] + (graph.definition[leaf] not in graph.heavy)
            heavy[level].contractions.append(contraction)
        else:
            light[graph.level.get(leaf, 0)].sums[leaf] = None

    # 3. Build the stages from the last to the first, as each demands its inputs of those before it.
    stages: list[Stage] = []
    for level in range(levels + 1, -1, -1):
        for wanted, is_heavy_stage in ((light[level], False), (heavy[level], True)):
            stage = _build_stage(program, graph, wanted, level, is_heavy_stage)
            for v in stage.ins:
                demand(v)
            if stage.eqns or stage.carry or stage.sums or stage.outs or stage.contractions:
                stages.append(stage)
    return stages[::-1], epilogue


def recurrent_delays(program: Program) -> list[int]:
    """The lengths of the delays that feed back into themselves."""
    components = _Graph.recurrences(program)[len(program.eqns) :]
    return [delay for delay, c in zip(program.delays, components, strict=True) if delay and c is not None]


class _Graph:
    """The dependence graph of a step, and what follows from it for each equation and variable.

    Nodes are the equations, by their index, and after them the carried values, by their position: `len(eqns) + k`.

    **Arguments:**

    - `definition`: the equation that defines a variable.
    - `inputs`, `position`, `delayed`: the program's inputs; its carried values with their positions; those that are
        delays.
    - `invariant`: the variables that are the same at all steps.
    - `component`: for each node the recurrence it is in, by number, or `None`.
    - `recurrent`: the equations that are in a recurrence.
    - `costly`: the equations that leave the loop because of what they cost.
    - `heavy`: these and those that do not belong in a scan: all that leaves the loop.
    - `early`: these and the transposes of their results: all that runs before the scan of its level.
    - `level`: for each variable the number of heavy equations, and delays, on the longest path to it.
    - `stored`: the variables that are stored of all steps anyway, such as outputs.
    - `derivable`: the variables that can be computed from invariants, inputs, stored values and heavy results alone.
        They are recomputed in each stage that reads them rather than stored.
    - `shifts`: the carried values that are not recurrent and whose value after a step is derivable, with their
        positions: the values at all steps are those of the step before.
    """

    def __init__(self, program: Program, layers: bool, belongs_in_scan: Callable[[Eqn], bool] = lambda eqn: True):
        self.program = program
        self.layers = layers
        self.definition = program.definitions()
        self.inputs = set(program.xs)
        self.position = {v: k for k, v in enumerate(program.carry)}
        self.delayed = {v for v, delay in zip(program.carry, program.delays, strict=True) if delay}
        self.invariant = set(program.consts)
        for eqn in program.eqns:
            if all(not is_var(v) or v in self.invariant for v in eqn.invars):
                self.invariant.update(eqn.outvars)
        self.component = self.recurrences(program)
        self.recurrent = {n for n in range(len(program.eqns)) if self.component[n] is not None}
        movable = {
            n
            for n, eqn in enumerate(program.eqns)
            if layers and n not in self.recurrent and is_batchable(eqn) and not self.invariant.issuperset(eqn.outvars)
        }
        self.costly = {n for n in movable if is_heavy(eqn := program.eqns[n]) and self._is_worth_its_room(eqn)}
        self.heavy = self.costly | {n for n in movable if not belongs_in_scan(program.eqns[n])}
        transposes = {  # the transpose of a product belongs to the product: in the scan it would run in every step
            n
            for n, eqn in enumerate(program.eqns)
            if eqn.primitive.name == "transpose" and is_var(v := eqn.invars[0]) and self.definition.get(v) in self.heavy
        }
        self.early = self.heavy | transposes
        self.level = self._levels()
        self.stored = {v for v in program.ys if is_var(v) and v in self.definition}
        self.derivable = self._derivable()
        self.shifts = {
            v: k
            for v, k in self.position.items()
            if v not in self.delayed
            and self.component[len(program.eqns) + k] is None
            and (not is_var(after := program.carry_out[k]) or after in self.derivable)
        }

    def eqn_of(self, v: Atom) -> Eqn | None:
        return self.program.eqns[self.definition[v]] if is_var(v) and v in self.definition else None

    def _is_worth_its_room(self, eqn: Eqn) -> bool:
        """Whether an equation does enough work for the memory that its operands and results of all steps take."""
        room = sum(map(byte_count, (*eqn.outvars, *(v for v in eqn.invars if not self.is_invariant(v)))))
        return (work := multiplications(eqn)) == 0 or work >= _WORK * room

    def contraction(self, v: Var) -> Contraction | None:
        """The equation of `v`, if its sum over time is one operation, and worth one."""
        n = self.definition.get(v)
        if n is None or n in self.recurrent:
            return None
        eqn = self.program.eqns[n]
        linear, stacked = self._linear_in(eqn), tuple(k for k, a in enumerate(eqn.invars) if not self.is_invariant(a))
        worth = is_heavy(eqn) or byte_count(v) > _MUCH * sum(byte_count(eqn.invars[k]) for k in stacked)
        return Contraction(eqn, linear, stacked) if linear and worth and can_contract(eqn, linear, stacked) else None

    def commutes_with_sum(self, n: int) -> bool:
        """Whether an equation gives, for the sums over time of its operands, the sum over time of its result."""
        eqn = self.program.eqns[n]
        linear = self._linear_in(eqn)
        others = [a for k, a in enumerate(eqn.invars) if k not in linear]
        return bool(linear) and all(map(self.is_invariant, others)) and is_linear(eqn, linear)

    def is_invariant(self, v: Atom) -> bool:
        """Whether a value is the same at all steps."""
        return not is_var(v) or v in self.invariant

    def _linear_in(self, eqn: Eqn) -> tuple[int, ...]:
        """The operands that are linear in the program's cotangents, unless one of them is the same at all steps."""
        linear = [k for k, a in enumerate(eqn.invars) if is_var(a) and a in self.program.linear]
        return () if any(eqn.invars[k] in self.invariant for k in linear) else tuple(linear)

    def is_early(self, v: Var) -> bool:
        """Whether a value is known before the scan of its level."""
        return self.definition.get(v) in self.early or v in self.delayed

    @staticmethod
    def edges(program: Program) -> list[tuple[int, int]]:
        """Pairs of nodes, the second of which reads the first."""
        # A carried value before a step and after it are one node: so a path through the carry closes to a cycle.
        eqns, definition = program.eqns, program.definitions()
        count = len(eqns)
        node = definition | {v: count + k for k, v in enumerate(program.carry)}
        found = [(node[v], n) for n, eqn in enumerate(eqns) for v in eqn.invars if is_var(v) and v in node]
        return found + [(node[v], count + k) for k, v in enumerate(program.carry_out) if is_var(v) and v in node]

    @staticmethod
    def recurrences(program: Program) -> list[int | None]:
        """For each node the strongly connected component it is in, by number; `None` where it is in no cycle."""
        edges, size = _Graph.edges(program), len(program.eqns) + len(program.carry)
        if not edges:
            return [None] * size
        rows, columns = np.array(edges).T
        _, label = connected_components(
            coo_array((np.ones(len(edges)), (rows, columns)), shape=(size, size)), connection="strong"
        )
        members = np.bincount(label)
        self_loops = {m for m, n in edges if m == n}  # a component of one node is a cycle only by an edge to itself
        return [int(c) if members[c] > 1 or n in self_loops else None for n, c in enumerate(label)]

    def _levels(self) -> dict[Var, int]:
        program, count = self.program, len(self.program.eqns)
        # Contract every component to one node, numbered from 0; the nodes in no cycle are numbered from -1 down. What
        # is left has no cycle, so it can be sorted topologically, and all of a recurrence is on one level.
        place = [-1 - n if c is None else c for n, c in enumerate(self.component)]
        before: dict[int, set[int]] = {p: set() for p in place}
        for m, n in self.edges(program):
            if place[m] != place[n]:
                before[place[n]].add(place[m])
        raising = {place[n] for n in self.heavy} | {place[count + k] for k, d in enumerate(program.delays) if d}
        level: dict[int, int] = {}
        for p in TopologicalSorter(before).static_order():
            level[p] = max((level[q] for q in before[p]), default=0) + (p in raising)
        found: dict[Var, int] = dict.fromkeys((*program.consts, *program.xs), 0)
        found |= {v: level[place[n]] for n, eqn in enumerate(program.eqns) for v in eqn.outvars}
        return found | {v: level[place[count + k]] for k, v in enumerate(program.carry)}

    def _derivable(self) -> set[Var]:
        """The derivable variables; some that read much join `stored` instead.

        Otherwise each block of a residual network would add up again what all blocks before it have computed.
        """
        # For each derivable variable, the stored values that it is computed from; of one that is stored, itself.
        sources: dict[Var, frozenset[Var]] = {v: frozenset() for v in self.invariant}
        sources |= {v: frozenset([v]) for v in (*self.inputs, *self.stored, *self.delayed)}
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


def _build_stage(program: Program, graph: _Graph, demand: _Demand, level: int, heavy: bool) -> Stage:
    """The stage that meets a demand: either the heavy operations of a level, or the rest of it."""
    # 1. Start from the demand and from the carried values of this level: delays belong to the heavy stage, all others
    # to the rest. Then walk backwards, each variable being computed here, carried here, or an input from an earlier
    # stage.
    carry = {v: k for v, k in graph.position.items() if graph.level[v] == level and (v in graph.delayed) == heavy}
    ins: dict[Var, None] = {}
    chosen: set[int] = set()
    stack = [v for v in (*demand.outs, *demand.sums, *(program.carry_out[k] for k in carry.values())) if is_var(v)]
    stack += [v for part in demand.contractions for n in part.stacked if is_var(v := part.eqn.invars[n])]
    roots = {v for v in demand.outs if heavy}
    while stack:
        v = stack.pop()
        if v in carry or v in program.consts:
            continue

        # 2. A shift is carried in every scan that reads it: that is cheaper than storing its value at every step.
        if v in graph.shifts and not heavy:
            carry[v] = graph.shifts[v]
            stack += [a for a in (program.carry_out[carry[v]],) if is_var(a)]
            continue

        # 3. Inputs of the program and carried values of other stages come from before, and so do heavy results, unless
        # they are what this stage is for.
        n = graph.definition.get(v)
        beside = heavy and graph.level[v] == level
        if n is None or (n in graph.early and v not in roots and not beside):
            ins[v] = None
            continue

        # 4. Compute it here if it belongs here: what is demanded of a heavy stage, with the transposes around it, or
        # all else on the level of a scan. Or if it can be derived here rather than stored: invariants and derivable
        # values. All others are stored by the stage they belong to.
        transposed = heavy and n not in graph.recurrent and program.eqns[n].primitive.name == "transpose"
        here = v in roots or transposed or n in graph.early or (graph.level[v] == level and not heavy)
        if here or v in graph.invariant or (v in graph.derivable and v not in graph.stored):
            if n not in chosen:
                chosen.add(n)
                stack += [a for a in program.eqns[n].invars if is_var(a)]
        else:
            ins[v] = None

    # 5. It must be a scan if something in it is recurrent or not batchable, or if it sums what is too dear to compute,
    # or what indices repeat, as values that many connections carry: all steps at once would store each summand.
    return Stage(
        eqns=tuple(program.eqns[n] for n in sorted(chosen)),
        ins=tuple(ins),
        carry=tuple(carry.values()),
        outs=tuple(demand.outs),
        sums=tuple(demand.sums),
        rows=tuple(row_count(program.eqns[n], graph.invariant) for n in sorted(chosen) if n in graph.heavy),
        scan=not heavy
        and (
            not graph.layers
            or any(graph.component[len(program.eqns) + k] is not None for k in carry.values())
            or any(n in graph.recurrent or not is_batchable(program.eqns[n]) for n in chosen)
            or any(not is_recomputable(eqn) for v in demand.sums if (eqn := graph.eqn_of(v)))
            or (bool(demand.sums) and any(_repeats_much(program.eqns[n]) for n in chosen))
        ),
        contractions=tuple(demand.contractions),
    )


def _repeats_much(eqn: Eqn) -> bool:
    """Whether an equation reads values again and again by indices, which XLA does not fuse with the sum of them."""
    return eqn.primitive.name == "gather" and byte_count(eqn.outvars[0]) > _MUCH * byte_count(eqn.invars[0])


def _epilogue(program: Program, graph: _Graph) -> tuple[tuple[Eqn, ...], list[Var]]:
    """The equations at the end of the sums that commute with summation, and the variables that are then summed instead.

    `sum(A y[t])` becomes `A sum(y[t])`, again and again from the end: what need not run in every step runs once.
    """
    commuting: set[int] = set()
    leaves: dict[Var, None] = {}
    stack = [v for v in program.sums if is_var(v)]
    while stack:
        v = stack.pop()
        n = graph.definition.get(v)
        if n is not None and n not in graph.recurrent | graph.costly and graph.commutes_with_sum(n):
            commuting.add(n)
            stack += [a for a in program.eqns[n].invars if is_var(a) and a not in graph.invariant]
        else:
            leaves[v] = None
    return tuple(program.eqns[n] for n in sorted(commuting)), list(leaves)
