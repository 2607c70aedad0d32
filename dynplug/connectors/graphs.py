"""Graphs of networkx as connections."""

import equinox as eqx
import numpy as np
from jaxtyping import PRNGKeyArray

from dynplug.connectors.connections import Connections
from dynplug.connectors.drawing import generator, one_population
from dynplug.errors import MissingPackageError, ParameterError


def graph_connections(
    connector: eqx.Module, name: str, *arguments: int | float, pre: int, post: int, key: PRNGKeyArray | None
) -> Connections:
    """The edges of the networkx graph generator of this name, each in both directions."""
    try:
        import networkx
    except ImportError as cause:
        raise MissingPackageError(
            f"{type(connector).__name__} needs networkx: pip install 'dynplug[graph]', or pip install networkx."
        ) from cause
    size = one_population(connector, pre, post)
    seed = int(generator(connector, key).integers(2**31))
    try:
        graph = getattr(networkx, name)(size, *arguments, seed=seed)
    except networkx.NetworkXException as cause:
        raise ParameterError(f"{connector} cannot connect {size} units: {cause}.") from cause
    a, b = np.array(graph.edges, int).reshape(-1, 2).T
    return Connections(np.concatenate([a, b]), np.concatenate([b, a]), size, size)
