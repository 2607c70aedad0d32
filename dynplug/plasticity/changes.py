"""Changes of weights by events, in time proportional to the connections of the units that are active."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.custom_batching import custom_vmap
from jax.typing import ArrayLike
from jaxtyping import Array, Bool, Float, PyTree

from dynplug.delivery import Fanout, members, next_member

_INT32 = np.iinfo(np.int32).max
_NARROWEST, _WIDEST = 16, 1024  # connections of a sending unit that change at once, as many as it has on average


Samples = tuple[Array, Array, "Factors", Array, "Factors"]
"""Weights, arrivals with their factors, and spikes with theirs, each with an axis of samples first."""

Bounds = tuple[ArrayLike, ArrayLike]
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
    r"""The weights after the arrivals of a step, and then after the spikes of the receiving units.

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
    one = jax.tree.map(lambda a: a[None], (weight, sent, on_arrival, spiked, on_spike))
    return _of_samples(one, fanout, bounds)[0]


@custom_vmap
def _of_samples(samples: Samples, fanout: Fanout, bounds: Bounds) -> Array:
    """The changes of several samples, whose events are one list."""
    weight, sent, on_arrival, spiked, on_spike = samples
    flat = _by_rows(weight.ravel(), fanout, sent, on_arrival, bounds)
    return _by_columns(flat, fanout, spiked, on_spike, bounds).reshape(weight.shape)


@_of_samples.def_vmap
def _batched(size: int, is_batched: PyTree, samples: PyTree, *shared: PyTree) -> tuple[Array, bool]:
    # A loop that is batched by JAX would copy all weights in each of its rounds.
    samples = jax.tree.map(
        lambda a, batched: a if batched else jnp.broadcast_to(a, (size, *a.shape)), samples, is_batched[0]
    )
    weight = samples[0]
    if not any(jax.tree.leaves(is_batched[1:])) and weight.size <= _INT32:
        together = jax.tree.map(lambda a: a.reshape(-1, a.shape[-1]), samples)
        return _of_samples(together, *shared).reshape(weight.shape), True
    # Connections or bounds of their own: one sample after the other.
    parts, form = jax.tree.flatten(shared)
    own = jax.tree.leaves(is_batched[1:])

    def one(now: PyTree) -> Array:
        given = iter(now[1])
        mine = [next(given) if batched else part for part, batched in zip(parts, own, strict=True)]
        return _of_samples(now[0], *jax.tree.unflatten(form, mine))

    moving = [part for part, batched in zip(parts, own, strict=True) if batched]
    return jax.lax.map(one, (samples, moving)), True


def _by_rows(weight: Array, fanout: Fanout, sent: Array, factors: Factors, bounds: Bounds) -> Array:
    """The connections of the sending units of all samples, one block after the other."""
    start, count, per_sample = fanout.start, len(fanout), jnp.int32(fanout.pre_size)
    width = _NARROWEST
    while width < min(count / fanout.pre_size, _WIDEST):
        width *= 2
    width = min(width, count)
    lanes, events, units = jnp.arange(width, dtype=start.dtype), members(sent.ravel()), sent.size

    # `unit` counts the senders of all samples; `k` is the connection with which the next block of it begins.
    def block(state: tuple[Array, Array, Array]) -> tuple[Array, Array, Array]:
        unit, k, weight = state
        sample, sender = jax.lax.div(unit, per_sample), jax.lax.rem(unit, per_sample)
        # The last block of all would end after the last connection: it is moved, and what lies before `k` masked.
        first = jnp.minimum(k, count - width)
        position, end, place = first + lanes, start[sender + 1], first + sample.astype(start.dtype) * count
        old = jax.lax.dynamic_slice(weight, (place,), (width,))
        receiving = factors.receiving[sample, jax.lax.dynamic_slice(fanout.post, (first,), (width,))]
        new = jnp.clip(old + factors.sending[sample, sender] * receiving, *bounds)
        new = jnp.where((position >= k) & (position < end), new, old)
        weight = jax.lax.dynamic_update_slice(weight, new, (place,))
        more, following = k + width < end, next_member(events, unit + 1, units)
        return (
            jnp.where(more, unit, following),
            jnp.where(more, k + width, start[jax.lax.rem(following, per_sample)]),
            weight,
        )

    unit = next_member(events, jnp.int32(0), units)
    first = (unit, start[jax.lax.rem(unit, per_sample)], weight)
    return jax.lax.while_loop(lambda state: state[0] < units, block, first)[2]


def _by_columns(weight: Array, fanout: Fanout, spiked: Array, factors: Factors, bounds: Bounds) -> Array:
    """The connections onto the receiving units of all samples, one unit after the other."""
    fanin, count, per_sample = fanout.fanin, len(fanout), jnp.int32(fanout.post_size)
    events, units = members(spiked.ravel()), spiked.size
    assert fanin is not None

    def column(state: tuple[Array, Array]) -> tuple[Array, Array]:
        unit, weight = state
        sample, receiver = jax.lax.div(unit, per_sample), jax.lax.rem(unit, per_sample)
        connection = fanin.connection[receiver]  # padded by the number of connections, where there is none
        place = jnp.where(
            connection < count,
            connection + sample.astype(connection.dtype) * count,
            jnp.asarray(weight.size, connection.dtype),
        )
        old = weight.at[place].get(mode="fill", fill_value=0)
        sending = factors.sending[sample].at[fanin.pre[receiver]].get(mode="fill", fill_value=0)
        new = jnp.clip(old + sending * factors.receiving[sample, receiver], *bounds)
        return next_member(events, unit + 1, units), weight.at[place].set(new, mode="drop")

    unit = next_member(events, jnp.int32(0), units)
    return jax.lax.while_loop(lambda state: state[0] < units, column, (unit, weight))[1]
