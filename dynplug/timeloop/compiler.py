"""The loop over time, as `jax.lax.scan` has it, compiled."""

import operator
import weakref
from collections.abc import Callable
from typing import Any, SupportsIndex

import jax
import jax.numpy as jnp
from jax.interpreters.partial_eval import DynamicJaxprTracer

from dynplug.timeloop.analysis import analyse
from dynplug.timeloop.call import Step
from dynplug.timeloop.compiled import attempt
from dynplug.timeloop.plan import check_options

_UNKNOWN = object()
_known: weakref.WeakKeyDictionary[Step, Callable[..., Any]] = weakref.WeakKeyDictionary()


def scan(
    step: Step,
    init: Any,
    xs: Any = None,
    length: SupportsIndex | None = None,
    reverse: bool = False,
    *,
    schedule: str = "auto",
    remat: bool | int = False,
) -> tuple[Any, Any]:
    """The same as `jax.lax.scan(step, init, xs, length, reverse)`, with less work.

    The step is traced once, and split by what depends on what. What is the same in every step is computed once. Matrix
    products and convolutions that no recurrence runs through are done for many steps in one call; each recurrence
    remains a scan, which the elementwise work around it joins. The backward pass keeps the fewest bytes from which it
    can compute the rest again, and the gradient of a weight is one product over time. What is not known to be safe
    stays in its scan; a step with effects, such as a print, and one that cannot be split after all, runs as
    `jax.lax.scan`. Results differ from its by rounding, their types do not. Forward and reverse mode both work.

    As with `jax.lax.scan`, a step that is the same function is traced once for inputs of the same types.

    **Arguments:**

    - `step`: `step(carry, x) -> (carry, y)`, pure.
    - `init`: what the first step is given: a pytree of arrays.
    - `xs`: a pytree of arrays, time first, or `None`.
    - `length`: the number of steps, where `xs` does not tell.
    - `reverse`: whether to begin with the last of `xs`; outputs are in the order of `xs` all the same.
    - `schedule`: `"auto"`: products over chunks of steps, whose size suits the machine; `"layer"`: over all steps;
        `"step"`: one scan, with the same backward pass; `"plain"`: `jax.lax.scan` as it is.
    - `remat`: whether the backward pass computes the forward pass again, chunk by chunk, so that memory grows like
        the square root of `length`; a number is the number of steps in a chunk.

    **Raises:** `OptionError`, and what `jax.lax.scan` raises.
    """
    check_options(schedule, remat)
    by_hand = jax.config.jax_disable_jit  # pyright: ignore[reportAttributeAccessIssue]
    count = _whole(length)
    refused = count is _UNKNOWN or not callable(step) or any(jnp.ndim(x) == 0 for x in jax.tree.leaves(xs))
    if schedule == "plain" or by_hand or refused:
        given: Any = length
        return jax.lax.scan(step, init, xs, given, reverse)
    options = count, bool(reverse), schedule, remat, type(remat)
    if isinstance(jnp.zeros(()), DynamicJaxprTracer):  # within `jit` or another loop, which compile the whole
        return _scan(step, init, xs, options)
    return _jitted(step)(init, xs, options=options)


def _whole(length: Any) -> Any:
    """A length as a number or `None`; what is neither is left to `jax.lax.scan`, and to what it says of it."""
    if length is None:
        return None
    try:
        count = operator.index(length)
    except Exception:
        return _UNKNOWN
    return count if count >= 0 else _UNKNOWN


def _jitted(step: Step) -> Callable[..., Any]:
    """The loop of a step, compiled once for all calls with the same function."""
    try:
        if (run := _known.get(step)) is None:
            known = weakref.ref(step)  # held weakly, for what is known of a step must not keep it
            run = _known[step] = jax.jit(
                lambda *args, options: _scan(known(), *args, options=options), static_argnames="options"
            )
    except TypeError:  # neither hashed nor referred to weakly: nothing can be known of it
        return lambda *args, options: _scan(step, *args, options=options)
    return run


def _scan(step: Any, init: Any, xs: Any, options: tuple[Any, ...]) -> Any:
    length, reverse, schedule, remat, _ = options
    loop = analyse(step, init, xs, length, reverse, schedule, remat)
    if isinstance(loop, str):
        return jax.lax.scan(step, init, xs, length, reverse)
    return attempt(loop.run, lambda: jax.lax.scan(step, init, xs, length, reverse))
