"""What the compiler finds out about a loop before it runs."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp

from dynplug.core.delay import DELAY_STEP
from dynplug.timeloop.plan import Plan, choose
from dynplug.timeloop.prepare import Prepared, prepare
from dynplug.timeloop.program import struct, trace

Step = Callable[[Any, Any], tuple[Any, Any]]


@dataclass(frozen=True, eq=False)
class Analysis:
    """A step that was traced, what it is made of, and how it will run.

    **Arguments:**

    - `carry`: the carry's arrays.
    - `carry_tree`, `out_tree`: how the carry and the outputs are put together.
    - `prepared`: the step as a program.
    - `plan`: how it runs.
    """

    carry: list[Any]
    carry_tree: Any
    out_tree: Any
    prepared: Prepared
    plan: Plan


def analyse(step: Step, carry: Any, xs: Any, length: int, schedule: str, remat: bool | int) -> Analysis | str:
    """What a loop is made of; or the reason why it must run as `jax.lax.scan`."""
    if schedule == "plain":
        return "schedule='plain' was asked for"
    given, carry_tree = jax.tree.flatten(carry)
    leaves = [jax.lax.convert_element_type(v, jnp.result_type(v)) for v in given]
    inputs, xs_tree = jax.tree.flatten(xs)
    trees: list[Any] = []

    def flat(*values: Any) -> list[Any]:
        new, out = step(carry_tree.unflatten(values[: len(leaves)]), xs_tree.unflatten(values[len(leaves) :]))
        (news, new_tree), (outs, out_tree) = jax.tree.flatten(new), jax.tree.flatten(out)
        trees[:] = [new_tree, out_tree]
        return [jax.lax.convert_element_type(v, jnp.result_type(v)) for v in (*news, *outs)]

    like = [jax.ShapeDtypeStruct(x.shape[1:], x.dtype) for x in inputs]
    traced = trace(flat, *leaves, *like, keep=DELAY_STEP)
    new_tree, out_tree = trees
    if traced.effects:
        return f"the step has effects: {', '.join(sorted(str(e) for e in traced.effects))}"
    before, after = traced.ins[: len(leaves)], traced.outs[: len(leaves)]
    if new_tree != carry_tree or any(struct(v) != struct(w) for v, w in zip(before, after, strict=True)):
        return "the step changes what its carry is made of"
    prepared = prepare(traced, len(leaves)) or prepare(trace(flat, *leaves, *like), len(leaves))
    assert prepared is not None, "nothing was left to be written out"
    return Analysis(leaves, carry_tree, out_tree, prepared, choose(prepared.program, length, schedule, remat))
