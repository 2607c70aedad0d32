"""A call of `jax.lax.scan`, as it traces itself: what it checks, and how it types its results, is its own."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp

from dynplug.timeloop.program import Atom, Eqn, Traced, function, is_var, written_out
from dynplug.timeloop.weak_types import settle

Step = Callable[[Any, Any], tuple[Any, Any]]


@dataclass(frozen=True, eq=False)
class Call:
    """A loop that was traced.

    **Arguments:**

    - `eqn`: the equation of the loop.
    - `consts`, `carry`, `xs`: the arrays that it is given. A carry that a step only hands on is among the constants.
    - `origin`: which leaf of the user's carry each carried array is.
    - `finish`: the function from what the loop gives to what the user gets.
    """

    eqn: Eqn
    consts: list[Any]
    carry: list[Any]
    xs: list[Any]
    origin: tuple[int | None, ...]
    finish: Callable[[list[Any]], Any]

    @property
    def length(self) -> int:
        """The number of steps."""
        return int(self.eqn.params["length"])

    @property
    def reverse(self) -> bool:
        """Whether the last step is the first to run."""
        return bool(self.eqn.params["reverse"])

    def step(self, keep: str = "") -> Traced:
        """The step, from its carry and input, with all calls written out but those of functions named `keep`."""
        body = self.eqn.params["jaxpr"]
        return written_out(getattr(body, "jaxpr", body), getattr(body, "consts", ()), keep).closed(self.consts)


def call(step: Step, init: Any, xs: Any, length: Any, reverse: bool) -> Call | str:
    """What `jax.lax.scan` would run; or why there is no loop in it."""
    closed, shapes = jax.make_jaxpr(lambda c, x: jax.lax.scan(step, c, x, length, reverse), return_shape=True)(init, xs)
    jaxpr: Any = closed.jaxpr
    places = [n for n, eqn in enumerate(jaxpr.eqns) if eqn.primitive.name == "scan"]
    if len(places) != 1:
        return "jax.lax.scan runs it without a loop"
    (place,) = places
    eqn = jaxpr.eqns[place]
    before, after = jaxpr.eqns[:place], jaxpr.eqns[place + 1 :]
    body: Any = getattr(eqn.params["jaxpr"], "jaxpr", eqn.params["jaxpr"])
    # What has time as a further axis outside is stacked: inputs at the end, outputs after the carry.
    handed = sum(v.aval.ndim == w.aval.ndim for v, w in zip(eqn.outvars, body.outvars, strict=True))
    rows = sum(v.aval.ndim != w.aval.ndim for v, w in zip(eqn.invars, body.invars, strict=True))
    own = len(eqn.invars) - handed - rows

    given = [*closed.consts, *map(jnp.asarray, jax.tree.leaves((init, xs)))]
    names = (*jaxpr.constvars, *jaxpr.invars)
    operands = function(before, names, eqn.invars)(*given)
    tree = jax.tree.structure(shapes)

    def finish(found: list[Any]) -> Any:
        results = function(after, (*names, *eqn.outvars), jaxpr.outvars)(*given, *found)
        return tree.unflatten([settle(v, out.aval) for v, out in zip(results, jaxpr.outvars, strict=True)])

    def origin(v: Atom) -> int | None:
        while is_var(v) and v not in jaxpr.invars:
            v = next((e.invars[0] for e in before if v in e.outvars), None)
        return jaxpr.invars.index(v) if is_var(v) else None

    carry = operands[own : own + handed]
    origins = tuple(map(origin, eqn.invars[own : own + handed]))
    return Call(eqn, operands[:own], carry, operands[own + handed :], origins, finish)
