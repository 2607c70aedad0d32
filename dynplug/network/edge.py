"""Edges of a network, from objects and from configurations."""

from collections.abc import Mapping
from typing import Any

from dynplug.errors import CompositionError
from dynplug.network.coupling import Coupling
from dynplug.network.gap_junction import GapJunction
from dynplug.network.projection import Projection

Edge = Projection | Coupling | GapJunction

_TOLD_BY = {"g": GapJunction, "form": Coupling}
"""The argument that only this kind of edge has."""


def as_edge(name: str, given: Any) -> Edge:
    """A projection, a coupling or a gap junction, which the arguments of one describe, too.

    **Raises:** `CompositionError` for anything else.
    """
    if isinstance(given, Mapping):
        kind = next((kind for argument, kind in _TOLD_BY.items() if argument in given), Projection)
        return kind(**given)
    if not hasattr(given, "draw"):
        raise CompositionError(
            f"Network: {name!r} is no projection; give dp.Projection(source, target, connector, ...), "
            f"dp.Coupling(...) or dp.GapJunction(...). Got {given!r}."
        )
    return given
