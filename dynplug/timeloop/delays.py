"""Delays: ring buffers recognised in the carry and treated as shifts in time.

A value that is read `d` steps after it was written is a loop-carried dependence of distance `d`, so up to `d` steps may
run at once: what they read was written before the first of them. A delay that feeds forward is a shift of stacked
values. One that feeds back into itself limits a chunk to `d` steps, at whose start its rows become inputs and its new
rows outputs: see `resolve_delays`.

Within the compiled loop a buffer is not a ring but its last `d + 1` rows, the oldest first: those that the next `d`
steps read, after one that the step before has read and that is only part of the state. The cotangents of these rows are
laid out likewise in reversed time; that of the extra row waits in the first row, to be added to the cotangent of the
last reading.

**Invariant:** `to_ring(from_ring(buffer, axis, i), axis, i)` is the buffer, so the state that leaves the loop is that
of the plain loop.

**Limits:** only the step of `dynplug.core.delay_line` is recognised, by its name, and only where nothing else touches
its buffer and its index is an induction variable that counts steps (`find_delays`). Any other buffer is carried as it
is.

**Reference:** R. Allen, K. Kennedy: Optimizing Compilers for Modern Architectures (2001), of dependence distances.
"""

from collections.abc import Sequence
from dataclasses import replace

import jax.numpy as jnp

from dynplug.core import DELAY_STEP
from dynplug.timeloop.jaxpr_types import Atom, Eqn, Value, Var
from dynplug.timeloop.primitives import inner_eqns
from dynplug.timeloop.program import Program, Traced, aval_of, is_var


def is_delay(eqn: Eqn) -> bool:
    """Whether an equation is the step of a delay."""
    return eqn.params.get("name") == DELAY_STEP


def find_delays(
    traced: Traced, carry: Sequence[Var], carry_out: Sequence[Atom], increments: dict[int, int]
) -> dict[int, tuple[Eqn, int, int]]:
    """The delays by the position of their buffer: the equation, the axis of the rows, the position of the index.

    Only where nothing else touches the buffer, and the index is an induction variable that grows by one.
    """
    reads = [v for eqn in traced.eqns for v in eqn.invars if is_var(v)] + [v for v in traced.outs if is_var(v)]
    found: dict[int, tuple[Eqn, int, int]] = {}
    for eqn in filter(is_delay, traced.eqns):
        buffer, x, index = eqn.invars
        position = next((k for k, v in enumerate(carry) if v is buffer), None)
        counter = next((k for k, by in increments.items() if by == 1 and carry[k] is index), None)
        axis = row_axis(eqn)
        if position is None or counter is None or axis is None or not (is_var(buffer) and is_var(x)):
            continue
        if carry_out[position] is eqn.outvars[0] and reads.count(buffer) == 1 and reads.count(eqn.outvars[0]) == 1:
            found[position] = eqn, axis, counter
    return found


def row_axis(eqn: Eqn) -> int | None:
    """The axis of a delay's buffer along which its rows lie; `None` if the shapes are ambiguous."""
    # `jax.vmap` may put the batch before or after the rows. An axis qualifies if the rest of the buffer has the shape
    # of one row. Where several do, any of them could be the rows; a buffer of one row delays by nothing; and a
    # transpose inside may lay out the result in another way.
    buffer, x, out = map(aval_of, (*eqn.invars[:2], eqn.outvars[1]))
    axes = [a for a in range(buffer.ndim) if buffer.shape[:a] + buffer.shape[a + 1 :] == x.shape]
    size = {n for a, n in enumerate(buffer.shape) if a in axes}
    moved = any(inner.primitive.name == "transpose" for inner in inner_eqns(eqn))
    return axes[0] if len(axes) == 1 and size != {1} and x.shape == out.shape and not moved else None


def from_ring(buffer: Value, axis: int, i: Value) -> Value:
    """The rows, the oldest first, of a ring buffer into which step `i` writes next."""
    size = buffer.shape[axis]
    order = (i + jnp.arange(size, dtype=i.dtype)) % jnp.asarray(size, i.dtype)
    return jnp.moveaxis(jnp.take(buffer, order, axis=axis), axis, 0)


def to_ring(rows: Value, axis: int, i: Value) -> Value:
    """The inverse of `from_ring`: the ring buffer into which step `i` writes next."""
    size = rows.shape[0]
    order = (jnp.arange(size, dtype=i.dtype) - i) % jnp.asarray(size, i.dtype)
    return jnp.moveaxis(jnp.take(rows, order, axis=0), 0, axis)


def rows_read(rows: Value, length: int, reverse: bool) -> Value:
    """The rows that the next `length` steps read, where these are no more than the delay."""
    rows = rows[1 : 1 + length]
    return jnp.flip(rows, 0) if reverse else rows


def shift(rows: Value, values: Value, reverse: bool) -> tuple[Value, Value]:
    """The rows after steps that wrote `values`, and the values that these steps read."""
    # In reverse, which is the backward pass, `values` are cotangents in forward order. What waits in the first row is
    # added to the first that is taken up, and the row it leaves is zero.
    if reverse:
        values = jnp.flip(values, 0).at[0].add(rows[0])
    history = jnp.concatenate([rows, values])
    after, seen = history[-len(rows) :], history[1 : 1 + len(values)]
    return (after.at[0].set(0), jnp.flip(seen, 0)) if reverse else (after, seen)


def time_reversed(cotangent: Value) -> Value:
    """The cotangent of rows as rows in reversed time, and back."""
    return jnp.concatenate([cotangent[:1], jnp.flip(cotangent[1:], 0)])


def resolve_delays(program: Program, length: int) -> tuple[Program, list[int]]:
    """The program for a chunk of `length` steps, where delays of at least this length are inputs and outputs instead.

    **Returns:** also the positions of these delays in the carry. Their inputs and outputs come last.
    """
    known = [k for k, delay in enumerate(program.delays) if delay >= length]
    rest = [k for k in range(len(program.carry)) if k not in known]
    return replace(
        program,
        carry=tuple(program.carry[k] for k in rest),
        carry_out=tuple(program.carry_out[k] for k in rest),
        delays=tuple(program.delays[k] for k in rest),
        xs=(*program.xs, *(program.carry[k] for k in known)),
        ys=(*program.ys, *(program.carry_out[k] for k in known)),
    ), known
