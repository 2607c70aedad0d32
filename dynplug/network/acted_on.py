"""The variables of populations on which drives act."""

from collections.abc import Iterable, Mapping

import jax.numpy as jnp
from jaxtyping import Array, Float, PyTree

from dynplug.core import lookup
from dynplug.errors import CompositionError, UnknownPathError

ByPopulation = Mapping[str, PyTree]
"""States or outputs by the names of populations."""


def acted_on(paths: Iterable[str], states: ByPopulation) -> Float[Array, " units"]:
    """The variables at paths such as `"E.V"`, those of one population after the other, flat.

    **Raises:** `CompositionError` for a population without one.
    """
    found = []
    for path in paths:
        try:
            found.append(jnp.ravel(lookup(states, path)))
        except UnknownPathError:
            name, _, variable = path.rpartition(".")
            raise CompositionError(
                f"Population {name!r} has no potential {variable}, which a coupling, a gap junction and a synapse that "
                "depends on it read."
            ) from None
    return jnp.concatenate(found)
