"""The refractory period after a spike."""

from typing import Protocol, runtime_checkable

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jaxtyping import Array, Float, Int

from dynplug.core import Context, Parameter
from dynplug.errors import DurationError


@runtime_checkable
class Refractory(Protocol):
    """A neuron with a refractory period."""

    @property
    def tau_ref(self) -> Parameter: ...


def at_rest(neuron: Refractory, V: Float[Array, "*size"], ctx: Context) -> Int[Array, "*size"] | None:
    """The number of refractory steps left at the start, zero, of each unit; `None` for a neuron without such a period.

    **Raises:** `DurationError` if `tau_ref` is not a whole number of steps, to 1 %.
    """
    if isinstance(neuron.tau_ref, float) and neuron.tau_ref == 0.0:
        return None
    if not isinstance(neuron.tau_ref, Tracer):
        exact = np.asarray(neuron.tau_ref, float) / ctx.dt
        wrong = np.abs(np.round(exact) - exact) > 0.01 * np.abs(exact)
        wrong |= exact < 0
        if np.any(wrong):
            first = np.ravel(exact)[np.argmax(wrong)]
            raise DurationError(
                f"{type(neuron).__name__}(tau_ref={first * ctx.dt:g}) is {first:g} steps of dt={ctx.dt} ms: give zero "
                "or a multiple of dt, or a smaller dt."
            )
    return jnp.zeros(V.shape, jnp.int32)


def count(
    neuron: Refractory, left: Int[Array, "*size"] | None, spike: Float[Array, "*size"], ctx: Context
) -> tuple[Float[Array, "*size"], Int[Array, "*size"] | None]:
    """The spikes of units that are not refractory, and the number of refractory steps left after this one.

    **Arguments:**

    - `left`: the number of steps left before this one, or `None`.
    - `spike`: the spikes that the potential would give.
    """
    if left is None:
        return spike, None
    spike = jnp.where(left > 0, jnp.zeros_like(spike), spike)
    period = jnp.round(jax.lax.stop_gradient(jnp.asarray(neuron.tau_ref)) / ctx.dt).astype(left.dtype)
    return spike, jnp.where(spike > 0, period, jnp.maximum(left - 1, 0))
