"""Checks of the values in a model, wherever they come from."""

import dataclasses

import jax
from jaxtyping import PyTree

from dynplug.core.parameter import check_value
from dynplug.core.paths import children


def check_values(tree: PyTree, path: str = "") -> None:
    """Refuse a parameter of a model that is not finite, or not positive if it was declared so.

    Named tuples are skipped: the state of an optimizer has the structure of models, but not their values.

    **Arguments:**

    - `tree`: a model, or a pytree of models.
    - `path`: its path, for the message.

    **Raises:** `ParameterError` that names the path.
    """
    if isinstance(tree, tuple) and hasattr(tree, "_fields"):
        return
    declared = {f.name: f for f in dataclasses.fields(tree)} if dataclasses.is_dataclass(tree) else {}
    for name, child in children(tree):
        below = f"{path}.{name}" if path else name
        if child is None or jax.tree_util.all_leaves([child]):
            if name in declared:
                check_value(below, declared[name], child)
        else:
            check_values(child, below)
