"""Strip-mining: a long loop as a loop over chunks of steps.

A chunk bounds what the stages of a split loop hand each other, and it is the unit of checkpointing in the backward
pass: with `remat` only the carry at the start of each chunk is kept, and the steps within are computed again. With
chunks of about the square root of the number of steps, memory grows like that square root, at the cost of one more
forward pass.

**Invariant:** steps run in the same order as in one loop. Sums are added chunk by chunk, which may round differently.

**Limits:** one level of checkpoints, so memory does not become logarithmic, as recursive schemes do. A last chunk of
another length is compiled a second time.

**Reference:** R. Allen, K. Kennedy: Optimizing Compilers for Modern Architectures (2001), of strip-mining; of
checkpoints, A. Griewank, A. Walther: Algorithm 799: revolve, ACM Transactions on Mathematical Software 26 (2000), 19,
doi:10.1145/347837.347846, and T. Chen, B. Xu, C. Zhang, C. Guestrin: Training deep nets with sublinear memory cost
(2016), arXiv:1604.06174, whose scheme this is.
"""

from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
from jaxtyping import Array, PyTree


def in_chunks(
    chunk: Callable[..., tuple[PyTree, PyTree, PyTree]],
    carry: PyTree,
    xs: PyTree,
    length: int,
    size: int,
    *,
    reverse: bool = False,
    sums: Sequence[PyTree] = (),
) -> tuple[PyTree, PyTree, PyTree]:
    """Run `chunk(carry, xs, length, reverse) -> (carry, ys, sums)` through time.

    Every array in `xs` and `ys` has one row a step or one row a chunk; a last, shorter chunk takes the remaining steps.
    The sums of the chunks are added to `sums`, the zeros to begin with.
    """
    count, left = divmod(length, size)
    if count == 1 and not left:
        return chunk(carry, xs, length, reverse)

    def step(state: tuple[PyTree, PyTree], x: PyTree) -> tuple[tuple[PyTree, PyTree], PyTree]:
        new, ys, sums = chunk(state[0], x, size, reverse)
        return (new, jax.tree.map(jnp.add, state[1], sums)), ys

    def whole_chunks(carry: PyTree, xs: PyTree, sums: PyTree) -> tuple[PyTree, PyTree, PyTree]:
        parts = jax.tree.map(lambda x: x.reshape(count, x.shape[0] // count, *x.shape[1:]), xs)
        (new, sums), ys = jax.lax.scan(step, (carry, sums), parts, count, reverse)
        return new, jax.tree.map(lambda y: y.reshape(y.shape[0] * y.shape[1], *y.shape[2:]), ys), sums

    def last_chunk(carry: PyTree, xs: PyTree, sums: PyTree) -> tuple[PyTree, PyTree, PyTree]:
        new, ys, more = chunk(carry, xs, left, reverse)
        return new, ys, jax.tree.map(jnp.add, sums, more)

    total = list(sums)
    if not left:
        return whole_chunks(carry, xs, total)
    # The shorter chunk is the last in time whichever way the loop runs, so backwards it runs first.
    first = jax.tree.map(lambda x: x[: _whole_rows(x, length, size)], xs)
    last = jax.tree.map(lambda x: x[_whole_rows(x, length, size) :], xs)
    if reverse:
        carry, last_ys, total = last_chunk(carry, last, total)
        carry, first_ys, total = whole_chunks(carry, first, total)
    else:
        carry, first_ys, total = whole_chunks(carry, first, total)
        carry, last_ys, total = last_chunk(carry, last, total)
    return carry, jax.tree.map(lambda a, b: jnp.concatenate([a, b]), first_ys, last_ys), total


def _whole_rows(x: Array, length: int, size: int) -> int:
    """The number of rows that belong to whole chunks, of an array with one row a step or one row a chunk."""
    count = length // size
    return count * size if x.shape[0] == length else count
