"""The loop over time, as `jax.lax.scan` has it, compiled."""

from typing import Any

import jax

from dynplug.timeloop.analysis import Step, analyse
from dynplug.timeloop.compiled import compiled
from dynplug.timeloop.plan import check_options


def scan(
    step: Step, carry: Any, xs: Any, length: int, *, schedule: str = "auto", remat: bool | int = False
) -> tuple[Any, Any]:
    """The same as `jax.lax.scan(step, carry, xs, length)`, with less work.

    The step is traced once, and split by what depends on what. What is the same in every step is computed once. Matrix
    products and convolutions that no recurrence runs through are done for many steps in one call; each recurrence
    remains a scan, which the elementwise work around it joins. The backward pass keeps the fewest bytes from which it
    can compute the rest again, and the gradient of a weight is one product over time. What is not known to be safe
    stays in its scan, and a step with effects, such as a print, runs as `jax.lax.scan`. Results differ from its by
    rounding.

    **Arguments:**

    - `step`: `step(carry, x) -> (carry, y)`, pure.
    - `carry`: what the first step is given: a pytree of arrays.
    - `xs`: a pytree of arrays, time first, or `None`.
    - `length`: the number of steps.
    - `schedule`: `"auto"`: products over chunks of steps, whose size suits the machine; `"layer"`: over all steps;
        `"step"`: one scan, with the same backward pass; `"plain"`: `jax.lax.scan` as it is, which alone has
        forward-mode derivatives.
    - `remat`: whether the backward pass computes the forward pass again, chunk by chunk, so that memory grows like
        the square root of `length`; a number is the number of steps in a chunk.

    **Raises:** `OptionError`.
    """
    check_options(schedule, remat)
    loop = analyse(step, carry, xs, length, schedule, remat) if length else "there is no step"
    if isinstance(loop, str):
        return jax.lax.scan(step, carry, xs, length)
    consts, before, given = loop.prepared.inputs(loop.carry, jax.tree.leaves(xs), length)
    after, ys = compiled(loop.prepared.program, length, loop.plan)(consts, before, given)
    new = loop.prepared.outputs(loop.carry, after, length)
    return loop.carry_tree.unflatten(new), loop.out_tree.unflatten(ys)
