"""The kernel of an elementwise recurrence: all steps of a tile of units, with carried values in registers.

Time goes by in blocks of a few steps. The loads of a block come first, so that they are under way together, then its
computations, then its stores. Nothing but inputs, outputs and, in the backward pass, residuals touches memory.

**Invariant:** the same operations in the same order as in a scan of the recurrence; `kernel_ops` may put an identity in
the place of one.

**Limits:** an input that only some unit axes have is copied along the others. Booleans take a byte in memory.
"""

from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.typing import DTypeLike
from jaxtyping import Array

from dynplug.timeloop.jaxpr_types import Atom, Literal, Var
from dynplug.timeloop.kernel_ops import operation, operation_count
from dynplug.timeloop.program import struct
from dynplug.timeloop.recurrence import Recurrence
from dynplug.timeloop.unit_axes import LAYOUT
from dynplug.timeloop.with_pallas import Index, Load, Store, call

# From examples/benchmarks/gpu.py, on an H100: tiles of 128 or 256 units and blocks of 4 or 8 steps are worth 1.2 to 1.4
# times; a block that holds more than `_REGISTERS` values a thread was not tried.
_TILE = 128
_STEPS = 8
_REGISTERS = 48
_CODE = 1000  # equations in a block; chosen, for the time that they take to compile
_WRITTEN_OUT = 250  # operations in a block, where equations take many: as Mosaic's time grows with their square

_State = tuple[list[Array], list[Array]]  # of a tile: what it carries, and its sums so far


def run_kernel(
    rec: Recurrence,
    compiler: str,
    length: int,
    reverse: bool,
    consts: Sequence[Array],
    carry: Sequence[Array],
    xs: Sequence[Array],
) -> list[Array]:
    """The carried values after the last step, the outputs of all steps, and the sums, from one kernel."""
    units = max(rec.unit_count, _TILE)
    steps = _steps_in_block(rec, compiler, length)
    given = [*consts, *carry, *xs]
    names = (*rec.consts, *rec.carry, *rec.ins)
    stacked = [False] * (len(consts) + len(carry)) + [True] * len(xs)
    ins = [_flat(rec, v, a, s, units) for v, a, s in zip(names, given, stacked, strict=True)]
    after = rec.carry[: rec.owned]  # a value after the step may be a literal, which has no unit axes
    results = (*after, *rec.outs, *rec.sums)
    shapes = [(units,)] * len(after) + [(length, units)] * len(rec.outs) + [(units,)] * len(rec.sums)
    outs = [jax.ShapeDtypeStruct(s, _in_memory(struct(v).dtype)) for s, v in zip(shapes, results, strict=True)]

    def kernel(load: Load, store: Store, refs: Sequence[jax.Ref]) -> None:
        it = iter(refs)
        of_consts, of_carry, of_xs, of_after, of_outs, of_sums = (
            [next(it) for _ in part] for part in (consts, carry, xs, after, rec.outs, rec.sums)
        )
        known = {v: _decoded(load(r, None), v) for v, r in zip(rec.consts, of_consts, strict=True)}

        def block(first: Index, state: _State, steps: int) -> _State:
            when = [first + j for j in range(steps)]
            when = [length - 1 - t for t in when] if reverse else when
            loaded = [[load(r, t) for r in of_xs] for t in when]
            written: list[list[Array]] = []
            for row in loaded:
                state, outs = _step(rec, known, state, row)
                written.append(outs)
            for t, outs in zip(when, written, strict=True):
                for r, value in zip(of_outs, outs, strict=True):
                    store(r, value, t)
            return state

        start = [load(r, None) for r in of_carry]
        state = (
            [_in_loop(a) for a in start],
            [jnp.zeros((_TILE,), _summed(struct(v).dtype)) for v in rec.sums],
        )
        blocks, left = divmod(length, steps)
        state = _repeat(blocks, lambda i, s: block(i * steps, s, steps), state)
        state = _repeat(left, lambda i, s: block(blocks * steps + i, s, 1), state)
        for r, value, v in zip(of_after, state[0], after, strict=False):
            store(r, value.astype(_in_memory(struct(v).dtype)), None)
        for r, value, v in zip(of_sums, state[1], rec.sums, strict=True):
            store(r, value.astype(struct(v).dtype), None)

    found = call(kernel, ins, outs, units, _TILE, compiler)
    return [_shaped(rec, v, a, len(s) > 1) for v, a, s in zip(results, found, shapes, strict=True)]


