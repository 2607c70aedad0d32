"""A warning about parts of a model that exist in this process only."""

import warnings
from collections.abc import Iterator
from typing import Any

import jax
from jaxtyping import PyTree

from dynplug.errors import PortabilityWarning
from dynplug.plugin import LOCAL, registry


def warn_of_local(tree: PyTree) -> None:
    """Warn of the components of a model that were registered in this process, as in a notebook, and not installed."""
    own = {c.given: c for c in registry().components() if c.plugin.namespace == LOCAL and isinstance(c.given, type)}
    if not own:
        return
    for component in {own[cls].id: own[cls] for cls in map(type, _parts(tree)) if cls in own}.values():
        kind, name = component.kind.name, component.spec.name
        warnings.warn(
            f"The model holds {kind} {component.id}, which is registered in this process only: whoever loads it must "
            f"register it first. To make it portable, put it into a package: dynplug new {kind} {name}",
            PortabilityWarning,
            stacklevel=3,
        )


def _parts(tree: PyTree) -> Iterator[Any]:
    """A tree and all trees within it, arrays left out."""
    yield tree
    for child in jax.tree.leaves(tree, is_leaf=lambda node: node is not tree):
        if child is not tree and not jax.tree_util.all_leaves([child]):
            yield from _parts(child)
