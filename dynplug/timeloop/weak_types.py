"""Weak types, which decide how a result is promoted when it is used."""

from typing import Any

import jax
import jax.extend.core as jex
import jax.numpy as jnp


def with_weak_type(value: Any, aval: Any) -> Any:
    """The value, weakly typed if and only if `aval` is."""
    found: Any = jax.typeof(value)
    if found.weak_type == aval.weak_type:
        return value
    if not aval.weak_type:
        return jax.lax.convert_element_type(value, aval.dtype)
    # No public function makes an array weakly typed, but promoting a weak integer to a float traces an equation that
    # does: that equation is taken, with its types replaced.
    (eqn,) = jax.make_jaxpr(lambda n: jnp.multiply(n, 1.0))(jax.typeof(jnp.asarray(1))).jaxpr.eqns[:1]
    given, made = jex.Var(found), jex.Var(aval)
    eqn = eqn.replace(invars=[given], outvars=[made], params=eqn.params | {"new_dtype": aval.dtype, "weak_type": True})
    about = jex.DebugInfo("time loop", "a weak type", ("",), ("",))
    jaxpr = jex.Jaxpr((), [given], [made], [eqn], debug_info=about)
    return jex.jaxpr_as_fun(jex.ClosedJaxpr(jaxpr, ()))(value)[0]  # pyright: ignore[reportPrivateImportUsage]
