"""The fewest bytes from which something can be computed again: a minimum cut of a graph of values."""

from collections.abc import Collection, Iterable

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import breadth_first_order, maximum_flow

from dynplug.timeloop.primitives import is_recomputable
from dynplug.timeloop.program import Eqn, Var, byte_count, is_var

_SOURCE, _SINK = 0, 1
_ENDLESS = 2**31 - 1


def cheapest(eqns: Iterable[Eqn], lost: Iterable[Var], wanted: Iterable[Var], free: Collection[Var] = ()) -> list[Var]:
    """The variables of the smallest total size that give `wanted` when `lost` is no more, and `free` costs nothing.

    What depends on neither `lost` nor an equation that is too dear to repeat costs nothing: it is computed again. Among
    equal cuts the one nearest to `wanted` is taken, which repeats the least.
    """
    node: dict[Var, int] = {}
    edges: dict[tuple[int, int], int] = {}

    def enter(v: Var) -> int:  # a variable is an edge from `enter` to `enter + 1`, whose capacity is its size
        if v not in node:
            node[v] = 2 + 2 * len(node)
        return node[v]

    for v in lost:
        edges[_SOURCE, enter(v)] = _ENDLESS
    for eqn in eqns:
        for out in set(eqn.outvars).difference(free):
            if not is_recomputable(eqn):
                edges[_SOURCE, enter(out)] = _ENDLESS
            for v in eqn.invars:
                if is_var(v):
                    edges[enter(v) + 1, enter(out)] = _ENDLESS
    for v in wanted:
        edges[enter(v) + 1, _SINK] = _ENDLESS
    sizes = {v: byte_count(v) for v in node}
    unit = max(1, sum(sizes.values()) // 2**30 + 1)
    for v, n in node.items():
        edges[n, n + 1] = max(1, sizes[v] // unit)
    if not edges:
        return []
    (rows, columns), size = np.array(list(edges)).T, 2 + 2 * len(node)
    graph = csr_array((np.fromiter(edges.values(), np.int32), (rows, columns)), shape=(size, size))
    flow = maximum_flow(graph, _SOURCE, _SINK).flow
    left = csr_array(graph - flow)
    left.eliminate_zeros()
    before_sink = set(breadth_first_order(csr_array(left.T), _SINK, return_predecessors=False).tolist())
    return [v for v, n in node.items() if n + 1 in before_sink and n not in before_sink]
