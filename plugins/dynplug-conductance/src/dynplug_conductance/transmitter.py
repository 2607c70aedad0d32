"""The pulse of transmitter that kinetic synapses share, and their first-order kinetics."""

from typing import Any, ClassVar

import equinox as eqx
import jax.numpy as jnp
from diffrax import AbstractSolver
from jaxtyping import Array, Float

from dynplug import Context, Drive, Parameter, Synapse, discrete
from dynplug.synapses import Output


def pulse(
    old: Float[Array, "*size"],
    new: Float[Array, "*size"],
    left: Float[Array, "*size"] | None,
    duration: Parameter,
    dt: float,
) -> tuple[Float[Array, "*size"], Float[Array, "*size"]]:
    """Transmitter and the time for which it is still there, at the end of a step in which events were added to it.

    Pulses last a whole number of steps, at least one.
    """
    event = new - old
    none = jnp.where(event > 0.0, jnp.zeros_like(event), 1.0)
    rest = (jnp.zeros_like(old) if left is None else left) - dt
    kept = jnp.where(rest > dt / 2.0, old, 0.0)
    return event + none * kept, none * rest + (1.0 - none) * duration


class FirstOrderState(eqx.Module):
    """Open fraction `r`, transmitter `T` in multiples of a pulse, and how long it is still there, `left` [ms]."""

    r: Float[Array, "*size"]
    T: Float[Array, "*size"]
    left: Float[Array, "*size"] | None = discrete()


class FirstOrder(Synapse):
    r"""Receptors that transmitter opens and that close by themselves.

    $$\frac{dr}{dt} = \alpha\,w\,[T]\,(1 - r) - \beta\,r, \qquad g = g_\mathrm{max}\,r$$

    The pulse, of height $w\,[T]$, begins at the end of the step in which an event of weight $w$ arrives. An event
    during a pulse replaces it by one of its own. Weights are not negative.
    """

    g_max: eqx.AbstractVar[Parameter]
    """Conductance with all receptors open."""

    alpha: eqx.AbstractVar[Parameter]
    """Opening rate."""

    beta: eqx.AbstractVar[Parameter]
    """Closing rate."""

    T_max: eqx.AbstractVar[Parameter]
    """Transmitter during the pulse of an event of weight 1."""

    duration: eqx.AbstractVar[Parameter]
    """How long a pulse lasts."""

    output: eqx.AbstractVar[Output]
    """How the conductance acts on the target."""

    integrator: eqx.AbstractVar[AbstractSolver]
    jump_to: ClassVar[str] = "T"

    def init_state(self, ctx: Context) -> FirstOrderState:
        nothing = jnp.zeros(self.size, ctx.dtype)
        return FirstOrderState(nothing, nothing, nothing)

    def vector_field(self, t: Any, y: FirstOrderState, drive: Drive) -> FirstOrderState:
        dr = self.alpha * self.T_max * y.T * (1.0 - y.r) - self.beta * y.r
        return FirstOrderState(dr, jnp.zeros_like(y.T))

    def emit(self, old: FirstOrderState, new: FirstOrderState, ctx: Context) -> tuple[FirstOrderState, Drive]:
        T, left = pulse(old.T, new.T, old.left, self.duration, ctx.dt)
        return FirstOrderState(new.r, T, left), self.output(self.g_max * new.r)
