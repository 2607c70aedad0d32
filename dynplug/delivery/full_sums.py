"""Delivery over all connections, whichever units are active: by segments, by the inputs of each unit, by a matrix."""

from typing import Any

import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from dynplug.delivery.fanout import Fanout
from dynplug.errors import ParameterError

Weight = Float[Array, " connections"] | None
Pre = Int[Array, " connections"]

# Indices that a fanout has checked need no comparisons with bounds in every step.
_AS_IT_IS: dict[str, Any] = {"mode": "promise_in_bounds", "wrap_negative_indices": False}


def by_segments(x: Float[Array, " pre"], weight: Weight, fanout: Fanout, pre: Pre) -> Array:
    """What each connection carries, added up where it arrives."""
    sent = x.at[pre].get(**_AS_IT_IS, indices_are_sorted=True)
    sent = sent if weight is None else weight * sent
    return jnp.zeros(fanout.post_size, x.dtype).at[fanout.post].add(sent, **_AS_IT_IS)


def by_inputs(x: Float[Array, " pre"], weight: Weight, fanout: Fanout, pre: Pre) -> Array:
    """The inputs of each unit, gathered in a row and added up."""
    if fanout.fanin is None:
        raise ParameterError(
            'deliver(method="gather") reads connections by receiving unit, which this fanout does not hold: make it by '
            "Fanout.of(..., by_receiver=True)."
        )
    sent = x.at[fanout.fanin.pre].get(mode="fill", fill_value=0)
    if weight is not None:
        sent = sent * weight.at[fanout.fanin.connection].get(mode="fill", fill_value=0)
    return sent.sum(1)


def by_matrix(x: Float[Array, " pre"], weight: Weight, fanout: Fanout, pre: Pre) -> Array:
    """The product with the matrix of all pairs; weights of a pair that is connected more than once are added up."""
    matrix = jnp.zeros((fanout.post_size, fanout.pre_size), x.dtype)
    return matrix.at[fanout.post, pre].add(1 if weight is None else weight, **_AS_IT_IS) @ x
