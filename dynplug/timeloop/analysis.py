"""What the compiler finds out about a loop before it runs."""

from dataclasses import dataclass
from typing import Any

from dynplug.core import DELAY_STEP
from dynplug.timeloop.call import Call, Step, call
from dynplug.timeloop.compiled import compiled
from dynplug.timeloop.contract import has_linear_backward
from dynplug.timeloop.plan import Plan, choose
from dynplug.timeloop.prepare import Prepared, prepare
from dynplug.timeloop.primitives import has_own_transpose


@dataclass(frozen=True, eq=False)
class Analysis:
    """A loop that was traced, what its step is made of, and how it will run.

    **Arguments:**

    - `call`: the loop.
    - `prepared`: its step as a program.
    - `plan`: how it runs.
    """

    call: Call
    prepared: Prepared
    plan: Plan

    def run(self) -> Any:
        """The carry after the last step, and all outputs."""
        length, reverse = self.call.length, self.call.reverse
        consts, before, given = self.prepared.inputs(self.call.carry, self.call.xs, length, reverse)
        after, ys = compiled(self.prepared.program, length, self.plan, reverse)(consts, before, given)
        return self.call.finish([*self.prepared.outputs(self.call.carry, after, length), *ys])


def analyse(
    step: Step, init: Any, xs: Any, length: Any, reverse: bool, schedule: str, remat: bool | int
) -> Analysis | str:
    """What a loop is made of; or the reason why it must run as `jax.lax.scan`."""
    if schedule == "plain":
        return "schedule='plain' was asked for"
    loop = call(step, init, xs, length, reverse)
    if isinstance(loop, str):
        return loop
    if loop.eqn.effects:
        return f"the step has effects: {', '.join(sorted(map(str, loop.eqn.effects)))}"
    if not loop.length:
        return "there is no step"
    plain, count = loop.step(), len(loop.carry)
    # What is not linear is another of a sum, over time or a batch, than the sum of what it is of each.
    if not all(has_linear_backward(eqn) for eqn in plain.eqns if has_own_transpose(eqn)):
        return "a backward pass in it (custom_vjp) is not linear in its cotangent"
    prepared = None if loop.reverse else prepare(loop.step(keep=DELAY_STEP), count)  # delays look back, not ahead
    prepared = prepared or prepare(plain, count)
    assert prepared is not None, "nothing was left to be written out"
    return Analysis(loop, prepared, choose(prepared.program, loop.length, schedule, remat))
