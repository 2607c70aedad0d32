"""A loop over time as a function that JAX can differentiate in both modes."""

from collections.abc import Callable, Sequence
from functools import cache, partial
from itertools import islice
from typing import Any

import jax
import numpy as np
from jax.interpreters import ad

from dynplug.timeloop.backward import Backward, backward
from dynplug.timeloop.chunks import in_chunks
from dynplug.timeloop.execute import execute
from dynplug.timeloop.lags import turn
from dynplug.timeloop.linear import LinearMap, call, sealed
from dynplug.timeloop.linearised import Linearised, linearise
from dynplug.timeloop.perturbed import is_floating, merge, perturbed, select
from dynplug.timeloop.plan import Plan
from dynplug.timeloop.primitives import has_own_derivative
from dynplug.timeloop.program import Program

Values = Sequence[Any]
Pair = tuple[list[Any], list[Any]]

fall_back = True  # tests turn it off: a fault would be hidden


def compiled(
    program: Program, length: int, plan: Plan, reverse: bool
) -> Callable[[list[Any], list[Any], list[Any]], Pair]:
    """The loop as a function of constants, carry and inputs, which gives the carry and the outputs."""
    loop = _Loop(program, length, plan, reverse)

    @jax.custom_jvp
    def run(consts: list[Any], carry: list[Any], xs: list[Any]) -> Pair:
        return loop.run(consts, carry, xs)

    def rule(primals: tuple[Values, Values, Values], tangents: tuple[Values, Values, Values]) -> tuple[Pair, Pair]:
        masks = tuple(tuple(map(_is_tangent, part)) for part in tangents)
        moving = [t for part, mask in zip(tangents, masks, strict=True) for t in select(part, mask)]
        return attempt(lambda: loop.differentiated(masks, primals, moving), lambda: loop.pushed(masks, primals, moving))

    run.defjvp(rule, symbolic_zeros=True)
    return run


class _Loop:
    """A program, and how it is run over time."""

    def __init__(self, program: Program, length: int, plan: Plan, reverse: bool):
        self.program, self.length, self.plan, self.reverse = program, length, plan, reverse
        self.linearised = cache(self._linearised)

    def _linearised(self, masks: Any) -> Linearised:
        return linearise(self.program, perturbed(self.program, *masks))

    def step(self, program: Program, consts: Values) -> Callable[..., Any]:
        """A chunk of a program."""

        def chunk(carry: Any, xs: Any, length: int, reverse: bool) -> Any:
            return execute(program, consts, carry, xs, length, reverse=reverse, hoist=self.plan.layers)

        return chunk

    def in_chunks(self, one: Any, carry: Any, xs: Any, *, back: bool = False, sums: Any = ()) -> Any:
        """Chunk after chunk, in the loop's own direction or back."""
        reverse = self.reverse != back
        return in_chunks(one, carry, xs, self.length, self.plan.chunk, reverse=reverse, sums=sums)

    def run(self, consts: Values, carry: Values, xs: Values) -> Pair:
        """The carry after the last step, and the outputs."""
        new, ys, _ = self.in_chunks(self.step(self.program, consts), list(carry), list(xs))
        return new, ys

    def _kept(self, forward: Program, count: int, consts: Values, carry: Values, xs: Values) -> Any:
        """What `run` gives, and what is kept of each step."""
        new, outs, _ = self.in_chunks(self.step(forward, consts), list(carry), list(xs))
        return new, outs[:count], outs[count:]

    def _starts(self, consts: Values, carry: Values, xs: Values) -> Any:
        """What `run` gives, and the carry with which each chunk starts."""
        step = self.step(self.program, consts[: len(self.program.consts)])

        def one(now: Any, x: Any, length: int, reverse: bool) -> Any:
            new, ys, _ = step(now, x, length, reverse)
            return new, (ys, [v[None] for v in now]), []

        new, (ys, starts), _ = self.in_chunks(one, list(carry), list(xs))
        return new, ys, starts

    def pushed(self, masks: Any, primals: Any, tangents: list[Any]) -> tuple[Pair, Pair]:
        """What `run` gives, and its tangents, as JAX differentiates it; whether one is zero it does not say."""
        values, mask = [v for part in primals for v in part], [m for part in masks for m in part]
        sizes = list(map(len, primals))

        def run(moving: list[Any]) -> tuple[list[Any], list[Any]]:
            consts, carry, xs = _parts(merge(moving, tuple(mask), values), sizes)
            new, ys = self.run(consts, carry, xs)
            floating = tuple(map(is_floating, results := [*new, *ys]))
            return select(results, floating), results

        _, found, results = jax.jvp(run, (select(values, tuple(mask)),), (tangents,), has_aux=True)
        every = merge(found, tuple(map(is_floating, results)), [_no_tangent(v) for v in results])
        count = len(self.program.new)
        return (results[:count], results[count:]), (every[:count], every[count:])

    def differentiated(self, masks: Any, primals: Any, tangents: list[Any]) -> tuple[Pair, Pair]:
        """What `run` gives, and its tangents."""
        consts, carry, xs = map(list, primals)
        lin = self.linearised(masks)
        given = [*consts, *lin.values]
        ruled = any(map(has_own_derivative, self.program.eqns))
        forward = self._starts if self.plan.remat else partial(self._kept, lin.forward, len(self.program.ys))
        new, ys, kept = sealed(forward, given, carry, xs) if ruled else forward(given, carry, xs)
        residuals = [given, carry, xs, kept, [new[k] for k in lin.followed]]
        leaves, tree = jax.tree.flatten(residuals)
        moved = (*lin.where.carry, *lin.where.ys)
        results = [*new, *ys]
        avals = [jax.typeof(v).strip_weak_type() for v in select(results, moved)]
        found = call(_Derivative(self, lin, masks, tree), leaves, tangents, avals)
        every = merge(found, moved, [_no_tangent(v) for v in results])
        return (new, ys), (every[: len(new)], every[len(new) :])


