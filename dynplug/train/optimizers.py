"""Optimizers from configurations, and what is put around them."""

from typing import Any

import optax

from dynplug.errors import OptionError
from dynplug.plugin import build


def clip_by_global_norm(optimizer: optax.GradientTransformation, max_norm: float) -> optax.GradientTransformation:
    """An optimizer that gets gradients whose norm, over all parameters, is at most `max_norm`.

    In Python, `optax.chain(optax.clip_by_global_norm(max_norm), optimizer)`, and any other chain.

    **Arguments:**

    - `optimizer`: the optimizer.
    - `max_norm`: the greatest norm.
    """
    return optax.chain(optax.clip_by_global_norm(max_norm), optimizer)


def accumulate(optimizer: optax.GradientTransformation, steps: int) -> optax.GradientTransformation:
    """An optimizer that steps once for several batches, with the mean of their gradients, as `optax.MultiSteps`.

    Parameters stay the same in between.

    **Arguments:**

    - `optimizer`: the optimizer.
    - `steps`: the number of batches.
    """
    return optax.MultiSteps(optimizer, every_k_schedule=steps).gradient_transformation()


def as_optimizer(given: Any) -> Any:
    """An `optax.GradientTransformation` from one, from a name or configuration, or `None` for Adam at 1e-3."""
    if given is None:
        return optax.adam(1e-3)
    built = build(given, kind="optimizer") if isinstance(given, (str, dict)) else given
    if not (hasattr(built, "init") and hasattr(built, "update")):
        raise OptionError(
            f"optimizer={given!r}: give an optax optimizer, or {{'type': 'adam', 'learning_rate': 1e-3}}."
        )
    return built
