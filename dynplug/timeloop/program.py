"""The intermediate representation: one time step as a flat list of equations, and the elementary passes over it.

The representation is JAX's own jaxpr: every variable is assigned once, before it is read (static single assignment),
and there is no control flow beside calls. `inlined` writes out every call, so that no later pass looks into one. `dce`
is dead-code elimination, the backward slice from some results; `dependents` is the forward slice from some inputs.

**Invariant:** a `Program` never changes. A pass returns a new one, in whose `eqns` every variable is still assigned
once and before it is read.

**Limits:** loops and branches within a step (`scan`, `while`, `cond`) and functions with derivative rules of their own
are single equations, which later passes move or keep as a whole.

**Reference:** A. V. Aho, M. S. Lam, R. Sethi, J. D. Ullman: Compilers: Principles, Techniques, and Tools, 2nd ed.
(2006), chapters 8 and 9; of jaxprs, https://docs.jax.dev/en/latest/jaxpr.html.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import SupportsInt, TypeGuard, cast

import jax
import jax.extend.core as jex
import jax.numpy as jnp
import numpy as np
from jax.interpreters import ad
from jaxtyping import Array, PyTree

from dynplug.timeloop.jaxpr_types import (
    Atom,
    Aval,
    ClosedJaxpr,
    Effect,
    Eqn,
    Function,
    Jaxpr,
    Literal,
    Value,
    Values,
    Var,
)

CALLS = {"jit", "pjit", "closed_call", "core_call", "core_closed_call", "remat", "remat2", "checkpoint"}


def is_var(atom: Atom) -> TypeGuard[Var]:
    """Whether an atom is a variable rather than a literal."""
    return not isinstance(atom, Literal)


def byte_count(atom: Atom) -> int:
    """The memory that a value takes."""
    aval = aval_of(atom)
    return int(np.prod(aval.shape, dtype=np.int64)) * getattr(aval.dtype, "itemsize", 8)


def struct(atom: Atom) -> jax.ShapeDtypeStruct:
    """The shape and dtype of a value."""
    aval = aval_of(atom)
    return jax.ShapeDtypeStruct(aval.shape, aval.dtype)


def fresh_var(atom: Atom) -> Var:
    """A new variable of the same type."""
    return Var(atom.aval)


def zero(atom: Atom) -> Literal:
    """Zeros of the same type. Outside of equations, as here, a literal may have any shape."""
    return Literal(0, atom.aval)


def aval_of(atom: Atom) -> Aval:
    """The abstract value to trace with: shape, dtype, weak type and sharding."""
    return cast(Aval, atom.aval)  # JAX has references, too, which a step without effects has not


def stacked(aval: Aval, size: int) -> Aval:
    """The abstract value with one more axis, the first."""
    return cast(Aval, jex.unmapped_aval(size, 0, aval))


@dataclass(frozen=True, eq=False)
class Program:
    """One step of a loop over time, with all calls inlined that can be.

    **Arguments:**

    - `eqns`: the equations, in topological order.
    - `consts`: the loop invariants: values that are the same at all steps.
    - `carry`, `carry_out`: the carried values before and after a step.
    - `xs`: the inputs of a step.
    - `ys`: the outputs of a step.
    - `sums`: values that are summed over all steps.
    - `delays`: for each carried value, the number of steps after which it is read again if it is a delay, else 0.
    - `linear`: in a backward program, the values known to be linear in its cotangents.
    """

    eqns: tuple[Eqn, ...]
    consts: tuple[Var, ...]
    carry: tuple[Var, ...]
    xs: tuple[Var, ...]
    carry_out: tuple[Atom, ...]
    ys: tuple[Atom, ...]
    sums: tuple[Atom, ...] = ()
    delays: tuple[int, ...] = ()
    linear: frozenset[Var] = frozenset()

    def __post_init__(self) -> None:
        if not self.delays:
            object.__setattr__(self, "delays", (0,) * len(self.carry))

    def definitions(self) -> dict[Var, int]:
        """The index of the equation that defines each variable."""
        return {v: n for n, eqn in enumerate(self.eqns) for v in eqn.outvars}


def as_function(eqns: Sequence[Eqn], ins: Sequence[Var], outs: Sequence[Atom]) -> Function:
    """The function from `ins` to `outs` that evaluates the equations."""
    computed = [v for v in outs if is_var(v)]
    about = jex.DebugInfo("time loop", "a stage of a step", ("",) * len(ins), ("",) * len(computed))
    jaxpr = Jaxpr((), ins, computed, eqns, debug_info=about)
    run = jex.jaxpr_as_fun(ClosedJaxpr(jaxpr, ()))

    def call(*values: Value) -> list[Value]:
        found = iter(run(*values))
        return [_literal(v) if isinstance(v, Literal) else next(found) for v in outs]

    return call


def _literal(atom: Literal) -> Array:
    aval = aval_of(atom)
    if aval.shape and not np.ndim(atom.val):  # as `zero` makes them
        return ad.zeros_like_aval(aval)
    return jnp.asarray(atom.val, aval.dtype)


def dce(eqns: Sequence[Eqn], outs: Iterable[Atom], given: Iterable[Var] = ()) -> tuple[Eqn, ...]:
    """The equations that `outs` depend on, where `given` are known already (dead-code elimination)."""
    known = set(given)
    live = {v for v in outs if is_var(v)} - known
    found: list[Eqn] = []
    for eqn in reversed(eqns):
        if live.intersection(eqn.outvars):
            found.append(eqn)
            live.update(v for v in eqn.invars if is_var(v) and v not in known)
    return tuple(reversed(found))


def dependents(eqns: Iterable[Eqn], seeds: Iterable[Var]) -> set[Var]:
    """The seeds and all variables computed from them."""
    found = set(seeds)
    for eqn in eqns:
        if any(is_var(v) and v in found for v in eqn.invars):
            found.update(eqn.outvars)
    return found


def substitute(eqns: Iterable[Eqn], names: Mapping[Var, Atom]) -> tuple[Eqn, ...]:
    """The equations with operands replaced as `names` says."""

    def renamed(v: Atom) -> Atom:
        return names.get(v, v) if is_var(v) else v

    return tuple(eqn.replace(invars=[renamed(v) for v in eqn.invars]) for eqn in eqns)


@dataclass(frozen=True, eq=False)
class Traced:
    """A function of flat lists of arrays as equations.

    **Arguments:**

    - `eqns`: the equations.
    - `consts`, `values`: the variables it closes over, and their values.
    - `ins`, `outs`: its inputs and outputs.
    - `effects`: its side effects.
    """

    eqns: tuple[Eqn, ...]
    consts: tuple[Var, ...]
    values: tuple[Value, ...]
    ins: tuple[Var, ...]
    outs: tuple[Atom, ...]
    effects: frozenset[Effect]

    def closed(self, values: Values) -> "Traced":
        """The function with its first inputs fixed at these values (partial application)."""
        n = len(values)
        consts = (*self.consts, *self.ins[:n])
        return replace(self, consts=consts, values=(*self.values, *values), ins=self.ins[n:])

    def sizes(self) -> set[SupportsInt]:
        """The sizes of all axes of all variables: integers, or symbols of `jax.export`."""
        every = (*self.consts, *self.ins, *(v for eqn in self.eqns for v in eqn.outvars))
        return {n for v in every for n in struct(v).shape}


def trace(f: Callable[..., PyTree], *args: PyTree, keep: str = "") -> Traced:
    """The equations of a function, with all calls inlined but those of functions named `keep`."""
    closed = jax.make_jaxpr(f)(*args)
    return inlined(closed.jaxpr, closed.consts, keep)


def inlined(jaxpr: Jaxpr, own: Values, keep: str = "") -> Traced:
    """The equations of a jaxpr with these constants, with all calls inlined but those of functions named `keep`."""
    consts, values = list(jaxpr.constvars), list(own)
    eqns, outs = _inline(jaxpr, {}, consts, values, keep, rename=False)
    return Traced(tuple(eqns), tuple(consts), tuple(values), tuple(jaxpr.invars), tuple(outs), frozenset(jaxpr.effects))


def _inline(
    jaxpr: Jaxpr, env: dict[Var, Atom], consts: list[Var], values: list[Value], keep: str, *, rename: bool
) -> tuple[list[Eqn], list[Atom]]:
    """The equations with each call replaced by its callee's; constants of the callees join `consts` and `values`.

    `env` maps the variables of `jaxpr` to the caller's. With `rename`, every result becomes a new variable: two calls
    of one callee must not assign the same variable twice.
    """

    def renamed(atom: Atom) -> Atom:
        return env.get(atom, atom) if is_var(atom) else atom

    eqns: list[Eqn] = []
    for eqn in jaxpr.eqns:
        ins = [renamed(v) for v in eqn.invars]
        if eqn.primitive.name in CALLS and not (keep and eqn.params.get("name") == keep):
            called = eqn.params["jaxpr" if "jaxpr" in eqn.params else "call_jaxpr"]
            # The callee's constants become constants of the whole, its inputs the call's operands, and the call's
            # results whatever variables or literals the callee returns.
            callee, own = getattr(called, "jaxpr", called), getattr(called, "consts", ())
            local: dict[Var, Atom] = {}
            for v, value in zip(callee.constvars, own, strict=True):
                local[v] = const = fresh_var(v)
                consts.append(const)
                values.append(value)
            local.update(zip(callee.invars, ins, strict=True))
            more, outs = _inline(callee, local, consts, values, keep, rename=True)
            eqns += more
            env.update(zip(eqn.outvars, outs, strict=True))
            continue
        outvars = list(eqn.outvars)
        if rename:
            outvars = list(map(fresh_var, outvars))
            env.update(zip(eqn.outvars, outvars, strict=True))
        eqns.append(eqn.replace(invars=ins, outvars=outvars))
    return eqns, [renamed(v) for v in jaxpr.outvars]
