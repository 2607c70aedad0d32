"""Minimum-cut rematerialisation: the fewest bytes to keep from which the backward pass can compute the rest again.

The values of a step form a graph from what the backward pass will not have (the source) to what it needs (the sink).
Each value is an edge whose capacity is its size in bytes. A set of values that separates the two suffices to recompute
what is needed, and the smallest such set is a minimum cut, which a maximum flow finds.

**Invariant:** every needed value is computable from the residuals, the free values and whatever depends on no
unavailable value, without repeating an equation that is not cheap (see `primitives.is_recomputable`).

**Limits:** the time to recompute is not weighed: cheap equations are free and all others are never repeated. Sizes are
rounded where their sum would leave the 32 bits that SciPy's maximum flow computes in: a cut may then miss the minimum,
by less than the 2^30th part of all values for each value in it.

**Reference:** L. R. Ford, D. R. Fulkerson: Maximal flow through a network, Canadian Journal of Mathematics 8 (1956),
399, doi:10.4153/CJM-1956-045-5. The same idea in PyTorch: `min_cut_rematerialization_partition` in
`torch/_functorch/partitioners.py`.
"""

from collections.abc import Collection, Iterable

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import breadth_first_order, maximum_flow

from dynplug.timeloop.jaxpr_types import Eqn, Var
from dynplug.timeloop.primitives import is_recomputable
from dynplug.timeloop.program import byte_count, is_var

_SOURCE, _SINK = 0, 1
_INFINITE = 2**31 - 1


def min_cut_residuals(
    eqns: Iterable[Eqn], unavailable: Iterable[Var], needed: Iterable[Var], free: Collection[Var] = ()
) -> list[Var]:
    """The variables of the smallest total size from which `needed` can be computed without `unavailable`.

    What depends on nothing unavailable costs nothing, as it is recomputed, and neither do the values in `free`. Among
    equal cuts the one nearest to `needed` is taken, which recomputes least.
    """
    node: dict[Var, int] = {}
    edges: dict[tuple[int, int], int] = {}

    def enter(v: Var) -> int:  # a variable is an edge from `enter` to `enter + 1`, whose capacity is its size
        if v not in node:
            node[v] = 2 + 2 * len(node)
        return node[v]

    # Edges of infinite capacity, which no cut contains: the source is connected to all that cannot be recomputed, every
    # operand to the results computed from it, and all that is needed to the sink. A free value has no edge into it.
    for v in unavailable:
        edges[_SOURCE, enter(v)] = _INFINITE
    for eqn in eqns:
        for out in set(eqn.outvars).difference(free):
            if not is_recomputable(eqn):
                edges[_SOURCE, enter(out)] = _INFINITE
            for v in eqn.invars:
                if is_var(v):
                    edges[enter(v) + 1, enter(out)] = _INFINITE
    for v in needed:
        edges[enter(v) + 1, _SINK] = _INFINITE

    # The edges of finite capacity, in units such that their sum stays below the infinite capacity.
    sizes = {v: byte_count(v) for v in node}
    unit = max(1, sum(sizes.values()) // 2**30 + 1)
    for v, n in node.items():
        edges[n, n + 1] = max(1, sizes[v] // unit)
    if not edges:
        return []

    # A maximum flow saturates every minimum cut. The cut nearest to the sink consists of the edges that lead into the
    # set of nodes from which the sink can still be reached in the residual graph, searched backwards from the sink.
    (rows, columns), size = np.array(list(edges)).T, 2 + 2 * len(node)
    graph = csr_array((np.fromiter(edges.values(), np.int32), (rows, columns)), shape=(size, size))
    flow = maximum_flow(graph, _SOURCE, _SINK).flow
    unsaturated = csr_array(graph - flow)
    unsaturated.eliminate_zeros()
    reach_sink = set(breadth_first_order(csr_array(unsaturated.T), _SINK, return_predecessors=False).tolist())
    return [v for v, n in node.items() if n + 1 in reach_sink and n not in reach_sink]
