"""Loops with one fault each, which programs of the classes named with it must find."""

from collections.abc import Callable
from typing import Any, NamedTuple
from unittest.mock import patch

import jax
import jax.numpy as jnp
import numpy as np

from . import tools
from .transforms import is_inexact

CONTROLS: dict[str, "Control"] = {}


class Control(NamedTuple):
    """A faulty loop, the classes that must find it, and what they must say (a regular expression)."""

    loop: Callable[..., Any]
    families: tuple[str, ...]
    says: str


def control(*families: str, says: str = "off by|other values"):
    """Makes a faulty loop, called as `jax.lax.scan` is, a control."""

    def add(loop):
        def with_options(f, init, xs=None, length=None, reverse=False, **_):
            return loop(f, init, xs, length, reverse)

        CONTROLS[loop.__name__] = Control(with_options, families, says)
        return loop

    return add


def _pulled(rule):
    """The identity of a tree, whose inexact leaves' cotangents, none of which is left out, pass through `rule`."""
    identity = jax.custom_vjp(lambda leaves: leaves)
    identity.defvjp(lambda leaves: (leaves, None), lambda _, g: ([rule(each) for each in g],))

    def of_tree(tree):
        leaves, structure = jax.tree.flatten(tree)
        wanted = [is_inexact(v) and isinstance(v, jax.Array) for v in leaves]
        changed = iter(identity([v for v, w in zip(leaves, wanted, strict=True) if w]))
        return structure.unflatten([next(changed) if w else v for v, w in zip(leaves, wanted, strict=True)])

    return of_tree


def _hoisted(f, init, xs):
    """A step and the values it closes over, apart."""
    first = jax.tree.map(lambda v: jnp.asarray(v)[0], xs)
    return jax.closure_convert(f, jax.tree.map(lambda v: v, init), first)


def _where_float(tree, change):
    return jax.tree.map(lambda v: change(v) if is_inexact(v) else v, tree)


def _change_last(tree, change, wanted=is_inexact):
    leaves, structure = jax.tree.flatten(tree)
    last = max((k for k, v in enumerate(leaves) if wanted(v)), default=None)
    return structure.unflatten([change(v) if k == last else v for k, v in enumerate(leaves)])


def _steps(xs, length):
    return len(jax.tree.leaves(xs)[0]) if length is None else int(length)


@control("carries")
def drops_cotangents_of_numpy(f, init, xs, length, reverse):
    drop = _pulled(lambda g: np.zeros_like(g) if isinstance(g, np.ndarray) else g)
    carry, out = jax.lax.scan(f, init, xs, length, reverse)
    return drop(carry), drop(out)


@control("carries", "dtypes", "dense", says="dtype")
def another_dtype_of_one_output(f, init, xs, length, reverse):
    carry, out = jax.lax.scan(f, init, xs, length, reverse)
    return carry, _change_last(out, lambda v: v.astype(jnp.float32 if v.dtype != jnp.float32 else jnp.float16))


@control("dtypes", says="weak type")
def loses_weak_types(f, init, xs, length, reverse):
    carry, out = jax.lax.scan(f, init, xs, length, reverse)
    return carry, jax.tree.map(lambda v: v if _is_key(v) else v.astype(v.dtype), out)


@control("dtypes", says="values.0.*weak type")
def makes_weak_types_of_the_carry_strong(f, init, xs, length, reverse):
    carry, out = jax.lax.scan(f, init, xs, length, reverse)
    return jax.tree.map(lambda v: jnp.asarray(v, v.dtype) if isinstance(v, jax.Array) else v, carry), out


@control("carries", "indexing", "nested")
def carry_of_one_step_before(f, init, xs, length, reverse):
    (_, carry), out = jax.lax.scan(lambda c, x: _late(f, c, x), (init, init), xs, length, reverse)
    return carry, out


def _late(f, c, x):
    new, y = f(c[0], x)
    return (new, jax.tree.map(lambda old, v: jnp.asarray(old).astype(jnp.asarray(v).dtype), c[0], new)), y


