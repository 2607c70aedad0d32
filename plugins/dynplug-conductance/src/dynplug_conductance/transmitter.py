"""The pulse of transmitter that kinetic synapses share, and their first-order kinetics."""

from typing import ClassVar

import equinox as eqx
import jax.numpy as jnp
from diffrax import AbstractSolver
from jax.typing import ArrayLike
from jaxtyping import Array, Float

from dynplug import Context, Drive, Parameter, Synapse, discrete
from dynplug.core import check_not_negative
from dynplug.synapses import Output


def present(T: Float[Array, "*size"], event: Float[Array, "*size"]) -> Float[Array, "*size"]:
    """The transmitter in a step: that of an event in it, which replaces a pulse that was there.

    An event of weight zero is none, but has its derivative.
    """
    return event + jnp.where(event > 0.0, 0.0, T)


def pulse(
    T: Float[Array, "*size"],
    event: Float[Array, "*size"],
    left: Float[Array, "*size"] | None,
    duration: Parameter,
    dt: float,
) -> tuple[Float[Array, "*size"], Float[Array, "*size"]]:
    """The transmitter in the next step, if there is no event in it, and the time for which it is still there.

    Pulses last a whole number of steps, at least one, the step of the event included.
    """
    before = jnp.zeros_like(T) if left is None else left
    rest = jnp.where(event > 0.0, jnp.asarray(duration, T.dtype), before) - dt
    return jnp.where(rest > dt / 2.0, present(T, event), 0.0), rest


class FirstOrderState(eqx.Module):
    """Open fraction `r`, transmitter `T` in multiples of a pulse, and how long it is still there, `left` [ms].

    `event` is what arrives in a step, and zero between steps.
    """

    r: Float[Array, "*size"]
    T: Float[Array, "*size"]
    event: Float[Array, "*size"]
    left: Float[Array, "*size"] | None = discrete()


class FirstOrder(Synapse):
    r"""Receptors that transmitter opens and that close by themselves.

    $$\frac{dr}{dt} = \alpha\,w\,[T]\,(1 - r) - \beta\,r, \qquad g = g_\mathrm{max}\,r$$

    The pulse, of height $w\,[T]$, begins with the step in which an event of weight $w$ arrives. An event during a pulse
    replaces it by one of its own. Weights are not negative.
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
    """The duration of a pulse."""

    output: eqx.AbstractVar[Output]
    """The effect of the conductance on the target."""

    integrator: eqx.AbstractVar[AbstractSolver]
    jump_to: ClassVar[str] = "event"

    equations: ClassVar = {"r": "alpha * wT * (1 - r) - beta * r", "T": "0", "event": "0"}
    definitions: ClassVar = {"wT": "T_max * where(event > 0, event, T)"}
    starts_at: ClassVar = {"r": "0", "T": "0", "event": "0"}

    def __check_init__(self) -> None:
        check_not_negative(self, "g_max", "T_max")

    def init_state(self, ctx: Context) -> FirstOrderState:
        nothing = jnp.zeros(self.size, ctx.dtype)
        return FirstOrderState(nothing, nothing, nothing, nothing)

    def vector_field(self, t: ArrayLike, y: FirstOrderState, drive: Drive) -> FirstOrderState:
        dr = self.alpha * self.T_max * present(y.T, y.event) * (1.0 - y.r) - self.beta * y.r
        return FirstOrderState(dr, jnp.zeros_like(y.T), jnp.zeros_like(y.event))

    def emit(self, old: FirstOrderState, new: FirstOrderState, ctx: Context) -> tuple[FirstOrderState, Drive]:
        T, left = pulse(new.T, new.event, old.left, self.duration, ctx.dt)
        return FirstOrderState(new.r, T, jnp.zeros_like(new.event), left), self.output(self.g_max * new.r)
