"""Changes of weights by events, in time proportional to the connections of the units that are active."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax.custom_batching import sequential_vmap
from jaxtyping import Array, Bool, Float

from dynplug.delivery import Fanout, members, next_member

_NARROWEST, _WIDEST = 16, 1024  # connections of a sending unit that change at once, as many as it has on average


Bounds = tuple[Any, Any]
"""The lowest and the highest weight."""


class Factors(NamedTuple):
    """The change of a connection's weight as the product of a factor of its sending and one of its receiving unit."""

    sending: Float[Array, " pre"]
    receiving: Float[Array, " post"]


def changed(
    weight: Float[Array, " connections"],
    fanout: Fanout,
    sent: Bool[Array, " pre"],
    on_arrival: Factors,
    spiked: Bool[Array, " post"],
    on_spike: Factors,
    bounds: Bounds,
) -> Float[Array, " connections"]:
    r"""The weights after what arrives in a step, and then after the spikes of the receiving units.

    $$\text{arrival from } j: \; w_k \leftarrow [w_k + a_j b_i], \qquad
      \text{spike of } i: \; w_k \leftarrow [w_k + c_j d_i]$$

    The brackets stand for the bounds. Connections of units that are not active keep their weights.

    **Arguments:**

    - `weight`: the weights, in the order of the fanout.
    - `fanout`: the connections.
    - `sent`: the sending units from which something arrives.
    - `on_arrival`: the factors $a$ and $b$ of the change that it makes.
    - `spiked`: the receiving units that spike.
    - `on_spike`: the factors $c$ and $d$ of the change that they make.
    - `bounds`: the lowest and the highest weight.
    """
    low, high = bounds
    bounds = jnp.asarray(low, weight.dtype), jnp.asarray(high, weight.dtype)
    if jax.default_backend() == "cpu" and fanout.fanin is not None:
        return by_events(weight, fanout, sent, on_arrival, spiked, on_spike, bounds)
    return by_all(weight, fanout, sent, on_arrival, spiked, on_spike, bounds)


def by_all(
    weight: Array,
    fanout: Fanout,
    sent: Array,
    on_arrival: Factors,
    spiked: Array,
    on_spike: Factors,
    bounds: Bounds,
) -> Array:
    """All connections, whether they change or not."""
    pre, post = fanout.pre, fanout.post
    for active, (sending, receiving) in ((sent[pre], on_arrival), (spiked[post], on_spike)):
        weight = jnp.where(active, jnp.clip(weight + sending[pre] * receiving[post], *bounds), weight)
    return weight


@sequential_vmap  # a loop that is batched by JAX would copy all weights in each of its rounds
def by_events(
    weight: Array,
    fanout: Fanout,
    sent: Array,
    on_arrival: Factors,
    spiked: Array,
    on_spike: Factors,
    bounds: Bounds,
) -> Array:
    """The connections of the active units alone."""
    if not weight.size:
        return weight
    weight = _by_rows(weight, fanout, sent, on_arrival, bounds)
    return _by_columns(weight, fanout, spiked, on_spike, bounds)


def _by_rows(weight: Array, fanout: Fanout, sent: Array, factors: Factors, bounds: Bounds) -> Array:
    """The connections of the sending units, one block after the other."""
    start, count = fanout.start, len(fanout)
    width = _NARROWEST
    while width < min(count / fanout.pre_size, _WIDEST):
        width *= 2
    width = min(width, count)
    lanes, events = jnp.arange(width, dtype=start.dtype), members(sent)

    # `k` is the connection with which the next block of `unit` begins.
    def block(state: Any) -> Any:
        unit, k, weight = state
        # The last block of all would end after the last connection: it is moved, and what lies before `k` masked.
        first = jnp.minimum(k, count - width)
        position, end = first + lanes, start[unit + 1]
        old = jax.lax.dynamic_slice(weight, (first,), (width,))
        receiving = factors.receiving[jax.lax.dynamic_slice(fanout.post, (first,), (width,))]
        new = jnp.clip(old + factors.sending[unit] * receiving, *bounds)
        new = jnp.where((position >= k) & (position < end), new, old)
        weight = jax.lax.dynamic_update_slice(weight, new, (first,))
        more, following = k + width < end, next_member(events, unit + 1, fanout.pre_size)
        return jnp.where(more, unit, following), jnp.where(more, k + width, start[following]), weight

    unit = next_member(events, jnp.int32(0), fanout.pre_size)
    return jax.lax.while_loop(lambda state: state[0] < fanout.pre_size, block, (unit, start[unit], weight))[2]


def _by_columns(weight: Array, fanout: Fanout, spiked: Array, factors: Factors, bounds: Bounds) -> Array:
    """The connections onto the receiving units, one unit after the other."""
    fanin, events = fanout.fanin, members(spiked)
    assert fanin is not None

    def column(state: Any) -> Any:
        unit, weight = state
        connection = fanin.connection[unit]  # padded by a connection that is not there
        old = weight.at[connection].get(mode="fill", fill_value=0)
        sending = factors.sending.at[fanin.pre[unit]].get(mode="fill", fill_value=0)
        new = jnp.clip(old + sending * factors.receiving[unit], *bounds)
        return next_member(events, unit + 1, fanout.post_size), weight.at[connection].set(new, mode="drop")

    unit = next_member(events, jnp.int32(0), fanout.post_size)
    return jax.lax.while_loop(lambda state: state[0] < fanout.post_size, column, (unit, weight))[1]