@control("unused", says="NaN where")
def instantiates_zeros_as_nan(f, init, xs, length, reverse):
    spoil = _pulled(lambda g: jnp.where((g == 0).all(), jnp.nan, g))
    carry, out = jax.lax.scan(f, init, xs, length, reverse)
    return carry, spoil(out)


@control("specials", says="zero of the other sign")
def loses_the_sign_of_zero(f, init, xs, length, reverse):
    return _where_float(jax.lax.scan(f, init, xs, length, reverse), lambda v: v + 0.0)


@control("specials", says="zero of the other sign")
def loses_the_sign_of_zero_of_the_first_carry(f, init, xs, length, reverse):
    return jax.lax.scan(f, _where_float(init, lambda v: v + 0.0), xs, length, reverse)


@control("specials", says="number where there is NaN")
def nan_becomes_zero(f, init, xs, length, reverse):
    return _where_float(jax.lax.scan(f, init, xs, length, reverse), lambda v: jnp.where(jnp.isnan(v), 0, v))


@control("empties", "networks", "delays")
def drops_the_last_step_of_a_chunk_that_is_not_full(f, init, xs, length, reverse):
    n = _steps(xs, length)
    if n % 2 == 0 or n == 1:
        return jax.lax.scan(f, init, xs, length, reverse)
    carry, out = jax.lax.scan(f, init, jax.tree.map(lambda v: v[: n - 1], xs), n - 1, reverse)
    return carry, jax.tree.map(lambda v: v if _is_key(v) else jnp.concatenate([v, jnp.zeros_like(v[:1])]), out)


@control("networks", "nested", "dense", "delays")
def weight_gradient_without_the_last_step(f, init, xs, length, reverse):
    n = _steps(xs, length)
    pure, weights = _hoisted(f, init, xs)

    def step(c, given):
        k, x = given
        own = [jnp.where(k == n - 1, jax.lax.stop_gradient(v), v) for v in weights]
        return pure(c, x, *own)

    return jax.lax.scan(step, init, (jnp.arange(n), xs), n, reverse)


@control("nested")
def clips_the_sum_over_time(f, init, xs, length, reverse):
    with patch.object(tools, "CLIPS", False):
        pure, weights = _hoisted(f, init, xs)
    weights = [tools.clip(v) for v in weights]
    return jax.lax.scan(lambda c, x: pure(c, x, *weights), init, xs, length, reverse)


@control("nested")
def takes_the_backward_pass_for_linear(f, init, xs, length, reverse):
    pure, weights = _hoisted(f, init, xs)
    larger, smaller = _pulled(lambda g: g * 64), _pulled(lambda g: g / 64)
    weights, init, xs = larger((weights, init, xs))
    return smaller(jax.lax.scan(lambda c, x: pure(c, x, *weights), init, xs, length, reverse))


@control("dtypes")
def counters_do_not_wrap(f, init, xs, length, reverse):
    carry, out = jax.lax.scan(f, init, xs, length, reverse)
    small = (jnp.uint32, jnp.int8, jnp.uint8)
    wide = jax.tree.map(lambda a, b: jnp.maximum(a, b) if a.dtype in small else a, carry, _like(init, carry))
    return wide, out


@control("dtypes")
def rbg_draws_other_numbers(f, init, xs, length, reverse):
    def other(v):
        return jax.random.fold_in(v, 1) if _is_key(v) and v.ndim == 0 and "rbg" in str(v.dtype) else v

    carry, out = jax.lax.scan(f, jax.tree.map(other, init), xs, length, reverse)
    return jax.tree.map(lambda v, old: old if _is_key(v) else v, carry, init), out


@control("carries", "networks")
def reverse_is_ignored(f, init, xs, length, reverse):
    return jax.lax.scan(f, init, xs, length)


@control("carries", "networks")
def no_gradient_of_the_first_carry(f, init, xs, length, reverse):
    return jax.lax.scan(f, jax.lax.stop_gradient(init), xs, length, reverse)


@control("carries")
def input_gradient_of_another_step(f, init, xs, length, reverse):
    turn = _pulled(lambda g: jnp.roll(g, 1, 0))
    return jax.lax.scan(f, init, turn(xs), length, reverse)


