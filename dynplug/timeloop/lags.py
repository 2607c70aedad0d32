"""Delays: carried values that come back several steps later, kept as their last rows, the oldest first.

For a delay of `d` steps there are `d + 1` rows: what each step reads, and one that was read in the step before and is
only part of the state. The cotangents of these rows are laid out likewise in reversed time; that of the extra row waits
in the first row, to be added to the cotangent of the last reading.
"""

from dataclasses import replace
from typing import Any

import jax.numpy as jnp

from dynplug.core import DELAY_STEP
from dynplug.timeloop.primitives import inner_eqns
from dynplug.timeloop.program import Eqn, Program


def is_delay(eqn: Eqn) -> bool:
    """Whether an equation is the step of a delay."""
    return eqn.params.get("name") == DELAY_STEP


def row_axis(eqn: Eqn) -> int | None:
    """The axis of a delay's buffer along which its rows lie; `None` where it cannot be told for certain."""
    buffer, x, out = eqn.invars[0].aval, eqn.invars[1].aval, eqn.outvars[1].aval
    axes = [a for a in range(buffer.ndim) if buffer.shape[:a] + buffer.shape[a + 1 :] == x.shape]
    size = {n for a, n in enumerate(buffer.shape) if a in axes}
    moved = any(inner.primitive.name == "transpose" for inner in inner_eqns(eqn))
    return axes[0] if len(axes) == 1 and size != {1} and x.shape == out.shape and not moved else None


def from_ring(buffer: Any, axis: int, i: Any) -> Any:
    """The rows, the oldest first, of a ring into which step `i` is the next to write."""
    size = buffer.shape[axis]
    order = (i + jnp.arange(size, dtype=i.dtype)) % jnp.asarray(size, i.dtype)
    return jnp.moveaxis(jnp.take(buffer, order, axis=axis), axis, 0)


def to_ring(rows: Any, axis: int, i: Any) -> Any:
    """The ring that holds rows."""
    size = rows.shape[0]
    order = (jnp.arange(size, dtype=i.dtype) - i) % jnp.asarray(size, i.dtype)
    return jnp.moveaxis(jnp.take(rows, order, axis=0), 0, axis)


def read(rows: Any, length: int, reverse: bool) -> Any:
    """What the next `length` steps read, no more than the delay."""
    rows = rows[1 : 1 + length]
    return jnp.flip(rows, 0) if reverse else rows


def shift(rows: Any, values: Any, reverse: bool) -> tuple[Any, Any]:
    """The rows after steps that wrote `values`, and what these steps read."""
    if reverse:
        values = jnp.flip(values, 0).at[0].add(rows[0])
    history = jnp.concatenate([rows, values])
    after, seen = history[-len(rows) :], history[1 : 1 + len(values)]
    return (after.at[0].set(0), jnp.flip(seen, 0)) if reverse else (after, seen)


def turn(cotangent: Any) -> Any:
    """The cotangent of rows as rows in reversed time."""
    return jnp.concatenate([cotangent[:1], jnp.flip(cotangent[1:], 0)])


def blocked(program: Program, length: int) -> tuple[Program, list[int]]:
    """The program of so few steps that some delays are known beforehand: inputs and outputs; and which these are."""
    known = [k for k, lag in enumerate(program.lags) if lag >= length]
    rest = [k for k in range(len(program.carry)) if k not in known]
    return replace(
        program,
        carry=tuple(program.carry[k] for k in rest),
        new=tuple(program.new[k] for k in rest),
        lags=tuple(program.lags[k] for k in rest),
        xs=(*program.xs, *(program.carry[k] for k in known)),
        ys=(*program.ys, *(program.new[k] for k in known)),
    ), known
