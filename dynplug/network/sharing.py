"""Synapses that several projections share."""

import dataclasses
import json
from collections.abc import Mapping

import jax

from dynplug.core import definition, is_array
from dynplug.network.drawn_edge import DrawnEdge

Groups = tuple[tuple[str, ...], ...]


def groups(edges: Mapping[str, DrawnEdge]) -> Groups:
    """The projections whose events add up in one array of synapses, which is that of the first.

    They have the same targets and equal synapses, without arrays, whose equations are linear: the state of the sum of
    two inputs is then the sum of their states.
    """
    found: dict[str, list[str]] = {}
    for name, edge in edges.items():
        found.setdefault(_kind(edge) or name, []).append(name)
    return tuple(map(tuple, found.values()))


def without_copies(edges: Mapping[str, DrawnEdge], shared: Groups) -> dict[str, DrawnEdge]:
    """The projections, of which only the first of each group has synapses."""
    others = {name for group in shared for name in group[1:]}
    return {n: dataclasses.replace(edge, synapse=None) if n in others else edge for n, edge in edges.items()}


def _kind(edge: DrawnEdge) -> str | None:
    """A key that projections must have in common to share a synapse; `None` if a projection can share with no other."""
    synapse = edge.synapse
    if not getattr(synapse, "linear", False) or any(map(is_array, jax.tree.leaves(synapse))):
        return None
    return json.dumps([edge.targets, definition(synapse)])
