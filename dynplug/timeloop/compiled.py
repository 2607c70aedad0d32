"""A loop over time with a backward pass of its own."""

from collections.abc import Callable, Sequence
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp

from dynplug.timeloop.chunks import in_chunks
from dynplug.timeloop.execute import execute, zeros
from dynplug.timeloop.gradient import Differentiated, differentiate
from dynplug.timeloop.lags import turn
from dynplug.timeloop.plan import Plan
from dynplug.timeloop.program import Program, struct

Pair = tuple[list[Any], list[Any]]


class _Kept(eqx.Module):
    """What the forward pass leaves for the backward pass."""

    arrays: Any
    pair: Differentiated = eqx.field(static=True)
    consts: tuple[bool, ...] = eqx.field(static=True)
    xs: tuple[bool, ...] = eqx.field(static=True)


def compiled(program: Program, length: int, plan: Plan) -> Callable[[list[Any], list[Any], list[Any]], Pair]:
    """The loop as a function of constants, carry and inputs, which gives the carry and the outputs."""
    n_ys = len(program.ys)

    @jax.custom_vjp
    def loop(consts: list[Any], carry: list[Any], xs: list[Any]) -> Pair:
        new, ys, _ = in_chunks(_runner(plan, program, consts), carry, xs, length, plan.chunk)
        return new, ys

    def forward(consts: list[Any], carry: list[Any], xs: list[Any]) -> tuple[Pair, _Kept]:
        masks = tuple(tuple(_is_differentiated(p) for p in part) for part in (consts, xs))
        consts, carry, xs = ([p.value for p in part] for part in (consts, carry, xs))
        pair = differentiate(program, *masks)
        given = [*consts, *pair.values]
        if plan.remat:
            step = _runner(plan, program, consts)

            def one(now: Any, x: Any, count: int, reverse: bool) -> Any:
                new, ys, _ = step(now, x, count, reverse)
                return new, (ys, [v[None] for v in now]), []

            new, (ys, starts), _ = in_chunks(one, carry, xs, length, plan.chunk)
            return (new, ys), _Kept((given, xs, starts, [new[k] for k in pair.followed]), pair, *masks)
        new, outs, _ = in_chunks(_runner(plan, pair.forward, given), carry, xs, length, plan.chunk)
        return (new, outs[:n_ys]), _Kept((given, xs, outs[n_ys:], [new[k] for k in pair.followed]), pair, *masks)

    def backward(kept: _Kept, cotangents: Pair) -> tuple[Any, Any, Any]:
        given, xs, rest, followed = kept.arrays
        pair = kept.pair
        floating = [jnp.issubdtype(struct(v).dtype, jnp.inexact) for v in program.carry]
        lags = pair.backward.lags
        handed = [*_floating(cotangents[0]), *followed]
        handed = [turn(v) if lag else v for v, lag in zip(handed, lags, strict=True)]
        put_out = _floating(cotangents[1])
        step = _runner(plan, pair.backward, given)
        sums = zeros(pair.backward.sums)
        if plan.remat:
            again = _runner(plan, pair.forward, given)

            def one(now: Any, x: Any, count: int, reverse: bool) -> Any:
                x, start, cts = x
                _, outs, _ = again([v[0] for v in start], x, count, False)
                return step(now, [*x, *outs[n_ys:], *cts], count, reverse)

            found = in_chunks(one, handed, (xs, rest, put_out), length, plan.chunk, reverse=True, sums=sums)
        else:
            found = in_chunks(step, handed, [*xs, *rest, *put_out], length, plan.chunk, reverse=True, sums=sums)
        first, of_xs, of_consts = found
        first = [turn(v) if lag else v for v, lag in zip(first, lags, strict=True)]
        return _spread(of_consts, kept.consts), _spread(first, floating), _spread(of_xs, kept.xs)

    loop.defvjp(forward, backward, symbolic_zeros=True)
    return loop


def _runner(plan: Plan, program: Program, consts: Sequence[Any]) -> Callable[..., Any]:
    def one(carry: Any, xs: Any, length: int, reverse: bool) -> Any:
        return execute(program, consts, carry, xs, length, reverse=reverse, hoist=plan.layers)

    return one


def _is_differentiated(p: Any) -> bool:
    return bool(p.perturbed) and jnp.issubdtype(p.value.dtype, jnp.inexact)


def _floating(cotangents: Sequence[Any]) -> list[Any]:
    """The cotangents of floating values, as arrays."""
    floating: list[Any] = [c for c in cotangents if jnp.issubdtype(c.dtype, jnp.inexact)]
    return [c if isinstance(c, jax.Array) else jnp.zeros(c.shape, c.dtype) for c in floating]


def _spread(values: Sequence[Any], where: Sequence[bool]) -> list[Any]:
    it = iter(values)
    return [next(it) if w else None for w in where]
