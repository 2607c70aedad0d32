"""The potentials that some edges see."""

from collections.abc import Iterable, Mapping
from typing import Any

import jax.numpy as jnp
from jaxtyping import Array, Float

from dynplug.errors import CompositionError


def potentials(populations: Iterable[str], states: Mapping[str, Any]) -> Float[Array, " units"]:
    """The potentials of populations, one after the other, flat.

    **Raises:** `CompositionError` for a population without one.
    """
    found = []
    for name in populations:
        V = getattr(states[name], "V", None)
        if V is None:
            raise CompositionError(
                f"Population {name!r} has no potential V, which a gap junction, or a synapse that depends on it, needs."
            )
        found.append(jnp.ravel(V))
    return jnp.concatenate(found)
