"""A recurrence as one equation: a kernel where it is compiled for a GPU, elsewhere the scan that it stands for.

Which of them is known when the program is lowered for a platform, not when it is traced. So a program that was planned
for a GPU runs on a CPU, too.

**Invariant:** every way to compute, batch or differentiate the equation gives what the scan gives.

**Limits:** the kernel itself is not differentiated: a derivative of the equation is that of the scan. The compiler of
the time loop takes first derivatives before there is a kernel, so that this concerns forward mode and higher
derivatives alone.

**Reference:** How JAX primitives work, https://docs.jax.dev/en/latest/jax-primitives.html.
"""

import warnings
from collections.abc import Callable, Sequence
from functools import partial
from typing import TypedDict, TypeVar, Unpack

import jax
import jax.extend.core as jex
import jax.numpy as jnp
from jax.interpreters import ad, batching, mlir
from jaxtyping import Array

from dynplug.errors import KernelWarning
from dynplug.timeloop.jaxpr_types import Aval, BatchAxis, Value, Values
from dynplug.timeloop.program import as_function, aval_of, stacked, trace
from dynplug.timeloop.recurrence import Recurrence, split
from dynplug.timeloop.time_kernel import run_kernel
from dynplug.timeloop.weak_types import strongly_typed

Results = tuple[list[Value], list[Value], list[Value]]  # the carry after the last step, the outputs, the sums
_State = tuple[Array, list[Value], list[Value]]  # of a scan: the index of the step, the carry, the sums so far

T = TypeVar("T")


class _Params(TypedDict):
    rec: Recurrence
    compiler: str
    unroll: int
    length: int
    reverse: bool


def recurrence_call(
    rec: Recurrence, compiler: str, unroll: int, length: int, reverse: bool, consts: Values, carry: Values, xs: Values
) -> Results:
    """The recurrence over time: what it owns of the carry after the last step, the outputs of all steps, the sums."""
    options = _Params(rec=rec, compiler=compiler, unroll=unroll, length=length, reverse=reverse)
    found = _recurrence_p.bind(*consts, *carry, *xs, **options)
    first, last = rec.owned, rec.owned + len(rec.outs)
    return found[:first], found[first:last], found[last:]


def scan_recurrence(
    rec: Recurrence,
    unroll: int,
    length: int,
    reverse: bool,
    consts: Values,
    carry: Values,
    xs: Values,
    read: Callable[[Value, Array, int], Value] | None = None,
) -> Results:
    """The same as `recurrence_call`, by a scan; `read(x, n, k)` is what step `n` reads of its input `k`."""
    body = as_function(rec.eqns, (*rec.consts, *rec.carry, *rec.ins), (*rec.carry_out, *rec.outs, *rec.sums))
    first_out, first_sum = len(rec.carry), len(rec.carry) + len(rec.outs)

    # The sums are carried beside the step's own values, and its index where `read` asks for it.
    def step(state: _State, x: list[Value]) -> tuple[_State, list[Value]]:
        n, now, so_far = state
        x = [v if read is None else read(v, n, k) for k, v in enumerate(x)]
        found = body(*consts, *now, *x)
        total: list[Value] = [jax.lax.add(a, b) for a, b in zip(so_far, found[first_sum:], strict=True)]
        return (n if read is None else n + 1, found[:first_out], total), found[first_out:first_sum]

    state: _State = jnp.int32(0), list(carry), [ad.zeros_like_aval(aval_of(v)) for v in rec.sums]
    (_, after, sums), outs = jax.lax.scan(step, state, list(xs), length, reverse, unroll=min(unroll, length))
    return after[: rec.owned], outs, sums


def _flat_scan(rec: Recurrence, unroll: int, length: int, reverse: bool, args: Values) -> list[Value]:
    return [v for part in scan_recurrence(rec, unroll, length, reverse, *_parts(rec, args)) for v in part]


def _parts(rec: Recurrence, args: Sequence[T]) -> tuple[list[T], list[T], list[T]]:
    first, last = len(rec.consts), len(rec.consts) + len(rec.carry)
    return list(args[:first]), list(args[first:last]), list(args[last:])


_recurrence_p = jex.Primitive("dynplug_recurrence")
_recurrence_p.multiple_results = True


def _types(*args: Aval, rec: Recurrence, compiler: str, unroll: int, length: int, reverse: bool) -> list[Aval]:
    after, sums = (list(map(aval_of, part)) for part in (rec.carry[: rec.owned], rec.sums))
    outs = [stacked(aval_of(v), length) for v in rec.outs]
    return list(map(strongly_typed, (*after, *outs, *sums)))


def _as_scan(*args: Array, rec: Recurrence, compiler: str, unroll: int, length: int, reverse: bool) -> Values:
    if compiler == "interpreted":
        return run_kernel(rec, compiler, length, reverse, *_parts(rec, args))
    return _flat_scan(rec, unroll, length, reverse, args)