def _step(rec: Recurrence, known: dict[Var, Array], state: _State, row: Sequence[Array]) -> tuple[_State, list[Array]]:
    """One step of a tile: the state after it, and the values to write."""
    carry, sums = state
    env = dict(known)
    env |= {v: _decoded(a, v) for v, a in zip((*rec.carry, *rec.ins), (*carry, *row), strict=True)}

    def read(v: Atom) -> Array:
        return jnp.full((_TILE,), v.val, struct(v).dtype) if isinstance(v, Literal) else env[v]

    for eqn in rec.written_out:
        values = [read(v) for v in eqn.invars]
        if eqn.primitive.name in LAYOUT:
            env[eqn.outvars[0]] = values[0]
            continue
        compute = operation(eqn)
        assert compute is not None, "`split` keeps what no kernel can compute out of recurrences"
        found = compute(*values)
        env.update(zip(eqn.outvars, found if isinstance(found, list) else [found], strict=True))
    after = [_in_loop(read(v)) for v in rec.carry_out]
    total = [lax.add(a, read(v).astype(a.dtype)) for a, v in zip(sums, rec.sums, strict=True)]
    return (after, total), [_encoded(read(v)) for v in rec.outs]


def _repeat(count: int, body: Callable[[Index, _State], _State], state: _State) -> _State:
    if count == 0:
        return state
    if count == 1:
        return body(0, state)
    return lax.fori_loop(jnp.int32(0), jnp.int32(count), body, state)


def _steps_in_block(rec: Recurrence, compiler: str, length: int) -> int:
    """The steps in a block, a power of two, so that what it loads and writes stays in registers, and code small."""
    usual = 2 if compiler == "interpreted" else _STEPS  # XLA on a CPU takes long to compile more
    in_registers = _REGISTERS // max(1, len(rec.ins) + len(rec.outs))
    code = _CODE // max(1, len(rec.written_out))
    if (operations := sum(map(operation_count, rec.written_out))) > len(rec.written_out):
        code = min(code, _WRITTEN_OUT // operations)
    most = max(1, min(usual, length, in_registers, code))
    return 1 << (most.bit_length() - 1)


def _flat(rec: Recurrence, v: Var, value: Array, stacked: bool, units: int) -> Array:
    """A value as a kernel reads it: its last axis are all units, or one tile where it is the same for all of them."""
    lead = value.shape[:1] if stacked else ()
    places = _places(rec, v)
    own = sorted(p for p in places if p is not None)
    axes = [d for d, p in sorted(enumerate(places), key=lambda pair: -1 if pair[1] is None else pair[1])]
    first = len(lead)
    value = value.transpose((*range(first), *(d + first for d in axes))) if axes else value
    value = _encoded(value.reshape((*lead, *(rec.units[p] if p in own else 1 for p in range(len(rec.units))))))
    if not own:
        return jnp.broadcast_to(value.reshape((*lead, 1)), (*lead, _TILE))
    value = jnp.broadcast_to(value, (*lead, *rec.units)).reshape((*lead, rec.unit_count))
    missing = units - rec.unit_count
    return jnp.pad(value, [(0, 0)] * first + [(0, missing)]) if missing else value


def _shaped(rec: Recurrence, v: Atom, value: Array, stacked: bool) -> Array:
    """The inverse of `_flat`: a result as the step has it."""
    lead = value.shape[:1] if stacked else ()
    value = value[..., : rec.unit_count].reshape((*lead, *rec.units))
    places = _places(rec, v)
    own = [p for p in places if p is not None]
    index = tuple(slice(None) if p in own else 0 for p in range(len(rec.units)))
    value = value[(*(slice(None) for _ in lead), *index)]
    order = [sorted(own).index(p) + len(lead) for p in own]
    value = value.transpose((*range(len(lead)), *order)).reshape((*lead, *struct(v).shape))
    return value != 0 if struct(v).dtype == jnp.bool_ else value


def _places(rec: Recurrence, v: Atom) -> tuple[int | None, ...]:
    return (None,) * np.ndim(v.val) if isinstance(v, Literal) else rec.places[v]


def _in_memory(dtype: DTypeLike) -> DTypeLike:
    return jnp.int8 if dtype == jnp.bool_ else dtype


def _summed(dtype: DTypeLike) -> DTypeLike:
    """The dtype in which a sum over time is kept: that of half precision would lose most of a long one."""
    return jnp.float32 if dtype in (jnp.bfloat16, jnp.float16) else dtype


def _encoded(value: Array) -> Array:
    return value.astype(jnp.int8) if value.dtype == jnp.bool_ else value


def _in_loop(value: Array) -> Array:
    """A carried value in registers, where booleans are whole numbers."""
    return value.astype(jnp.int32) if value.dtype in (jnp.bool_, jnp.int8) else value


def _decoded(value: Array, v: Var) -> Array:
    """A value as the equations expect it."""
    if struct(v).dtype == jnp.bool_:
        return lax.ne(value, jnp.zeros_like(value))
    return value.astype(struct(v).dtype)
