"""Derivative rules that a user has written: whether the compiler may split, repeat or leave them out.

A rule is part of a step that is seen only when the step is differentiated. So each equation that has one is
differentiated alone, on abstract values.

**Invariant:** a rule without effects whose backward pass is linear gives the same result wherever it is applied.

**Limits:** first derivatives only: what a rule does when it is differentiated itself is not looked at.

**Reference:** Custom derivative rules for JAX-transformable Python functions,
https://docs.jax.dev/en/latest/notebooks/Custom_derivative_rules_for_Python_code.html.
"""

from collections.abc import Callable

import jax
from jaxtyping import PyTree

from dynplug.timeloop.activity_analysis import is_floating, merge, select
from dynplug.timeloop.contraction import works
from dynplug.timeloop.jaxpr_types import Aval, Effect, Eqn, Value, Values
from dynplug.timeloop.primitives import has_own_derivative, has_own_transpose
from dynplug.timeloop.program import as_function, aval_of, fresh_var


def has_linear_backward(eqn: Eqn) -> bool:
    """Whether the backward pass of an equation is linear in the cotangents.

    If it is not, its value for a sum, over time or over a batch, is not the sum of its values.
    """
    if not has_own_transpose(eqn):
        return True
    run, values, moving, results = _differentiable(eqn)

    def transposed_twice(values: list[Value], moving: list[Value], cotangents: list[Value]) -> PyTree:
        _, pull = jax.vjp(lambda *v: run(values, v), *moving)
        return jax.linear_transpose(pull, cotangents)(pull(cotangents))

    return works(transposed_twice, values, moving, results)


def rule_effects(eqn: Eqn) -> frozenset[Effect]:
    """The effects of the derivative rules in an equation, such as the print of a gradient."""
    if not (has_own_transpose(eqn) or has_own_derivative(eqn)):
        return frozenset()
    run, values, moving, results = _differentiable(eqn)

    def forward(values: list[Value], moving: list[Value]) -> PyTree:
        return jax.jvp(lambda *v: run(values, v), moving, moving)

    def backward(values: list[Value], moving: list[Value], cotangents: list[Value]) -> PyTree:
        return jax.vjp(lambda *v: run(values, v), *moving)[1](cotangents)

    try:
        if has_own_transpose(eqn):  # which has no forward mode
            return frozenset(jax.make_jaxpr(backward)(values, moving, results).effects)
        return frozenset(jax.make_jaxpr(forward)(values, moving).effects)
    except Exception:  # it has no derivative, and raises once it is asked for one
        return frozenset()


def _differentiable(
    eqn: Eqn,
) -> tuple[Callable[[Values, Values], list[Value]], list[Aval], list[Aval], list[Aval]]:
    """An equation as a function of all its operands and of those that are floating, which take precedence.

    With it come the abstract values of both, and of its floating results.
    """
    ins = [fresh_var(v) for v in eqn.invars]
    step = as_function([eqn.replace(invars=[*ins])], ins, eqn.outvars)
    floating = tuple(is_floating(aval_of(v)) for v in ins)
    results = tuple(is_floating(aval_of(v)) for v in eqn.outvars)
    values = list(map(aval_of, ins))

    def run(values: Values, moving: Values) -> list[Value]:
        return select(step(*merge(moving, floating, values)), results)

    return run, values, select(values, floating), [aval_of(v) for v in select(eqn.outvars, results)]
