"""Long loops as a loop over chunks."""

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp


def in_chunks(
    one: Callable[..., tuple[Any, Any, Any]],
    carry: Any,
    xs: Any,
    length: int,
    size: int,
    *,
    reverse: bool = False,
    sums: Sequence[Any] = (),
) -> tuple[Any, Any, Any]:
    """Carry a chunk, `one(carry, xs, length, reverse) -> (carry, ys, sums)`, through time.

    Every array in `xs` and `ys` has a row a step or a row a chunk; a last, shorter chunk takes what is left over. The
    sums of the chunks are added to `sums`, which start at zero.
    """
    count, left = divmod(length, size)
    if count == 1 and not left:
        return one(carry, xs, length, reverse)

    def step(state: tuple[Any, Any], x: Any) -> tuple[tuple[Any, Any], Any]:
        new, ys, sums = one(state[0], x, size, reverse)
        return (new, jax.tree.map(jnp.add, state[1], sums)), ys

    def main(carry: Any, xs: Any, sums: Any) -> tuple[Any, Any, Any]:
        parts = jax.tree.map(lambda x: x.reshape(count, x.shape[0] // count, *x.shape[1:]), xs)
        (new, sums), ys = jax.lax.scan(step, (carry, sums), parts, count, reverse)
        return new, jax.tree.map(lambda y: y.reshape(y.shape[0] * y.shape[1], *y.shape[2:]), ys), sums

    def rest(carry: Any, xs: Any, sums: Any) -> tuple[Any, Any, Any]:
        new, ys, more = one(carry, xs, left, reverse)
        return new, ys, jax.tree.map(jnp.add, sums, more)

    total = list(sums)
    if not left:
        return main(carry, xs, total)
    first = jax.tree.map(lambda x: x[: _rows(x, length, size)], xs)
    last = jax.tree.map(lambda x: x[_rows(x, length, size) :], xs)
    if reverse:
        carry, late, total = rest(carry, last, total)
        carry, early, total = main(carry, first, total)
    else:
        carry, early, total = main(carry, first, total)
        carry, late, total = rest(carry, last, total)
    return carry, jax.tree.map(lambda a, b: jnp.concatenate([a, b]), early, late), total


def _rows(x: Any, length: int, size: int) -> int:
    """The rows of whole chunks: of an array with a row a step, or a row a chunk."""
    count = length // size
    return count * size if x.shape[0] == length else count
