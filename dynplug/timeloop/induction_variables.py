"""Induction variables: carried integers to which each step adds the same number, such as the index of the step.

Their values at all steps are known beforehand, `first + by * n`, so they need not be carried: they become inputs, and
what is computed from them leaves the loop with them.

**Invariant:** the same integers, which wrap around at the ends of their type as repeated addition does.

**Limits:** one addition of a literal scalar. An increment that is a variable, a floating number (whose repeated
addition rounds) or a second assignment leaves the value in the carry.

**Reference:** Aho et al. (2006), section 9.1.
"""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from dynplug.timeloop.jaxpr_types import Atom, Literal, Value, Var
from dynplug.timeloop.program import Traced, aval_of, is_var


def increment(traced: Traced, before: Var, after: Atom) -> int | None:
    """The number that each step adds to a carried integer; `None` if it is not an induction variable."""
    dtype = aval_of(before).dtype
    if not is_var(after) or not jnp.issubdtype(dtype, jnp.integer) or dtype.kind not in "iu":
        return None
    eqn = next((e for e in traced.eqns if after in e.outvars), None)
    if eqn is None or eqn.primitive.name != "add" or not any(v is before for v in eqn.invars):
        return None
    (other,) = [v for v in eqn.invars if v is not before] or [before]
    return int(other.val) if isinstance(other, Literal) and not jnp.ndim(other.val) else None


def at_all_steps(first: Value, by: int, length: int, reverse: bool) -> Value:
    """The values of an induction variable at the start of each step, stacked in the order of the inputs."""
    steps = jnp.arange(length, dtype=jnp.uint32)
    steps = steps[::-1] if reverse else steps
    steps = jax.lax.convert_element_type(steps, first.dtype) * _wrapped(by, first.dtype)
    return first[None] + steps.reshape(-1, *(1,) * first.ndim)


def after_all_steps(first: Value, by: int, length: int) -> Value:
    """The value of an induction variable after the last step."""
    return first + _wrapped(length * by, first.dtype)


def _wrapped(number: int, dtype: np.dtype) -> Array:
    """An integer modulo 2 to the number of bits of its type."""
    return jnp.asarray(np.asarray(number % 2 ** (8 * dtype.itemsize), f"u{dtype.itemsize}").astype(dtype))