@control("transforms", says="TypeError.*in place of a result")
def no_forward_mode(f, init, xs, length, reverse):
    return _pulled(lambda g: g)(jax.lax.scan(f, init, xs, length, reverse))


@control("transforms")
def other_second_derivatives(f, init, xs, length, reverse):
    same = jax.custom_jvp(lambda v: v)
    same.defjvp(lambda v, t: (same(v[0]), t[0] * jnp.cos(v[0] - jax.lax.stop_gradient(v[0]) + 1) / np.cos(1)))
    return _where_float(jax.lax.scan(f, init, xs, length, reverse), same)


@control("delays", "indexing")
def buffers_start_empty(f, init, xs, length, reverse):
    return jax.lax.scan(f, _where_float(init, lambda v: v * (jnp.ndim(v) < 3)), xs, length, reverse)


@control("empties", says="shape|structure|tree")
def needs_a_step(f, init, xs, length, reverse):
    carry, out = jax.lax.scan(f, init, xs, length, reverse)
    return (carry, out) if _steps(xs, length) else (carry, None)


@control("empties", says="tree")
def loses_none(f, init, xs, length, reverse):
    carry, out = jax.lax.scan(f, init, xs, length, reverse)
    return carry, {key: value for key, value in out.items() if value is not None} if isinstance(out, dict) else out


@control("mistakes", says="a result in place of")
def says_nothing(f, init, xs, length, reverse):
    try:
        return jax.lax.scan(f, init, xs, length, reverse)
    except (TypeError, ValueError):
        return init, {}


@control("mistakes", says="RuntimeError.*in place of")
def one_error_for_all(f, init, xs, length, reverse):
    try:
        return jax.lax.scan(f, init, xs, length, reverse)
    except Exception as error:
        raise RuntimeError from error


@control("dense", "transforms")
def rounds_to_half(f, init, xs, length, reverse):
    return _where_float(jax.lax.scan(f, init, xs, length, reverse), lambda v: v.astype(jnp.bfloat16).astype(v.dtype))


@control("transforms")
def wrong_under_vmap(f, init, xs, length, reverse):
    swapped = jax.custom_batching.custom_vmap(lambda v: v)
    swapped.def_vmap(lambda size, axes, v: (v[::-1], axes[0]))
    pull = jax.custom_jvp(lambda v: v)
    pull.defjvp(lambda v, t: (swapped(v[0]), t[0]))
    carry, out = jax.lax.scan(f, init, xs, length, reverse)
    return _change_last(carry, pull), out


def _like(tree, other):
    return jax.tree.map(lambda v, o: v if _is_key(o) else jnp.asarray(v, o.dtype), tree, other)


def _is_key(v):
    return jax.dtypes.issubdtype(getattr(v, "dtype", int), jax.dtypes.prng_key)


def lax(f, init, xs=None, length=None, reverse=False, **_):
    """No fault: `jax.lax.scan` itself."""
    return jax.lax.scan(f, init, xs, length, reverse)


def unrolled(f, init, xs=None, length=None, reverse=False, **_):
    """No fault: the same, compiled to another program."""
    return jax.lax.scan(f, init, xs, length, reverse, unroll=3)


def chunked(f, init, xs=None, length=None, reverse=False, **_):
    """No fault: the same in two halves."""
    try:
        n = _steps(xs, length)
        half = n // 2
    except (TypeError, ValueError, AttributeError, IndexError):
        half = 0
    if half == 0:
        return jax.lax.scan(f, init, xs, length, reverse)
    parts = [jax.tree.map(lambda v: v[:half], xs), jax.tree.map(lambda v: v[half:], xs)]
    carry, outs = init, {}
    for k, size in [(1, n - half), (0, half)] if reverse else [(0, half), (1, n - half)]:
        carry, outs[k] = jax.lax.scan(f, carry, parts[k], size, reverse)
    return carry, jax.tree.map(lambda a, b: jnp.concatenate([a, b]), outs[0], outs[1])
