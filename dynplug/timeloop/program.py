"""One time step as a list of equations."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeGuard

import jax
import jax.extend.core as jex
import jax.numpy as jnp
import numpy as np
from jax.interpreters import ad

Var = jex.Var
Eqn = Any  # an equation of a jaxpr
Atom = Any  # a `Var` or a `Literal`

CALLS = {"jit", "pjit", "closed_call", "core_call", "core_closed_call", "remat", "remat2", "checkpoint"}


def is_var(atom: Atom) -> TypeGuard[Var]:
    """Whether an atom stands for a value that is computed, not for a literal."""
    return not isinstance(atom, jex.Literal)


def byte_count(atom: Atom) -> int:
    """The memory that a value takes."""
    aval: Any = atom.aval
    return int(np.prod(aval.shape, dtype=np.int64)) * getattr(aval.dtype, "itemsize", 8)


def struct(atom: Atom) -> jax.ShapeDtypeStruct:
    """The shape and dtype of a value."""
    aval: Any = atom.aval
    return jax.ShapeDtypeStruct(aval.shape, aval.dtype)


def fresh(atom: Atom) -> Var:
    """A variable of its own for a value of the same kind."""
    return jex.Var(atom.aval)


def zero(atom: Atom) -> Atom:
    """Zeros of the same kind, as an atom: outside of equations a literal may be of any shape."""
    return jex.Literal(0, atom.aval)


def like(atom: Atom) -> Any:
    """What a value is, to trace with: its shape and dtype, whether these are weak, and how it lies on a mesh."""
    return atom.aval


@dataclass(frozen=True, eq=False)
class Program:
    """One step of a loop over time, with no call left in it that could be written out.

    **Arguments:**

    - `eqns`: the equations, in an order in which they can be evaluated.
    - `consts`: what is the same at all steps.
    - `carry`, `new`: what a step hands on to the next, before it and after it.
    - `xs`: what a step is given.
    - `ys`: what a step puts out.
    - `sums`: what is added up over all steps.
    - `lags`: for each carried value, the number of steps after which it comes back, if it is a delay; else 0.
    - `linear`: in a backward program, the values that are linear in the cotangents it is given, as far as known.
    """

    eqns: tuple[Eqn, ...]
    consts: tuple[Var, ...]
    carry: tuple[Var, ...]
    xs: tuple[Var, ...]
    new: tuple[Atom, ...]
    ys: tuple[Atom, ...]
    sums: tuple[Atom, ...] = ()
    lags: tuple[int, ...] = ()
    linear: frozenset[Var] = frozenset()

    def __post_init__(self) -> None:
        if not self.lags:
            object.__setattr__(self, "lags", (0,) * len(self.carry))

    @property
    def outs(self) -> tuple[Atom, ...]:
        return self.new + self.ys + self.sums

    def makers(self) -> dict[Var, int]:
        """Which equation computes a variable."""
        return {v: n for n, eqn in enumerate(self.eqns) for v in eqn.outvars}


def function(eqns: Sequence[Eqn], ins: Sequence[Var], outs: Sequence[Atom]) -> Callable[..., list[Any]]:
    """The function of `ins` that gives `outs`."""
    computed = [v for v in outs if is_var(v)]
    about = jex.DebugInfo("time loop", "a stage of a step", ("",) * len(ins), ("",) * len(computed))
    jaxpr = jex.Jaxpr((), ins, computed, eqns, debug_info=about)
    run = jex.jaxpr_as_fun(jex.ClosedJaxpr(jaxpr, ()))  # pyright: ignore[reportPrivateImportUsage] - JAX 0.12 has one kind

    def call(*values: Any) -> list[Any]:
        found = iter(run(*values))
        return [next(found) if is_var(v) else _literal(v) for v in outs]

    return call


def _literal(atom: Atom) -> Any:
    if atom.aval.shape and not np.ndim(atom.val):  # as `zero` makes them
        return ad.zeros_like_aval(atom.aval)
    return jnp.asarray(atom.val, atom.aval.dtype)


def needed(eqns: Sequence[Eqn], outs: Iterable[Atom], given: Iterable[Var] = ()) -> tuple[Eqn, ...]:
    """The equations that `outs` depend on, where `given` need not be computed."""
    wanted, known = {v for v in outs if is_var(v)}, set(given)
    wanted -= known
    kept: list[Eqn] = []
    for eqn in reversed(eqns):
        if wanted.intersection(eqn.outvars):
            kept.append(eqn)
            wanted.update(v for v in eqn.invars if is_var(v) and v not in known)
    return tuple(reversed(kept))


def dependent(eqns: Iterable[Eqn], seeds: Iterable[Var]) -> set[Var]:
    """The seeds, and what is computed from them."""
    found = set(seeds)
    for eqn in eqns:
        if any(is_var(v) and v in found for v in eqn.invars):
            found.update(eqn.outvars)
    return found


def renamed(eqns: Iterable[Eqn], names: Mapping[Var, Atom]) -> tuple[Eqn, ...]:
    """The equations, reading other values in the place of some."""

    def read(v: Atom) -> Atom:
        return names.get(v, v) if is_var(v) else v

    return tuple(eqn.replace(invars=[read(v) for v in eqn.invars]) for eqn in eqns)


@dataclass(frozen=True, eq=False)
class Traced:
    """A function of flat lists of arrays, as equations: what it closes over, with values, what it takes and gives."""

    eqns: tuple[Eqn, ...]
    consts: tuple[Var, ...]
    values: tuple[Any, ...]
    ins: tuple[Var, ...]
    outs: tuple[Atom, ...]
    effects: frozenset[Any]

    def closed(self, values: Sequence[Any]) -> "Traced":
        """The function of all inputs but the first, which have these values."""
        n = len(values)
        consts = (*self.consts, *self.ins[:n])
        return replace(self, consts=consts, values=(*self.values, *values), ins=self.ins[n:])


def trace(f: Callable[..., Any], *args: Any, keep: str = "") -> Traced:
    """The equations of a function, with all calls written out but those of functions named `keep`."""
    closed = jax.make_jaxpr(f)(*args)
    return written_out(closed.jaxpr, closed.consts, keep)


def written_out(jaxpr: Any, own: Sequence[Any], keep: str = "") -> Traced:
    """The equations of a jaxpr with these constants, with all calls written out but those of functions named `keep`."""
    consts, values = list(jaxpr.constvars), list(own)
    eqns, outs = _write_out(jaxpr, {}, consts, values, keep, rename=False)
    return Traced(tuple(eqns), tuple(consts), tuple(values), tuple(jaxpr.invars), tuple(outs), frozenset(jaxpr.effects))


def _write_out(
    jaxpr: Any, env: dict[Var, Atom], consts: list[Var], values: list[Any], keep: str, *, rename: bool
) -> tuple[list[Eqn], list[Atom]]:
    """The equations with all calls replaced by what they call; constants of the callees join `consts`.

    `rename` gives every result a new variable, since the same callee may be called twice.
    """

    def read(atom: Atom) -> Atom:
        return env.get(atom, atom) if is_var(atom) else atom

    eqns: list[Eqn] = []
    for eqn in jaxpr.eqns:
        ins = [read(v) for v in eqn.invars]
        if eqn.primitive.name in CALLS and not (keep and eqn.params.get("name") == keep):
            called = eqn.params.get("jaxpr", eqn.params.get("call_jaxpr"))
            open_, own = getattr(called, "jaxpr", called), getattr(called, "consts", ())
            local: dict[Var, Atom] = {}
            for v, value in zip(open_.constvars, own, strict=True):
                local[v] = jex.Var(v.aval)
                consts.append(local[v])
                values.append(value)
            local.update(zip(open_.invars, ins, strict=True))
            more, outs = _write_out(open_, local, consts, values, keep, rename=True)
            eqns += more
            env.update(zip(eqn.outvars, outs, strict=True))
            continue
        outvars = list(eqn.outvars)
        if rename:
            outvars = [jex.Var(v.aval) for v in outvars]
            env.update(zip(eqn.outvars, outvars, strict=True))
        eqns.append(eqn.replace(invars=ins, outvars=outvars))
    return eqns, [read(v) for v in jaxpr.outvars]
