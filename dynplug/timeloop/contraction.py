"""Contraction over time: a sum over all steps of a linear operation as one operation.

The gradient of a weight is a sum over time of outer products, which is one matrix product with time as a further
contracted axis. More generally, the sum of `A[t] y[t]` over `t` is the transpose of `z -> (A[t]' z for all t)`, which
JAX batches and transposes into one operation, whatever `A` is. Where `A` does not depend on `t`, it is moved behind the
sum, as in `sum(A y[t]) = A sum(y[t])`: see `fission`.

**Invariant:** the same sum, up to the order of its additions.

**Limits:** an equation with several results, or one that is not linear in its operands together, is summed in its scan.
Whether JAX can transpose or batch an equation is not known from its name: it is tried, on abstract values.
"""

from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
from jaxtyping import Array, PyTree

from dynplug.timeloop.jaxpr_types import Eqn, Value, Values
from dynplug.timeloop.program import as_function, aval_of, fresh_var

_ALWAYS_LINEAR = {"transpose", "reshape", "neg", "squeeze", "expand_dims", "copy", "add_any"}


def is_linear(eqn: Eqn, linear: Sequence[int]) -> bool:
    """Whether an equation is linear in these operands together: whether JAX can transpose it."""
    if eqn.primitive.name in _ALWAYS_LINEAR:
        return True
    fixed = [aval_of(v) for n, v in enumerate(eqn.invars) if n not in linear]
    return works(lambda fixed, outs: _transpose(eqn, linear, fixed, outs), fixed, list(map(aval_of, eqn.outvars)))


def can_contract(eqn: Eqn, linear: Sequence[int], stacked: Sequence[int]) -> bool:
    """Whether `contract` can sum an equation."""
    if eqn.primitive.name == "dot_general" and len(stacked) == 2:
        return True
    if len(eqn.outvars) != 1 or not is_linear(eqn, linear):
        return False
    operands = [
        jax.ShapeDtypeStruct((2, *aval_of(v).shape), aval_of(v).dtype) if n in stacked else aval_of(v)
        for n, v in enumerate(eqn.invars)
    ]
    return works(lambda *values: contract(eqn, values, linear, stacked), *operands)


def contract(eqn: Eqn, operands: Values, linear: Sequence[int], stacked: Sequence[int]) -> Value:
    """The sum over time of the result of an equation that is linear in the operands `linear`.

    The operands in `stacked`, which include `linear`, have time as their first axis; the others are loop invariants.
    """
    if eqn.primitive.name == "dot_general" and len(stacked) == 2:
        return _product(eqn, *operands)

    # z -> (A[t]' z for all t), where A is the equation as a function of its linear operands. Batching makes one
    # operation of it: the convolution of a larger batch, say, or a gather with more indices.
    fixed = [v for n, v in enumerate(operands) if n not in linear]
    axes = [0 if n in stacked else None for n in range(len(operands)) if n not in linear]
    length = jnp.shape(operands[linear[0]])[0]

    def transposed_of_all_steps(total: Value) -> tuple[Value, ...]:
        if any(a == 0 for a in axes):
            return jax.vmap(lambda *values: _transpose(eqn, linear, values, [total]), in_axes=axes)(*fixed)
        of_one_step = _transpose(eqn, linear, fixed, [total])
        return jax.tree.map(lambda v: jnp.broadcast_to(v, (length, *v.shape)), of_one_step)

    # Its own transpose is the sum.
    (total,) = jax.linear_transpose(transposed_of_all_steps, aval_of(eqn.outvars[0]))(
        tuple(operands[n] for n in linear)
    )
    return total


def works(f: Callable[..., PyTree], *args: PyTree) -> bool:
    """Whether a function can be traced."""
    try:
        jax.eval_shape(f, *args)
    except Exception:  # JAX raises many kinds; each of them means no
        return False
    return True


def _product(eqn: Eqn, lhs: Value, rhs: Value) -> Array:
    """The sum over time of a product of two stacked operands: time becomes one more contracted axis."""
    params = eqn.params
    contracted, batch = params["dimension_numbers"]
    moved = [tuple(d + 1 for d in dims) for dims in (*contracted, *batch)]
    numbers = (((0, *moved[0]), (0, *moved[1])), (moved[2], moved[3]))
    return jax.lax.dot_general(
        lhs, rhs, numbers, precision=params["precision"], preferred_element_type=params["preferred_element_type"]
    )


def _transpose(eqn: Eqn, linear: Sequence[int], fixed: Values, cotangents: Values) -> tuple[Value, ...]:
    """The cotangents of the operands `linear` where the others have the values `fixed`."""
    ins = [fresh_var(v) for v in eqn.invars]
    run = as_function([eqn.replace(invars=[*ins])], ins, eqn.outvars)
    where = [n for n in range(len(ins)) if n not in linear]

    def f(*values: Value) -> list[Value]:
        every = dict(zip(where, fixed, strict=True)) | dict(zip(linear, values, strict=True))
        return run(*(every[n] for n in range(len(ins))))

    return jax.linear_transpose(f, *(aval_of(eqn.invars[n]) for n in linear))(list(cotangents))
