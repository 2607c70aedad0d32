"""Paths such as `hidden.V`, which name the parts of a model, of its state, and of saved files alike."""

import dataclasses
from collections.abc import Iterator
from typing import Protocol, runtime_checkable

import jax.tree_util as jtu
from jaxtyping import PyTree

from dynplug.core.parameter import POSITIVE, STATISTIC, TRAINABLE
from dynplug.errors import CompositionError, UnknownPathError, nearest


@runtime_checkable
class Named(Protocol):
    """A pytree node whose children have names of their own, in the order in which JAX flattens them."""

    def named_children(self) -> list[tuple[str, PyTree]]: ...


@dataclasses.dataclass(frozen=True)
class Leaf:
    """A leaf of a tree with its path, and whether it was declared trainable, positive and a statistic of batches."""

    path: str
    value: PyTree
    trainable: bool
    positive: bool = False
    statistic: bool = False


def children(node: PyTree) -> list[tuple[str, PyTree]]:
    """The named parts directly below a node; none below a leaf."""
    if isinstance(node, Named):
        return node.named_children()
    if jtu.all_leaves([node]):
        return []
    below, _ = jtu.tree_flatten_with_path(node, is_leaf=lambda n: n is not node)
    return [(jtu.keystr(path, simple=True), child) for path, child in below]


def check_part_name(name: object, whole: str) -> None:
    """Raise `CompositionError` for the name of a part that cannot stand in a path."""
    if not isinstance(name, str) or not name or "." in name:
        raise CompositionError(f"A part of a {whole} has a name without dots; got {name!r}.")


def leaves(tree: PyTree) -> list[Leaf]:
    """All leaves, in the order of `jax.tree_util.tree_leaves`."""
    return list(_walk(tree, "", True, False, False))


def _walk(node: PyTree, path: str, trainable: bool, positive: bool, statistic: bool) -> Iterator[Leaf]:
    if node is None:
        return
    if jtu.all_leaves([node]):
        yield Leaf(path, node, trainable, positive, statistic)
        return
    declared = {f.name: f.metadata for f in dataclasses.fields(node)} if dataclasses.is_dataclass(node) else {}
    for name, child in children(node):
        below = f"{path}.{name}" if path else name
        own = declared.get(name, {})
        of_batches = own.get(STATISTIC, statistic)
        yield from _walk(child, below, own.get(TRAINABLE, trainable), own.get(POSITIVE, False), of_batches)


def lookup(tree: PyTree, path: str) -> PyTree:
    """The part of a tree at a path. An unknown name raises `UnknownPathError`, which lists the known ones.

    ```python
    model = dp.Sequential(weights=dp.layers.Dense(3, 2, key=jax.random.key(0)), hidden=dp.neurons.LIF(2, tau=20.0))
    assert dp.lookup(model, "hidden.tau") == 20.0
    assert dp.lookup(model, "weights.weight").shape == (2, 3)
    ```
    """
    node, passed = tree, ""
    for name in path.split("."):
        below = dict(children(node))
        if name not in below:
            where = f"{passed!r} has" if passed else "there is"
            raise UnknownPathError(f"Path {path!r}: {where} no {name!r}. {nearest(name, below)}")
        node, passed = below[name], f"{passed}.{name}" if passed else name
    return node
