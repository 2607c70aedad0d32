"""The arrays of a model that are not trained and go by the batches, such as running means."""

import equinox as eqx
import jax
from jaxtyping import PyTree

from dynplug.core import leaves, lookup, nodes
from dynplug.errors import CompositionError, UnknownPathError
from dynplug.timeloop import RunState


def statistics_of(static: PyTree) -> tuple[PyTree, PyTree]:
    """Split the untrained part of a model into its statistics, `None` if it has none, and the rest."""
    known = leaves(static)
    flags = [leaf.statistic and eqx.is_array(leaf.value) for leaf in known]
    if not any(flags):
        return None, static
    return eqx.partition(static, jax.tree.structure(static).unflatten(flags))


def learns_from_states(model: PyTree) -> bool:
    """Whether a part of a model learns from its states, which know nothing of samples that count for nothing."""
    return any(hasattr(node, "learned") for node in nodes(model).values())


def learned_by(model: PyTree, known: PyTree, after: RunState | None) -> PyTree:
    """The statistics of a model after a batch.

    **Arguments:**

    - `model`: the model, its own statistics settled.
    - `known`: the statistics before.
    - `after`: the states of its samples after the batch.
    """
    for path, node in nodes(model).items():
        if hasattr(node, "learned"):
            try:
                state = after if after is None else lookup(after.system, path) if path else after.system
            except UnknownPathError as error:
                raise CompositionError(
                    f"{path}: what it learns from a batch is in its state, which is not where the part is in the "
                    "model: it can be a part of a Sequential."
                ) from error
            if state is None:
                raise CompositionError(f"{path}: with loss_auto_run=False no states come back to learn from.")
            new = node.learned(state)
            model = new if not path else eqx.tree_at(lambda m, path=path: lookup(m, path), model, new)
    return jax.tree.unflatten(
        jax.tree.structure(known), jax.lax.stop_gradient(jax.tree.leaves(statistics_of(model)[0]))
    )
