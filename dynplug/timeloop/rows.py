"""Products with what changes from step to step on the left: then more steps are more rows of the same product."""

from collections.abc import Collection, Sequence

import jax

from dynplug.timeloop.program import Eqn, Var, is_var, like, renamed, trace


def rows_first(eqns: Sequence[Eqn], same: Collection[Var]) -> tuple[Eqn, ...]:
    """The equations, where a product of what is in `same`, on the left, and what is not has its operands exchanged.

    `weight @ x` with time as a further axis of `x` has time as its last axis, and all of it must be turned round; most
    steps turn it round themselves, as `jax.vmap` of a layer does, and then the two cancel.
    """
    found: list[Eqn] = []
    turned: dict[Var, tuple[Var, tuple[int, ...]]] = {}  # of what a value is the transpose
    for eqn in eqns:
        if _is_column(eqn, same):
            product, *last = _exchanged(eqn)
            found += [product, *last]
            turned |= {e.outvars[0]: (product.outvars[0], e.params["permutation"]) for e in last}
        elif eqn.primitive.name == "transpose" and eqn.invars[0] in turned:
            source, first = turned[eqn.invars[0]]
            both = tuple(first[axis] for axis in eqn.params["permutation"])
            found.append(eqn.replace(invars=[source], params=eqn.params | {"permutation": both}))
        else:
            found.append(eqn)
    return tuple(found)


def _is_column(eqn: Eqn, same: Collection[Var]) -> bool:
    if eqn.primitive.name != "dot_general" or eqn.params["out_sharding"] is not None:
        return False
    lhs, rhs = ((not is_var(v) or v in same) for v in eqn.invars)
    return lhs and not rhs and eqn.params["dimension_numbers"][1] == ((), ())


def _exchanged(eqn: Eqn) -> list[Eqn]:
    """The product with its operands exchanged, and the transpose that makes it the same, if one is needed."""
    (contracted, batch), params = eqn.params["dimension_numbers"], eqn.params
    lhs, rhs = map(like, eqn.invars)
    free = rhs.ndim - len(contracted[1])
    axes = (*range(free, free + lhs.ndim - len(contracted[0])), *range(free))

    def product(a: jax.Array, b: jax.Array) -> jax.Array:
        numbers = (contracted[::-1], batch)
        kind = params["preferred_element_type"]
        return jax.lax.dot_general(b, a, numbers, params["precision"], preferred_element_type=kind).transpose(axes)

    traced = trace(product, lhs, rhs)
    *before, last = renamed(traced.eqns, dict(zip(traced.ins, eqn.invars, strict=True)))
    return [*before, last.replace(outvars=eqn.outvars)]
