"""Edges of a network, from objects and from configurations."""

from collections.abc import Mapping
from typing import Any

from dynplug.errors import CompositionError
from dynplug.network.gap_junction import GapJunction
from dynplug.network.projection import Projection


def as_edge(name: str, given: Any) -> Any:
    """A projection or a gap junction, which the arguments of one describe, too.

    **Raises:** `CompositionError` for anything else.
    """
    if isinstance(given, Mapping):
        return (GapJunction if "g" in given else Projection)(**given)
    if not hasattr(given, "draw"):
        raise CompositionError(
            f"Network: {name!r} is no projection; give dp.Projection(source, target, connector, ...) or "
            f"dp.GapJunction(...). Got {given!r}."
        )
    return given
