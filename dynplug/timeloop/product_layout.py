"""Layout of matrix products: the operand that changes from step to step comes first, so that more steps are more rows.

`weight @ x` has time, as a further axis of `x`, as the last axis of its result, so that all of it must be transposed.
`x @ weight.T` has it as the first: the products of all steps are one product with more rows. Most steps transpose the
result themselves, as `jax.vmap` of a layer does, and then the two transposes compose to none or one.

**Invariant:** every variable keeps its value, up to rounding within a product; only the order of operands and the
number of transposes differ.

**Limits:** products with batch dimensions, and those whose result has a sharding, are left as they are.
"""

from collections.abc import Collection, Sequence

import jax

from dynplug.timeloop.jaxpr_types import Eqn, Var
from dynplug.timeloop.program import aval_of, is_var, substitute, trace


def steps_as_rows(eqns: Sequence[Eqn], invariant: Collection[Var]) -> tuple[Eqn, ...]:
    """The equations, where a product with a loop invariant on the left and no other has its operands exchanged."""
    found: list[Eqn] = []
    transposed: dict[Var, tuple[Var, tuple[int, ...]]] = {}  # results of transposes: of which product, by which axes
    for eqn in eqns:
        if _has_invariant_left(eqn, invariant):
            product, *last = _exchanged(eqn)
            found += [product, *last]
            transposed |= {e.outvars[0]: (product.outvars[0], e.params["permutation"]) for e in last}
        elif eqn.primitive.name == "transpose" and eqn.invars[0] in transposed:
            # The transpose of a transpose is one transpose of the product; the one in between is then dead code.
            source, first = transposed[eqn.invars[0]]
            both = tuple(first[axis] for axis in eqn.params["permutation"])
            found.append(eqn.replace(invars=[source], params=eqn.params | {"permutation": both}))
        else:
            found.append(eqn)
    return tuple(found)


def _has_invariant_left(eqn: Eqn, invariant: Collection[Var]) -> bool:
    if eqn.primitive.name != "dot_general" or eqn.params["out_sharding"] is not None:
        return False
    lhs, rhs = ((not is_var(v) or v in invariant) for v in eqn.invars)
    return lhs and not rhs and eqn.params["dimension_numbers"][1] == ((), ())


def _exchanged(eqn: Eqn) -> list[Eqn]:
    """The product with its operands exchanged, and the transpose that restores its axes, if one is needed."""
    (contracted, batch), params = eqn.params["dimension_numbers"], eqn.params
    lhs, rhs = map(aval_of, eqn.invars)
    free = rhs.ndim - len(contracted[1])
    axes = (*range(free, free + lhs.ndim - len(contracted[0])), *range(free))

    def product(a: jax.Array, b: jax.Array) -> jax.Array:
        numbers = (contracted[::-1], batch)
        kind = params["preferred_element_type"]
        return jax.lax.dot_general(b, a, numbers, params["precision"], preferred_element_type=kind).transpose(axes)

    traced = trace(product, lhs, rhs)
    *before, last = substitute(traced.eqns, dict(zip(traced.ins, eqn.invars, strict=True)))
    return [*before, last.replace(outvars=eqn.outvars)]
