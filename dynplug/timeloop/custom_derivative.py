"""Custom derivative rules: a loop over time as a function that JAX can differentiate in forward and reverse mode.

A `jax.custom_jvp` rule runs the forward pass, which keeps residuals, and makes the tangents by a linear function of
them (`linear_call.py`). In forward mode that function is evaluated; in reverse mode it is transposed, by the backward
program of `transpose.py`, which runs in reversed time. With `remat` the forward pass keeps the carry at the start of
each chunk instead, and the backward pass recomputes a chunk's residuals from it (`chunks.py`).

**Invariant:** values and derivatives are those of `jax.lax.scan`, up to rounding, and symbolic zeros stay symbolic.

**Limits:** forward mode computes the values a second time, as nothing is kept for it. What cannot be linearised or
transposed by this compiler is left to JAX (`with_fallback`).

**Reference:** Custom derivative rules for JAX-transformable Python functions,
https://docs.jax.dev/en/latest/notebooks/Custom_derivative_rules_for_Python_code.html.
"""

from collections.abc import Callable, Sequence
from functools import cache, partial
from itertools import islice
from typing import TypeGuard, TypeVar, cast

import jax
import numpy as np
from jax.custom_derivatives import SymbolicZero
from jax.interpreters import ad
from jaxtyping import PyTree

from dynplug.timeloop.activity_analysis import Mask, activity, is_floating, merge, select
from dynplug.timeloop.chunks import in_chunks
from dynplug.timeloop.delays import time_reversed
from dynplug.timeloop.execute import Results, execute
from dynplug.timeloop.jaxpr_types import Tangent, Value, Values
from dynplug.timeloop.linear_call import Cotangents, LinearMap, linear_call, opaque
from dynplug.timeloop.linearise import Linearised, linearise
from dynplug.timeloop.plan import Plan
from dynplug.timeloop.primitives import has_own_derivative
from dynplug.timeloop.program import Program, aval_of
from dynplug.timeloop.transpose import Transposed, transpose
from dynplug.timeloop.weak_types import strongly_typed

Pair = tuple[list[Value], list[Value]]  # the carry after the last step, and the outputs
Tangents = tuple[list[Tangent], list[Tangent]]
Parts = tuple[Values, Values, Values]  # constants, carry and inputs
Masks = tuple[Mask, Mask, Mask]
Chunk = Callable[[PyTree, PyTree, int, bool], tuple[PyTree, PyTree, PyTree]]  # see `chunks.in_chunks`
T = TypeVar("T")

fall_back = True  # tests turn it off: a fault would be hidden


def differentiable_loop(
    program: Program, length: int, plan: Plan, reverse: bool
) -> Callable[[list[Value], list[Value], list[Value]], Pair]:
    """The loop as a function from constants, carry and inputs to the last carry and the outputs."""
    loop = _Loop(program, length, plan, reverse)

    @jax.custom_jvp
    def run(consts: list[Value], carry: list[Value], xs: list[Value]) -> Pair:
        return loop.run(consts, carry, xs)

    def rule(
        primals: Parts, tangents: tuple[Sequence[Tangent], Sequence[Tangent], Sequence[Tangent]]
    ) -> tuple[Pair, Tangents]:
        consts, carry, xs = (tuple(map(_is_tangent, part)) for part in tangents)
        masks = consts, carry, xs
        moving = [t for part in tangents for t in part if _is_tangent(t)]
        return with_fallback(
            lambda: loop.jvp_by_residuals(masks, primals, moving), lambda: loop.jvp_by_jax(masks, primals, moving)
        )

    run.defjvp(rule, symbolic_zeros=True)  # pyright: ignore[reportArgumentType] - which JAX's type of rules leaves out
    return run