class _Derivative(LinearMap):
    """The derivative of a loop, from the tangents of what `masks` mark to those of what is perturbed."""

    def __init__(self, loop: _Loop, lin: Linearised, masks: Any, tree: Any):
        self.loop, self.lin, self.masks, self.tree = loop, lin, masks, tree
        self.backward = cache(partial(backward, lin))

    def apply(self, residuals: Values, tangents: Values) -> list[Any]:
        """The tangents beside the values, step by step: nothing is kept."""
        given, carry, xs, *_ = self.tree.unflatten(residuals)
        primals = given[: len(self.loop.program.consts)], carry, xs
        _, (new, ys) = self.loop.pushed(self.masks, primals, list(tangents))
        return select([*new, *ys], (*self.lin.where.carry, *self.lin.where.ys))

    def transpose(self, residuals: Values, cotangents: Values) -> list[Any]:
        return attempt(lambda: self._back(residuals, cotangents), lambda: self._turned(residuals, cotangents))

    def _turned(self, residuals: Values, cotangents: Values) -> list[Any]:
        """The transpose of `apply`, as JAX does it."""
        given, carry, xs, *_ = self.tree.unflatten(residuals)
        tangents = [t for p, m in zip((given, carry, xs), self.masks, strict=True) for t in select(p[: len(m)], m)]
        avals = [jax.typeof(t).strip_weak_type() for t in tangents]
        used = tuple(c is not None for c in cotangents)
        pull = jax.linear_transpose(lambda *t: select(self.apply(residuals, t), used), *avals)
        return list(pull([c for c in cotangents if c is not None]))

    def _back(self, residuals: Values, cotangents: Values) -> list[Any]:
        """From the cotangents of results to those of all that has a tangent, in reversed time."""
        loop, where, back = self.loop, self.lin.where, self._backward(cotangents)
        of_carry, of_ys = _parts(self._every(cotangents), [len(where.carry), len(where.ys)])
        given, carry, xs, kept, followed = self.tree.unflatten(residuals)
        lags, count = loop.program.lags, len(loop.program.ys)
        again = loop.step(self.lin.forward, given)
        step = loop.step(back.program, [*given, *back.values, *(of_carry[k] for k in back.passed)])

        def at_the_end(k: int) -> Any:
            cotangent = ad.zeros_like_aval(jax.typeof(carry[k])) if of_carry[k] is None else of_carry[k]
            return turn(cotangent) if lags[k] else cotangent

        def one(now: Any, x: Any, length: int, reverse: bool) -> Any:
            given_xs, start, cts = x
            if loop.plan.remat:
                _, outs, _ = again([v[0] for v in start], given_xs, length, not reverse)
                start = outs[count:]
            return step(now, [*given_xs, *start, *cts], length, reverse)

        handed = [*map(at_the_end, back.carry), *followed]
        rows = xs, kept, [of_ys[k] for k in back.ys]
        sums = [ad.zeros_like_aval(v.aval) for v in back.program.sums]
        first, of_xs, of_consts = loop.in_chunks(one, handed, rows, back=True, sums=sums)
        of_first = {k: turn(v) if lags[k] else v for k, v in zip(back.carry, first, strict=False)}
        of_first |= {k: of_carry[k] for k in back.passed}
        found = dict(zip(back.consts, of_consts, strict=True)), of_first, dict(zip(back.xs, of_xs, strict=True))
        return [part.get(k) for part, mask in zip(found, self.masks, strict=True) for k, m in enumerate(mask) if m]

    def _every(self, cotangents: Values) -> list[Any]:
        moved = (*self.lin.where.carry, *self.lin.where.ys)
        return merge(cotangents, moved, [None] * len(moved))

    def _backward(self, cotangents: Values) -> Backward:
        used = tuple(c is not None for c in self._every(cotangents))
        count = len(self.lin.where.carry)
        return self.backward(used[:count], used[count:])


def attempt(way: Callable[[], Any], other: Callable[[], Any]) -> Any:
    """What one way gives, or the other where the first cannot be traced: only then it shows what JAX can do."""
    if not fall_back:
        return way()
    try:
        return way()
    except Exception:
        return other()


def _parts(values: Values, sizes: Sequence[int]) -> list[list[Any]]:
    it = iter(values)
    return [list(islice(it, size)) for size in sizes]


def _is_tangent(t: Any) -> bool:
    return not isinstance(t, jax.custom_derivatives.SymbolicZero) and is_floating(t)


def _no_tangent(value: Any) -> Any:
    if not is_floating(value):
        return np.zeros(value.shape, jax.dtypes.float0)
    return jax.custom_derivatives.SymbolicZero(jax.typeof(value).strip_weak_type())
