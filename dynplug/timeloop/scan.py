"""`scan`: `jax.lax.scan`, compiled by this package.

**Invariant:** what is refused, and with which error, is up to `jax.lax.scan`, which runs whatever cannot be compiled.
"""

import operator
import weakref
from collections.abc import Callable
from functools import partial
from typing import Any, SupportsIndex, cast

import jax
import jax.numpy as jnp
from jax.interpreters.partial_eval import DynamicJaxprTracer
from jaxtyping import PyTree

from dynplug.timeloop.analysis import analyse
from dynplug.timeloop.custom_derivative import with_fallback
from dynplug.timeloop.plan import check_options
from dynplug.timeloop.target_device import current_backend
from dynplug.timeloop.traced_scan import Step

_UNKNOWN = -1
_Options = tuple[int | None, bool, str, bool | int, type]  # `length`, `reverse`, `loop`, `remat` and its type
_compiled: weakref.WeakKeyDictionary[Step, Callable[..., PyTree]] = weakref.WeakKeyDictionary()


def scan(
    step: Step,
    init: PyTree,
    xs: PyTree = None,
    length: SupportsIndex | None = None,
    reverse: bool = False,
    *,
    loop: str = "auto",
    remat: bool | int = False,
) -> tuple[PyTree, PyTree]:
    """The same as `jax.lax.scan(step, init, xs, length, reverse)`, with less work.

    The step is traced once and split along its dependences. Loop invariants are computed once. Matrix products and
    convolutions outside of a recurrence are done for many steps in one call; each recurrence remains a scan, which the
    elementwise work around it joins. The backward pass keeps the fewest bytes from which it can recompute the rest, and
    the gradient of a weight is one product over time. An operation that is not known to be safe stays in its scan; a
    step with effects, such as a print, and one that cannot be split after all, runs as `jax.lax.scan`. Results may
    differ from those of `jax.lax.scan` by rounding, their types do not. Forward and reverse mode both work.

    As with `jax.lax.scan`, the same step function is traced once for inputs of the same types.

    **Arguments:**

    - `step`: `step(carry, x) -> (carry, y)`, pure.
    - `init`: the carry before the first step, a pytree of arrays.
    - `xs`: a pytree of arrays, time first, or `None`.
    - `length`: the number of steps, which may be left out if `xs` tells it.
    - `reverse`: whether to begin with the last of `xs`; outputs are in the order of `xs` either way.
    - `loop`: `"auto"`: products over chunks of steps, whose size suits the machine; `"layer"`: over all steps;
        `"step"`: one scan, with the same backward pass; `"plain"`: `jax.lax.scan` as it is.
    - `remat`: whether the backward pass recomputes the forward pass, chunk by chunk, so that memory grows like the
        square root of `length`; a number is the number of steps in a chunk.

    **Raises:** `OptionError`, and what `jax.lax.scan` raises.
    """
    check_options(loop, remat)
    by_hand = jax.config.jax_disable_jit  # pyright: ignore[reportAttributeAccessIssue]
    count = _as_length(length)
    if loop == "plain" or by_hand or count == _UNKNOWN or _is_refused(step, init, xs, reverse):
        return jax.lax.scan(step, init, xs, length, reverse)  # pyright: ignore[reportArgumentType] - refuses it itself
    options = count, bool(reverse), loop, remat, type(remat)
    if isinstance(jnp.zeros(()), DynamicJaxprTracer):  # within `jit` or another loop, which is compiled as a whole
        return _scan(step, init, xs, options)
    return _jitted(step)(init, xs, options=options)


def _as_length(length: Any) -> int | None:
    """A length as an `int` or `None`; anything else is `_UNKNOWN`, for `jax.lax.scan` to refuse."""
    if length is None:
        return None
    try:
        count = operator.index(length)
    except Exception:
        return _UNKNOWN
    return count if count >= 0 else _UNKNOWN


def _is_refused(step: Any, init: PyTree, xs: PyTree, reverse: Any) -> bool:
    """Whether `jax.lax.scan` refuses these arguments before it calls the step."""
    try:
        hash(reverse)
        jax.tree.map(jax.typeof, init)
        scalars = [x for x in jax.tree.leaves(xs) if not jax.typeof(x).shape]
    except Exception:  # of many kinds; `jax.lax.scan` raises its own
        return True
    return bool(scalars) or not callable(step)


def _jitted(step: Step) -> Callable[..., PyTree]:
    """The loop over a step, compiled once for all calls with the same function."""
    try:
        if (run := _compiled.get(step)) is None:
            known = weakref.ref(step)  # held weakly, so that the cache does not keep a step alive
            run = _compiled[step] = jax.jit(
                lambda *args, options: _scan(cast(Step, known()), *args, options=options), static_argnames="options"
            )
    except TypeError:  # not hashable, or no weak references to it: it cannot be cached
        return lambda *args, options: _scan(step, *args, options=options)
    return run


def _scan(step: Step, init: PyTree, xs: PyTree, options: _Options) -> PyTree:
    length, reverse, mode, remat, _ = options
    loop = analyse(step, init, xs, length, reverse, mode, remat)
    plain = partial(jax.lax.scan, step, init, xs, length, reverse)
    if mode != "plain" and (unroll := current_backend().unroll) > 1:
        plain = partial(plain, unroll=unroll)
    return plain() if isinstance(loop, str) else with_fallback(loop.run, plain)