class _Loop:
    """A program, and how it runs over time. Masks say which constants, carried values and inputs have tangents."""

    def __init__(self, program: Program, length: int, plan: Plan, reverse: bool):
        self.program, self.length, self.plan, self.reverse = program, length, plan, reverse
        self.linearised = cache(self._linearised)

    def _linearised(self, masks: Masks) -> Linearised:
        return linearise(self.program, activity(self.program, *masks))

    def chunk(self, program: Program, consts: Values) -> Callable[[Values, Values, int, bool], Results]:
        """The function that runs a program over one chunk."""

        def run_chunk(carry: Values, xs: Values, length: int, reverse: bool) -> Results:
            return execute(program, consts, carry, xs, length, reverse=reverse, plan=self.plan)

        return run_chunk

    def in_chunks(
        self, chunk: Chunk, carry: PyTree, xs: PyTree, *, backward: bool = False, sums: Values = ()
    ) -> tuple[PyTree, PyTree, PyTree]:
        """Chunk after chunk, in the loop's own direction or backward."""
        reverse = self.reverse != backward
        return in_chunks(chunk, carry, xs, self.length, self.plan.chunk, reverse=reverse, sums=sums)

    def run(self, consts: Values, carry: Values, xs: Values) -> Pair:
        """The carry after the last step, and the outputs."""
        carry_out, ys, _ = self.in_chunks(self.chunk(self.program, consts), list(carry), list(xs))
        return carry_out, ys

    def _run_with_residuals(self, forward: Program, count: int, consts: Values, carry: Values, xs: Values) -> Results:
        """The results of `run`, and the residuals of each step, which follow the first `count` outputs of `forward`."""
        carry_out, outs, _ = self.in_chunks(self.chunk(forward, consts), list(carry), list(xs))
        return carry_out, outs[:count], outs[count:]

    def _run_with_checkpoints(self, consts: Values, carry: Values, xs: Values) -> Results:
        """The results of `run`, and the carry at the start of each chunk."""
        run_chunk = self.chunk(self.program, consts[: len(self.program.consts)])

        def keep_start(now: Values, x: Values, length: int, reverse: bool) -> tuple[list[Value], Pair, list[Value]]:
            new, ys, _ = run_chunk(now, x, length, reverse)
            return new, (ys, [v[None] for v in now]), []

        carry_out, (ys, starts), _ = self.in_chunks(keep_start, list(carry), list(xs))
        return carry_out, ys, starts

    def jvp_by_jax(self, masks: Masks, primals: Parts, tangents: list[Value]) -> tuple[Pair, Tangents]:
        """The results of `run` and their tangents, as JAX differentiates it; it knows no symbolic zeros."""
        values, mask = [v for part in primals for v in part], [m for part in masks for m in part]
        sizes = list(map(len, primals))

        def run(moving: list[Value]) -> tuple[list[Value], list[Value]]:
            consts, carry, xs = _split(merge(moving, tuple(mask), values), sizes)
            carry_out, ys = self.run(consts, carry, xs)
            floating = tuple(map(is_floating, results := [*carry_out, *ys]))
            return select(results, floating), results

        _, found, results = jax.jvp(run, (select(values, tuple(mask)),), (tangents,), has_aux=True)
        every = merge(found, tuple(map(is_floating, results)), [_zero_tangent(v) for v in results])
        count = len(self.program.carry_out)
        return (results[:count], results[count:]), (every[:count], every[count:])

    def jvp_by_residuals(self, masks: Masks, primals: Parts, tangents: list[Value]) -> tuple[Pair, Tangents]:
        """The results of `run` and their tangents, as a linear function that can be transposed."""
        # 1. Run forward, keeping residuals or checkpoints. A step with derivative rules of its own is made opaque, or
        # its rules would be lost in a second derivative.
        consts, carry, xs = map(list, primals)
        lin = self.linearised(masks)
        all_consts = [*consts, *lin.values]
        forward = (
            self._run_with_checkpoints
            if self.plan.remat
            else partial(self._run_with_residuals, lin.forward, len(self.program.ys))
        )
        has_rules = any(map(has_own_derivative, self.program.eqns))
        run = partial(opaque, forward) if has_rules else forward
        carry_out, ys, kept = run(all_consts, carry, xs)

        # 2. Make the tangents of the active results. The others have tangents that are symbolic zeros.
        residuals = [all_consts, carry, xs, kept, [carry_out[k] for k in lin.carried_back]]
        leaves, tree = jax.tree.flatten(residuals)
        active = (*lin.active.carry, *lin.active.ys)
        results = [*carry_out, *ys]
        avals = [strongly_typed(jax.typeof(v)) for v in select(results, active)]
        found = linear_call(_Derivative(self, lin, masks, tree.unflatten), leaves, tangents, avals)
        every = merge(found, active, [_zero_tangent(v) for v in results])
        return (carry_out, ys), (every[: len(carry_out)], every[len(carry_out) :])


