"""Delivery of events: the rows of the sending units alone, one block of connections after the other."""

from collections.abc import Callable, Sequence
from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
from jax.custom_batching import custom_vmap
from jaxtyping import Array, Float

from dynplug.delivery.backend import Delivery, Pre, Weight
from dynplug.delivery.fanout import Fanout
from dynplug.delivery.spike_set import members, next_member

# Connections in a block: as many as a unit has on average, rounded up to a power of two, within these bounds. A block
# costs as much as some 30 connections (examples/benchmarks/delivery.py).
_NARROWEST, _WIDEST = 16, 256
_INT32 = np.iinfo(np.int32).max
_Values = Sequence[Array | None]


class Events(Delivery):
    r"""The connections of the units that send something, one unit after the other by ascending index.

    $$y_i = \sum_{j:\, x_j \ne 0} \; \sum_{k:\, j \to i} w_k\,x_j$$

    Its time is proportional to the connections of these units, in a batch to those of all samples together.

    ```python
    from dynplug.delivery import Fanout, deliver

    fanout, order = Fanout.of(pre=[1, 0, 1], post=[0, 2, 1], pre_size=2, post_size=3)
    weight = jnp.array([0.1, 0.2, 0.3])[order]
    assert np.allclose(deliver(jnp.array([0.0, 1.0]), weight, fanout, method="events"), [0.1, 0.3, 0.0])
    ```

    **Reference:** Gustavson, F. G. (1978), Two fast algorithms for sparse matrices: multiplication and permuted
    transposition, doi:10.1145/355791.355796.
    """

    def __call__(self, x: Float[Array, " pre"], weight: Weight, fanout: Fanout, pre: Pre) -> Float[Array, " post"]:
        weight = None if weight is None else weight[None]
        return _of_samples(fanout.post_size)(x[None], weight, fanout.start, fanout.post)[0]

    def suits(self, fanout: Fanout, fixed: bool) -> str:
        if jax.default_backend() != "cpu":
            return ""
        return "on a CPU the connections of the active units alone, unless most are active"


@cache
def _of_samples(post_size: int) -> Callable[[Array, Array | None, Array, Array], Array]:
    """The delivery of several samples, whose events are one list; they have the same weights, or each its own."""

    @custom_vmap
    def deliver(x: Array, weight: Array | None, start: Array, post: Array) -> Array:
        return _loop(x, weight, start, post, post_size)

    @deliver.def_vmap
    def _batched(
        size: int, is_batched: Sequence[bool | None], x: Array, weight: Array | None, start: Array, post: Array
    ) -> tuple[Array, bool]:
        # A loop that is batched by JAX would run, for all samples, as long as the longest of them.
        x = x if is_batched[0] else jnp.broadcast_to(x, (size, *x.shape))
        own = is_batched[1] is True
        fits = weight is None or weight.shape[-2] == (x.shape[1] if own else 1)
        largest = max(x.shape[2], post_size, post.size if own else 0)
        if fits and not any(is_batched[2:]) and x.shape[0] * x.shape[1] * largest <= _INT32:
            weight = weight.reshape(-1, weight.shape[-1]) if own and weight is not None else weight
            y = deliver(x.reshape(-1, x.shape[-1]), weight, start, post)
            return y.reshape(*x.shape[:2], post_size), True
        # Connections of their own: one sample after the other.
        mine, theirs = _split((weight, start, post), is_batched[1:])
        return jax.lax.map(lambda now: deliver(now[0], *_merge(now[1], theirs)), (x, mine)), True

    return deliver


def _split(values: _Values, is_batched: Sequence[bool | None]) -> tuple[_Values, _Values]:
    return (
        [v if b is True else None for v, b in zip(values, is_batched, strict=True)],
        [None if b is True else v for v, b in zip(values, is_batched, strict=True)],
    )


def _merge(mine: _Values, theirs: _Values) -> _Values:
    return [b if a is None else a for a, b in zip(mine, theirs, strict=True)]


def _loop(x: Array, weight: Array | None, start: Array, post: Array, post_size: int) -> Array:
    samples, pre_size = x.shape
    y = jnp.zeros((samples * post_size,), x.dtype)
    if not post.size:
        return y.reshape(samples, post_size)
    width = min(post.size, _width(post.size / pre_size))
    lanes = jnp.arange(width, dtype=start.dtype)
    units, x = x.size, x.ravel()
    per_sample = jnp.int32(pre_size)
    shared = weight is None or weight.shape[0] == 1
    flat = None if weight is None else weight.ravel()
    events = members(x != 0)  # which NaN is, too

    def sender_of(unit: Array) -> Array:
        return unit if samples == 1 else jax.lax.rem(unit, per_sample)

    # `unit` counts the senders of all samples; `k` is the connection with which the next block begins.
    def block(state: tuple[Array, Array, Array]) -> tuple[Array, Array, Array]:
        unit, k, y = state
        sender = sender_of(unit)
        # The last block of all would end after the last connection: it is moved, and what lies before `k` masked.
        first = jnp.minimum(k, post.size - width)
        position, end = first + lanes, start[sender + 1]
        sent = jnp.broadcast_to(x[unit], (width,))
        if flat is not None:
            of_sample = 0 if shared else jax.lax.div(unit, per_sample) * post.size
            sent = sent * jax.lax.dynamic_slice(flat, (first + of_sample,), (width,))
        sent = jnp.where((position >= k) & (position < end), sent, 0)
        receiver = jax.lax.dynamic_slice(post, (first,), (width,))
        if samples > 1:
            receiver += jax.lax.div(unit, per_sample) * post_size
        y = y.at[receiver].add(sent, mode="promise_in_bounds")
        more, following = end - k > width, next_member(events, unit + 1, units)
        return jnp.where(more, unit, following), jnp.where(more, k + width, start[sender_of(following)]), y

    unit = next_member(events, jnp.int32(0), units)
    first = (unit, start[sender_of(unit)], y)
    return jax.lax.while_loop(lambda state: state[0] < units, block, first)[2].reshape(samples, post_size)


def _width(mean_degree: float) -> int:
    width = _NARROWEST
    while width < min(mean_degree, _WIDEST):
        width *= 2
    return width
