"""One-to-one connections."""

import equinox as eqx
import numpy as np
from jaxtyping import PRNGKeyArray

from dynplug.connectors.connections import Connections
from dynplug.errors import ShapeError


class OneToOne(eqx.Module):
    """Every unit reaches the unit with the same index; both populations have the same size."""

    def __call__(self, pre: int, post: int, *, key: PRNGKeyArray | None = None) -> Connections:
        if pre != post:
            raise ShapeError(f"OneToOne needs two populations of the same size; it was given {pre} and {post}.")
        return Connections(np.arange(pre), np.arange(pre), pre, post)