class _Derivative(LinearMap):
    """The derivative of a loop, from the tangents of what `masks` mark to those of the active results.

    `unflatten` gives the residuals their structure: constants, carry, inputs, what the forward pass kept of each step
    or chunk, and the final values of what is carried back.
    """

    def __init__(self, loop: _Loop, lin: Linearised, masks: Masks, unflatten: Callable[[Values], PyTree]):
        self.loop, self.lin, self.masks, self.unflatten = loop, lin, masks, unflatten
        self.transposed = cache(partial(transpose, lin))

    def apply(self, residuals: Values, tangents: Values) -> list[Value]:
        """The tangents, computed beside the values step by step; nothing is kept."""
        all_consts, carry, xs, *_ = self.unflatten(residuals)
        primals = all_consts[: len(self.loop.program.consts)], carry, xs
        _, (carry_out, ys) = self.loop.jvp_by_jax(self.masks, primals, list(tangents))
        active = select([*carry_out, *ys], (*self.lin.active.carry, *self.lin.active.ys))
        return cast(list[Value], active)  # none of which is a symbolic zero

    def transpose(self, residuals: Values, cotangents: Cotangents) -> list[Value | None]:
        return with_fallback(
            lambda: self._transpose_by_residuals(residuals, cotangents),
            lambda: self._transpose_by_jax(residuals, cotangents),
        )

    def _transpose_by_jax(self, residuals: Values, cotangents: Cotangents) -> list[Value | None]:
        """The transpose of `apply`, as JAX makes it."""
        all_consts, carry, xs, *_ = self.unflatten(residuals)
        primals = all_consts, carry, xs
        tangents = [t for p, m in zip(primals, self.masks, strict=True) for t in select(p[: len(m)], m)]
        avals = [strongly_typed(jax.typeof(t)) for t in tangents]
        used = tuple(c is not None for c in cotangents)
        pull = jax.linear_transpose(lambda *t: select(self.apply(residuals, t), used), *avals)
        return list(pull([c for c in cotangents if c is not None]))

    def _transpose_by_residuals(self, residuals: Values, cotangents: Cotangents) -> list[Value | None]:
        """From the cotangents of results to those of all that has a tangent, in reversed time."""
        # 1. Find the backward program for these cotangents, and lay out what it reads.
        loop, active, back = self.loop, self.lin.active, self._transposed(cotangents)
        of_carry, of_ys = _split(self._of_all_results(cotangents), [len(active.carry), len(active.ys)])
        unchanged = {k: v for k in back.unchanged if (v := of_carry[k]) is not None}
        all_consts, carry, xs, kept, final = self.unflatten(residuals)
        delays, count = loop.program.delays, len(loop.program.ys)
        recompute = loop.chunk(self.lin.forward, all_consts)
        run_chunk = loop.chunk(back.program, [*all_consts, *back.values, *unchanged.values()])

        def cotangent_at_the_end(k: int) -> Value:
            if (cotangent := of_carry[k]) is None:
                cotangent = ad.zeros_like_aval(jax.typeof(carry[k]))
            return time_reversed(cotangent) if delays[k] else cotangent

        # 2. Run it backward. With `remat` what was kept is the carry at the start of a chunk, from which the chunk runs
        # forward once more; its residuals follow the first `count` outputs.
        def chunk(now: Values, x: Parts, length: int, reverse: bool) -> Results:
            inputs, kept, cotangents = x
            if loop.plan.remat:
                _, outs, _ = recompute([v[0] for v in kept], inputs, length, not reverse)
                kept = outs[count:]
            return run_chunk(now, [*inputs, *kept, *cotangents], length, reverse)

        start = [*map(cotangent_at_the_end, back.carry), *final]
        stacked = xs, kept, [of_ys[k] for k in back.ys]
        sums = [ad.zeros_like_aval(aval_of(v)) for v in back.program.sums]
        carried, of_xs, of_consts = loop.in_chunks(chunk, start, stacked, backward=True, sums=sums)

        # 3. Collect the cotangents of constants, carry and inputs by position; where there is none, it is zero.
        of_first = {k: time_reversed(v) if delays[k] else v for k, v in zip(back.carry, carried, strict=False)}
        of_first |= unchanged
        found = dict(zip(back.consts, of_consts, strict=True)), of_first, dict(zip(back.xs, of_xs, strict=True))
        return [part.get(k) for part, mask in zip(found, self.masks, strict=True) for k, m in enumerate(mask) if m]

    def _of_all_results(self, cotangents: Cotangents) -> list[Value | None]:
        """The cotangents of all results, from those of the active ones."""
        active = (*self.lin.active.carry, *self.lin.active.ys)
        return merge(cotangents, active, [None] * len(active))

    def _transposed(self, cotangents: Cotangents) -> Transposed:
        used = tuple(c is not None for c in self._of_all_results(cotangents))
        count = len(self.lin.active.carry)
        return self.transposed(used[:count], used[count:])


def with_fallback(preferred: Callable[[], T], fallback: Callable[[], T]) -> T:
    """The result of the first, or of the second where the first cannot be traced.

    Whether JAX can batch, linearise or transpose everything in a step shows only when it tries.
    """
    if not fall_back:
        return preferred()
    try:
        return preferred()
    except Exception:
        return fallback()


def _split(values: Sequence[T], sizes: Sequence[int]) -> list[list[T]]:
    it = iter(values)
    return [list(islice(it, size)) for size in sizes]


def _is_tangent(t: Tangent) -> TypeGuard[Value]:
    return not isinstance(t, SymbolicZero) and is_floating(t)


def _zero_tangent(value: Value) -> np.ndarray | SymbolicZero:
    if not is_floating(value):
        return np.zeros(value.shape, jax.dtypes.float0)
    return SymbolicZero(strongly_typed(jax.typeof(value)))
