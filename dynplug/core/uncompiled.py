"""Evaluation of functions that are called once, by NumPy where possible, to save compilation."""

from collections.abc import Callable
from typing import TypeVar

import equinox as eqx
import jax
import jax.extend.core as jex
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jaxtyping import Array, PyTree

from dynplug.core.host_only import is_traced
from dynplug.core.numpy_evaluation import evaluate

T = TypeVar("T")


def to_jax(value: object) -> Array:
    """Return `jnp.asarray(value)`, with an explicit dtype: without, JAX would compile a program for each shape."""
    if not isinstance(value, np.ndarray):
        return jnp.asarray(value)
    dtype = jax.dtypes.canonicalize_dtype(value.dtype)
    return jnp.asarray(value.astype(dtype, copy=False), dtype)


def uncompiled(function: Callable[..., T], *given: PyTree) -> T:
    """Return `function(*given)`, bit for bit, with as few compiled programs as possible.

    A plain call makes JAX compile one program for each operation and shape. Instead, the operations are traced, and
    those that the result needs are evaluated one by one, by NumPy where that gives the same bits.

    The call stays plain if branches depend on values; if an argument is an array that the user put on a device, as the
    result belongs there, too; and within functions that JAX traces, where nothing is compiled for it.

    **Arguments:**

    - `function`: the function, pure, with a pytree as its result.
    - `given`: its arguments.
    """
    traced = None if is_traced() or any(map(_is_placed, jax.tree.leaves(given))) else _traced(function, given)
    if traced is None:
        return function(*given)
    closed, shapes, static = traced
    jaxpr = closed.jaxpr
    given_to_it = dict(zip(jaxpr.constvars, closed.consts, strict=True))
    found = evaluate(_needed(jaxpr), jaxpr.outvars, given_to_it, singly=True)
    return eqx.combine(jax.tree.unflatten(jax.tree.structure(shapes), map(to_jax, found)), static)


def _is_placed(value: object) -> bool:
    """Whether an array is where the user said, or is traced, as by `jax.grad`."""
    return isinstance(value, Tracer) or (isinstance(value, jax.Array) and value.committed)


def _traced(
    function: Callable[..., PyTree], given: tuple[PyTree, ...]
) -> tuple[jex.ClosedJaxpr, PyTree, PyTree] | None:
    """The operations of a function, and its result without arrays; `None` if it must be called as it is."""
    try:
        traced = eqx.filter_make_jaxpr(lambda: function(*given))()
    except Exception:  # of many kinds: if it is no matter of tracing, the function raises it again
        return None
    jaxpr = traced[0].jaxpr
    weak = any(getattr(v.aval, "weak_type", False) for v in jaxpr.outvars)  # which no array of NumPy is
    return None if jaxpr.effects or weak or any(map(_is_placed, traced[0].consts)) else traced


def _needed(jaxpr: jex.Jaxpr) -> list[jex.JaxprEqn]:
    """The equations that the results depend on."""
    needed = {v for v in jaxpr.outvars if not isinstance(v, jex.Literal)}
    found: list[jex.JaxprEqn] = []
    for eqn in reversed(jaxpr.eqns):
        if needed.intersection(eqn.outvars):
            found.append(eqn)
            needed.update(v for v in eqn.invars if not isinstance(v, jex.Literal))
    return found[::-1]