def _as_kernel(*args: Array, rec: Recurrence, compiler: str, unroll: int, length: int, reverse: bool) -> list[Array]:
    return run_kernel(rec, compiler, length, reverse, *_parts(rec, args))


def _lower_for_gpu(ctx: mlir.LoweringRuleContext, *args: mlir.Value, **params: Unpack[_Params]) -> Sequence[mlir.Value]:
    """The kernel, or the scan and a warning where Pallas cannot compile it after all."""
    try:
        return mlir.lower_fun(_as_kernel, multiple_results=True)(ctx, *args, **params)
    except Exception as error:
        warnings.warn(
            f"A recurrence of {params['rec'].unit_count} units runs as a scan, which is slower: {params['compiler']} "
            f"refuses its kernel ({type(error).__name__}: {str(error).strip().splitlines()[:1]}).",
            KernelWarning,
            stacklevel=2,
        )
        return mlir.lower_fun(_as_scan, multiple_results=True)(ctx, *args, **params)


def _jvp(
    primals: Values, tangents: Sequence[Value | ad.Zero], **params: Unpack[_Params]
) -> tuple[list[Value], list[Value]]:
    rec, rest = params["rec"], (params["unroll"], params["length"], params["reverse"])
    moving = [type(t) is not ad.Zero for t in tangents]

    def scan(*values: Value) -> list[Value]:
        it = iter(values)
        return _flat_scan(rec, *rest, [next(it) if m else p for p, m in zip(primals, moving, strict=True)])

    at, along = ([v for v, m in zip(part, moving, strict=True) if m] for part in (primals, tangents))
    return jax.jvp(scan, at, along)


def _batch(
    axis: BatchAxis, args: Values, dims: Sequence[int | None], **params: Unpack[_Params]
) -> tuple[list[Value], list[int]]:
    """A batch of recurrences is a recurrence of more units: its step is batched, and its units are found again."""
    rec, length = params["rec"], params["length"]
    first_x = len(rec.consts) + len(rec.carry)
    # The axis comes first, behind time; carried values all have it, for so they leave the step.
    places: list[int | None] = []
    moved: list[Value] = []
    for n, (a, d) in enumerate(zip(args, dims, strict=True)):
        is_x, is_carried = n >= first_x, len(rec.consts) <= n < first_x
        if d is None and is_carried:
            a, d = jnp.broadcast_to(a, (axis.size, *a.shape)), 0
        moved.append(a if d is None else jnp.moveaxis(a, d, int(is_x)))
        places.append(None if d is None else 0)
    ins = (*rec.consts, *rec.carry, *rec.ins)
    body = as_function(rec.eqns, ins, (*rec.carry_out, *rec.outs, *rec.sums))
    shapes = [
        jax.ShapeDtypeStruct((*([] if d is None else [axis.size]), *aval_of(v).shape), aval_of(v).dtype)
        for v, d in zip(ins, places, strict=True)
    ]
    traced = trace(jax.vmap(body, places, 0, axis_size=axis.size), *shapes)
    first, last = len(rec.carry), len(rec.carry) + len(rec.outs)
    batched = Recurrence(
        traced.eqns,
        traced.ins[: len(rec.consts)],
        traced.ins[len(rec.consts) : first_x],
        traced.ins[first_x:],
        traced.outs[:first],
        traced.outs[first:last],
        traced.outs[last:],
        rec.owned,
    )
    out_dims = [0] * rec.owned + [1] * len(rec.outs) + [0] * len(rec.sums)
    parts = split(batched, params["compiler"])
    if not traced.consts and not isinstance(parts, str) and len(parts) == 1:
        (part,), whole = parts, parts[0].recurrence
        consts, carry, xs = _parts(rec, moved)
        named = dict(zip((*batched.consts, *batched.ins), (*consts, *xs), strict=True))
        operands = [*(named[v] for v in whole.consts), *(carry[k] for k in part.carry), *(named[v] for v in whole.ins)]
        found = _recurrence_p.bind(*operands, **{**params, "rec": whole})
        after = dict(zip(part.carry, found, strict=False))  # a value without units may have got some by the batch
        return [*(after[k] for k in range(rec.owned)), *found[whole.owned :]], out_dims
    run = partial(_flat_scan, rec, params["unroll"], length, params["reverse"])
    in_axes = [d if d is None or n < first_x else 1 for n, d in enumerate(places)]
    return jax.vmap(lambda *a: run(a), in_axes, out_dims, axis_size=axis.size)(*moved), out_dims


_recurrence_p.def_impl(lambda *args, **params: jax.jit(partial(_recurrence_p.bind, **params))(*args))
_recurrence_p.def_abstract_eval(_types)
mlir.register_lowering(_recurrence_p, mlir.lower_fun(_as_scan, multiple_results=True))
mlir.register_lowering(_recurrence_p, _lower_for_gpu, platform="cuda")
ad.primitive_jvps[_recurrence_p] = _jvp
batching.fancy_primitive_batchers[_recurrence_p] = _batch
