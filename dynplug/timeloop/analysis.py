"""The compiler's passes in order, from a call of `scan` to a loop that is ready to run.

`traced_scan` traces the step, `hoisting` makes a program of it, `plan` chooses how it runs; `custom_derivative` runs
it.
"""

from dataclasses import dataclass

from jaxtyping import PyTree

from dynplug.core import DELAY_STEP
from dynplug.timeloop.custom_derivative import differentiable_loop
from dynplug.timeloop.derivative_rules import has_linear_backward, rule_effects
from dynplug.timeloop.hoisting import Hoisted, hoist
from dynplug.timeloop.jaxpr_types import Effect
from dynplug.timeloop.plan import Plan, choose_plan
from dynplug.timeloop.traced_scan import Step, TracedScan, listed_effects, trace_scan


@dataclass(frozen=True, eq=False)
class Analysis:
    """An analysed loop.

    **Arguments:**

    - `loop`: the traced loop.
    - `hoisted`: its step as a program, with the code around the loop.
    - `plan`: the way it runs.
    """

    loop: TracedScan
    hoisted: Hoisted
    plan: Plan

    def run(self) -> PyTree:
        """The carry after the last step, and all outputs."""
        loop, hoisted = self.loop, self.hoisted
        inputs = hoisted.inputs(loop.carry, loop.xs, loop.length, loop.reverse)
        carry_out, ys = differentiable_loop(hoisted.program, loop.length, self.plan, loop.reverse)(*inputs)
        return loop.finish([*hoisted.outputs(loop.carry, carry_out, loop.length), *ys])


def analyse(
    step: Step, init: PyTree, xs: PyTree, length: int | None, reverse: bool, mode: str, remat: bool | int
) -> Analysis | str:
    """The analysed loop, or the reason why it must run as `jax.lax.scan`."""
    if mode == "plain":
        return "loop='plain' was asked for"
    loop = trace_scan(step, init, xs, length, reverse)
    if isinstance(loop, str):
        return loop
    plain, count = loop.step(), len(loop.carry)
    if not all(isinstance(n, int) for n in (loop.eqn.params["length"], *plain.sizes())):
        return "a size is a symbol (jax.export.symbolic_shape)"
    if not loop.length:
        return "there is no step"
    # What a derivative rule does beside computing, as printing a gradient, would be lost or done more often.
    if effects := frozenset[Effect]().union(*map(rule_effects, plain.eqns)):
        return listed_effects(effects)
    # A user's backward pass that is not linear gives another result for a sum, over time or a batch, than for its
    # summands.
    if not all(map(has_linear_backward, plain.eqns)):
        return "a backward pass in it (custom_vjp) is not linear in its cotangent"
    # Calls of delays are kept to be recognised, unless the loop runs in reverse: a delay looks back, not ahead.
    hoisted = None if loop.reverse else hoist(loop.step(keep=DELAY_STEP), count)
    hoisted = hoisted or hoist(plain, count)
    assert hoisted is not None, "a step without delays can always be hoisted"
    return Analysis(loop, hoisted, choose_plan(hoisted.program, loop.length, mode, remat))
