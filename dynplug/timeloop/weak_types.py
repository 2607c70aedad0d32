"""Weak types, which decide how a result is promoted when it is used."""

from typing import cast

import jax
import jax.extend.core as jex
import jax.numpy as jnp

from dynplug.timeloop.jaxpr_types import Aval, ClosedJaxpr, Jaxpr, Value, Var


def strongly_typed(aval: Aval) -> Aval:
    """The abstract value without a weak type."""
    return cast(Aval, aval.strip_weak_type())


def with_weak_type(value: Value, aval: Aval) -> Value:
    """The value, weakly typed if and only if `aval` is."""
    found: Aval = jax.typeof(value)
    if found.weak_type == aval.weak_type:
        return value
    if not aval.weak_type:
        return jax.lax.convert_element_type(value, aval.dtype)
    # No public function makes an array weakly typed, but promoting a weak integer to a float traces an equation that
    # does: that equation is taken, with its types replaced.
    (eqn,) = jax.make_jaxpr(lambda n: jnp.multiply(n, 1.0))(jax.typeof(jnp.asarray(1))).jaxpr.eqns[:1]
    given, made = Var(found), Var(aval)
    eqn = eqn.replace(invars=[given], outvars=[made], params=eqn.params | {"new_dtype": aval.dtype, "weak_type": True})
    about = jex.DebugInfo("time loop", "a weak type", ("",), ("",))
    jaxpr = Jaxpr((), [given], [made], [eqn], debug_info=about)
    return jex.jaxpr_as_fun(ClosedJaxpr(jaxpr, ()))(value)[0]
