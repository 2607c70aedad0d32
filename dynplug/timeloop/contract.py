"""Sums over time of what is linear: as one operation where there is one, and after the loop what need not be in it."""

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp

from dynplug.timeloop.perturbed import is_floating, merge, select
from dynplug.timeloop.program import Eqn, fresh, function, like

_KNOWN = {"transpose", "reshape", "neg", "squeeze", "expand_dims", "copy", "add_any"}


def is_linear(eqn: Eqn, moving: Sequence[int]) -> bool:
    """Whether an equation is linear in these operands together: JAX is asked to transpose it."""
    if eqn.primitive.name in _KNOWN:
        return True
    fixed = [like(v) for n, v in enumerate(eqn.invars) if n not in moving]
    return works(lambda fixed, outs: _transpose(eqn, moving, fixed, outs), fixed, list(map(like, eqn.outvars)))


def can_contract(eqn: Eqn, moving: Sequence[int], stacked: Sequence[int]) -> bool:
    """Whether `contract` can take an equation."""
    if eqn.primitive.name == "dot_general" and len(stacked) == 2:
        return True
    if len(eqn.outvars) != 1 or not is_linear(eqn, moving):
        return False
    operands = [
        jax.ShapeDtypeStruct((2, *v.aval.shape), v.aval.dtype) if n in stacked else like(v)
        for n, v in enumerate(eqn.invars)
    ]
    return works(lambda *values: contract(eqn, values, moving, stacked), *operands)


def contract(eqn: Eqn, operands: Sequence[Any], moving: Sequence[int], stacked: Sequence[int]) -> Any:
    """The sum over time of the result of an equation that is linear in the operands `moving`.

    Those in `stacked`, which `moving` is part of, have time as their first axis; the others are the same at all steps.
    """
    if eqn.primitive.name == "dot_general" and len(stacked) == 2:
        return _product(eqn, *operands)
    # The sum of A[t] y[t] over time is the transpose of what takes z to A[t]' z for all t, and how to do that in one
    # operation JAX knows: as the convolution of a larger batch, as a gather with more indices.
    fixed = [v for n, v in enumerate(operands) if n not in moving]
    axes = [0 if n in stacked else None for n in range(len(operands)) if n not in moving]
    length = jnp.shape(operands[moving[0]])[0]

    def turned(total: Any) -> Any:
        if any(a == 0 for a in axes):
            return jax.vmap(lambda *values: _transpose(eqn, moving, values, [total]), in_axes=axes)(*fixed)
        same = _transpose(eqn, moving, fixed, [total])
        return jax.tree.map(lambda v: jnp.broadcast_to(v, (length, *v.shape)), same)

    (total,) = jax.linear_transpose(turned, like(eqn.outvars[0]))(tuple(operands[n] for n in moving))
    return total


def has_linear_backward(eqn: Eqn) -> bool:
    """Whether the backward pass of an equation, which a user may have written, is linear in the cotangents."""
    ins = [fresh(v) for v in eqn.invars]
    step = function([eqn.replace(invars=ins)], ins, eqn.outvars)
    moving = tuple(is_floating(v.aval) for v in ins)
    results = tuple(is_floating(v.aval) for v in eqn.outvars)

    def twice(values: list[Any], cotangents: list[Any]) -> Any:
        _, pull = jax.vjp(lambda *v: select(step(*merge(v, moving, values)), results), *select(values, moving))
        return jax.linear_transpose(pull, cotangents)(pull(cotangents))

    return works(twice, list(map(like, ins)), [like(v) for v in select(eqn.outvars, results)])


def works(f: Callable[..., Any], *args: Any) -> bool:
    """Whether a function can be traced."""
    try:
        jax.eval_shape(f, *args)
    except Exception:  # whatever it is, the answer is no
        return False
    return True


def _product(eqn: Eqn, lhs: Any, rhs: Any) -> Any:
    params = eqn.params
    contracted, batch = params["dimension_numbers"]
    later = [tuple(d + 1 for d in dims) for dims in (*contracted, *batch)]
    numbers = (((0, *later[0]), (0, *later[1])), (later[2], later[3]))
    return jax.lax.dot_general(
        lhs, rhs, numbers, precision=params["precision"], preferred_element_type=params["preferred_element_type"]
    )


def _transpose(eqn: Eqn, moving: Sequence[int], fixed: Sequence[Any], cotangents: Sequence[Any]) -> tuple[Any, ...]:
    """The cotangents of the operands `moving`, where the others have the values `fixed`."""
    ins = [fresh(v) for v in eqn.invars]
    run = function([eqn.replace(invars=ins)], ins, eqn.outvars)
    where = [n for n in range(len(ins)) if n not in moving]

    def f(*values: Any) -> list[Any]:
        every = dict(zip(where, fixed, strict=True)) | dict(zip(moving, values, strict=True))
        return run(*(every[n] for n in range(len(ins))))

    return jax.linear_transpose(f, *(like(eqn.invars[n]) for n in moving))(list(cotangents))
