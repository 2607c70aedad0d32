"""The front end: a call of `jax.lax.scan`, traced by JAX itself, and the loop found in the trace.

**Invariant:** all checks, errors, weak types and promotions are those of `jax.lax.scan`, because it makes them.

**Limits:** it must leave exactly one `scan` equation. Without one (no steps, say) there is nothing to compile, and the
caller runs `jax.lax.scan`.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import jax
import jax.numpy as jnp
from jaxtyping import PyTree

from dynplug.timeloop.jaxpr_types import Atom, Effect, Eqn, Jaxpr, Value
from dynplug.timeloop.program import Traced, as_function, aval_of, inlined, is_var
from dynplug.timeloop.weak_types import with_weak_type

Step = Callable[[PyTree, PyTree], tuple[PyTree, PyTree]]


@dataclass(frozen=True, eq=False)
class TracedScan:
    """A traced loop.

    **Arguments:**

    - `eqn`: the `scan` equation.
    - `consts`, `carry`, `xs`: its operands. A carried value that no step changes may be among the constants.
    - `origin`: for each carried array, its leaf in the user's carry.
    - `finish`: the function from the results of the equation to those of the call.
    """

    eqn: Eqn
    consts: list[Value]
    carry: list[Value]
    xs: list[Value]
    origin: tuple[int | None, ...]
    finish: Callable[[list[Value]], PyTree]

    @property
    def length(self) -> int:
        """The number of steps."""
        return int(self.eqn.params["length"])

    @property
    def reverse(self) -> bool:
        """Whether the last step runs first."""
        return bool(self.eqn.params["reverse"])

    def step(self, keep: str = "") -> Traced:
        """The step, from its carry and input, with all calls inlined but those of functions named `keep`."""
        body = self.eqn.params["jaxpr"]
        return inlined(getattr(body, "jaxpr", body), getattr(body, "consts", ()), keep).closed(self.consts)


def trace_scan(step: Step, init: PyTree, xs: PyTree, length: int | None, reverse: bool) -> TracedScan | str:
    """The loop that `jax.lax.scan` would run, or the reason why there is none."""
    closed, shapes = jax.make_jaxpr(lambda c, x: jax.lax.scan(step, c, x, length, reverse), return_shape=True)(init, xs)
    jaxpr = closed.jaxpr
    places = [n for n, eqn in enumerate(jaxpr.eqns) if eqn.primitive.name == "scan"]
    if len(places) != 1:
        return "jax.lax.scan runs it without a loop"
    (place,) = places
    eqn = jaxpr.eqns[place]
    if eqn.effects:
        return listed_effects(eqn.effects)
    before, after = jaxpr.eqns[:place], jaxpr.eqns[place + 1 :]
    body: Jaxpr = getattr(eqn.params["jaxpr"], "jaxpr", eqn.params["jaxpr"])

    # The operands of the equation are constants, carry and inputs; its results are carry and outputs. Names of the
    # parameters that count them are JAX's own affair, so they are told by rank: inputs and outputs have time as one
    # more axis outside of the body than inside.
    carried = sum(aval_of(v).ndim == aval_of(w).ndim for v, w in zip(eqn.outvars, body.outvars, strict=True))
    stacked = sum(aval_of(v).ndim != aval_of(w).ndim for v, w in zip(eqn.invars, body.invars, strict=True))
    own = len(eqn.invars) - carried - stacked

    # What stands before the loop in the trace (conversions of types, say) is evaluated here, what stands after it in
    # `finish`.
    inputs = [*closed.consts, *map(jnp.asarray, jax.tree.leaves((init, xs)))]
    names = (*jaxpr.constvars, *jaxpr.invars)
    operands = as_function(before, names, eqn.invars)(*inputs)
    tree = jax.tree.structure(shapes)

    def finish(found: list[Value]) -> PyTree:
        results = as_function(after, (*names, *eqn.outvars), jaxpr.outvars)(*inputs, *found)
        return tree.unflatten([with_weak_type(v, aval_of(out)) for v, out in zip(results, jaxpr.outvars, strict=True)])

    def origin(v: Atom) -> int | None:
        """Follow the first operands back to an input."""
        while is_var(v) and v not in jaxpr.invars:
            if (made := next((e for e in before if v in e.outvars), None)) is None:
                return None
            v = made.invars[0]
        return jaxpr.invars.index(v) if is_var(v) else None

    carry = operands[own : own + carried]
    origins = tuple(map(origin, eqn.invars[own : own + carried]))
    return TracedScan(eqn, operands[:own], carry, operands[own + carried :], origins, finish)


def listed_effects(effects: Iterable[Effect]) -> str:
    """The effects of a step as the reason why it is not compiled."""
    return f"the step has effects: {', '.join(sorted(map(str, effects)))}"
