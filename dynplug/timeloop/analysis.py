"""What the compiler finds out about a loop before it runs."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import jax

from dynplug.core.delay import DELAY_STEP
from dynplug.timeloop.compiled import compiled
from dynplug.timeloop.plan import Plan, choose
from dynplug.timeloop.prepare import Prepared, prepare
from dynplug.timeloop.program import Var, function, written_out
from dynplug.timeloop.weak_types import settle

Step = Callable[[Any, Any], tuple[Any, Any]]


@dataclass(frozen=True, eq=False)
class Analysis:
    """A loop that was traced, what its step is made of, and how it will run.

    **Arguments:**

    - `carry`, `xs`: the arrays of the first carry and of the inputs.
    - `length`: the number of steps.
    - `reverse`: whether the last step is the first to run.
    - `prepared`: the step as a program.
    - `plan`: how it runs.
    - `outs`: what the results are, as `jax.lax.scan` types them.
    - `tree`: how the results are put together.
    """

    carry: Sequence[Any]
    xs: Sequence[Any]
    length: int
    reverse: bool
    prepared: Prepared
    plan: Plan
    outs: tuple[Var, ...]
    tree: Any

    def run(self) -> Any:
        """The carry after the last step, and all outputs."""
        consts, before, given = self.prepared.inputs(self.carry, self.xs, self.length, self.reverse)
        after, ys = compiled(self.prepared.program, self.length, self.plan, self.reverse)(consts, before, given)
        found = (*self.prepared.outputs(self.carry, after, self.length), *ys)
        return self.tree.unflatten([settle(v, out.aval) for v, out in zip(found, self.outs, strict=True)])


def analyse(
    step: Step, init: Any, xs: Any, length: int | None, reverse: bool, schedule: str, remat: bool | int
) -> Analysis | str:
    """What a loop is made of; or the reason why it must run as `jax.lax.scan`.

    `jax.lax.scan` traces the step itself, so what it checks and how it types its carry and results is its own.
    """
    if schedule == "plain":
        return "schedule='plain' was asked for"
    closed, shapes = jax.make_jaxpr(lambda c, x: jax.lax.scan(step, c, x, length, reverse), return_shape=True)(init, xs)
    jaxpr: Any = closed.jaxpr
    places = [n for n, eqn in enumerate(jaxpr.eqns) if eqn.primitive.name == "scan"]
    if len(places) != 1:
        return "jax.lax.scan runs it without a loop"
    (place,) = places
    eqn = jaxpr.eqns[place]
    body = eqn.params["jaxpr"]
    traced = written_out(getattr(body, "jaxpr", body), getattr(body, "consts", ()), DELAY_STEP)
    if traced.effects or eqn.effects:
        return f"the step has effects: {', '.join(sorted(str(e) for e in traced.effects | eqn.effects))}"
    if not eqn.params["length"]:
        return "there is no step"
    inputs = len(jax.tree.leaves(xs))
    handed = len(jax.tree.leaves(shapes[0]))
    own = len(traced.ins) - handed - inputs
    if own < 0 or eqn.outvars != jaxpr.outvars:
        return "jax.lax.scan has taken something out of it"
    given = (*jaxpr.constvars, *jaxpr.invars)
    operands = function(jaxpr.eqns[:place], given, eqn.invars)(*closed.consts, *jax.tree.leaves((init, xs)))
    consts, carry, rows = operands[:own], operands[own : own + handed], operands[own + handed :]
    delays = not eqn.params["reverse"]
    prepared = prepare(traced.closed(consts), handed) if delays else None
    if prepared is None:
        again = written_out(getattr(body, "jaxpr", body), getattr(body, "consts", ()))
        prepared = prepare(again.closed(consts), handed)
    assert prepared is not None, "nothing was left to be written out"
    steps = int(eqn.params["length"])
    plan = choose(prepared.program, steps, schedule, remat)
    tree = jax.tree.structure(shapes)
    return Analysis(carry, rows, steps, bool(eqn.params["reverse"]), prepared, plan, tuple(eqn.outvars), tree)
