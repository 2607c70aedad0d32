"""The order of a step: the projections that read the step before, and the sequence of populations."""

import itertools
from collections.abc import Iterable, Mapping
from graphlib import CycleError, TopologicalSorter

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from dynplug.errors import AlgebraicLoopError

Route = tuple[str, tuple[str, ...]]
"""A source and its targets."""


def in_cycles(populations: Iterable[str], routes: Mapping[str, Route]) -> set[str]:
    """The projections that lie in a cycle: those within a strongly connected component of the graph."""
    index = {name: i for i, name in enumerate(populations)}
    pairs = [(index[source], index[target]) for source, targets in routes.values() for target in targets]
    pre, post = np.asarray(pairs, int).reshape(-1, 2).T
    graph = coo_array((np.ones(len(pre)), (pre, post)), shape=(len(index), len(index)))
    _, component = connected_components(graph, directed=True, connection="strong")
    return {
        name
        for name, (source, targets) in routes.items()
        if any(component[index[source]] == component[index[target]] for target in targets)
    }


def in_order(populations: Iterable[str], routes: Mapping[str, Route]) -> tuple[str, ...]:
    """The populations so that each comes after those that reach it within the step.

    **Arguments:**

    - `routes`: the projections that act within the step.

    **Raises:** `AlgebraicLoopError` if a population would depend on its own output in the same step.
    """
    sorter = TopologicalSorter(dict.fromkeys(populations, ()))
    for source, targets in routes.values():
        for target in targets:
            sorter.add(target, source)
    try:
        return tuple(sorter.static_order())
    except CycleError as error:
        raise _loop(error.args[1], routes) from None


def _loop(cycle: list[str], routes: Mapping[str, Route]) -> AlgebraicLoopError:
    steps = itertools.pairwise(cycle)
    named = [next(n for n, (source, targets) in routes.items() if source == a and b in targets) for a, b in steps]
    return AlgebraicLoopError(
        f"The cycle {' -> '.join(cycle)} has no delay, so that its populations would depend on themselves within a "
        f"step. Give one of the projections {', '.join(map(repr, named))} a delay of at least dt."
    )
