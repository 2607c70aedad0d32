"""Delivery over all connections, whichever units are active: by segments, by the inputs of each unit, by a matrix."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from dynplug.delivery.fanout import Fanout
from dynplug.errors import ParameterError

Weight = Float[Array, " connections"] | None


def by_segments(x: Float[Array, " pre"], weight: Weight, fanout: Fanout) -> Array:
    """What each connection carries, added up where it arrives."""
    sent = x[fanout.pre]
    return jax.ops.segment_sum(sent if weight is None else weight * sent, fanout.post, fanout.post_size)


def by_inputs(x: Float[Array, " pre"], weight: Weight, fanout: Fanout) -> Array:
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


def by_matrix(x: Float[Array, " pre"], weight: Weight, fanout: Fanout) -> Array:
    """The product with the matrix of all pairs; weights of a pair that is connected more than once are added up."""
    matrix = jnp.zeros((fanout.post_size, fanout.pre_size), x.dtype)
    return matrix.at[fanout.post, fanout.pre].add(1 if weight is None else weight) @ x
