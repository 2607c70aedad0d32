"""The leaky integrate-and-fire neuron."""

from collections.abc import Callable
from typing import ClassVar

import equinox as eqx
import jax.numpy as jnp
from diffrax import AbstractSolver
from jax.typing import ArrayLike
from jaxtyping import Array, Float, Int

from dynplug.core import Context, Drive, Neuron, Parameter, as_size, discrete, param
from dynplug.integrators import ExponentialEuler
from dynplug.neurons.refractory import at_rest
from dynplug.neurons.reset import Reset, check_reset, fire, reset_field, unless_given
from dynplug.neurons.start import potential
from dynplug.surrogates import Sigmoid, Surrogate


class LIFState(eqx.Module):
    """Potential `V` [mV] and the last spike."""

    V: Float[Array, "*size"]
    spike: Float[Array, "*size"] | None = discrete()
    refractory: Int[Array, "*size"] | None = discrete()


class LIF(Neuron):
    r"""Leaky integrate-and-fire. Its output is the spikes, 0 or 1.

    $$\tau \frac{dV}{dt} = -(V - V_\mathrm{rest}) + R\,I(V), \qquad V \ge V_\mathrm{th}: \text{spike, then reset}$$

    An input held for one step raises the potential by about `R * dt / tau` times its value; an event delivered by
    `dynplug.synapses.Delta` raises it by its weight [mV], which suits weights of the order of the threshold.

    ```python
    _, spikes = dp.LoopOverTime(dp.neurons.LIF(1, tau=10.0), dt=0.1)(jnp.full((1000, 1), 1.5))
    interval = 0.1 * np.diff(np.flatnonzero(spikes)).mean()
    assert abs(interval - 10.0 * np.log(1.5 / (1.5 - 1.0))) < 0.1     # tau ln(RI / (RI - V_th)) = 10.99 ms
    ```

    **Arguments:**

    - `size`: the number of units, or the shape of a grid of them.
    - `tau`: membrane time constant [ms].
    - `R`: membrane resistance [MΩ].
    - `V_rest`: resting potential [mV].
    - `V_reset`: potential after a spike, below `V_th`; `None`: `V_rest` [mV].
    - `V_th`: threshold [mV].
    - `reset`: `"value"` sets the potential to `V_reset`, `"subtract"` lowers it by `V_th - V_reset`.
    - `detach_reset`: whether gradients ignore the reset of the potential.
    - `tau_ref`: refractory period, a multiple of the step [ms]: for so long after a spike the potential stays at its
        reset value, and input is lost.
    - `V_init`: initial potential, or an initializer that draws it; `None`: `V_rest` [mV].
    - `surrogate`: the derivative of the spike.
    - `integrator`: a diffrax solver; exponential Euler is exact here.

    **Reference:** Gerstner, W. et al. (2014), Neuronal Dynamics, section 1.3, doi:10.1017/CBO9781107447615.
    """

    size: tuple[int, ...] = eqx.field(static=True, converter=as_size)
    tau: Parameter = param(10.0, positive=True)
    R: Parameter = param(1.0)
    V_rest: Parameter = param(0.0)
    V_reset: Parameter = param(None)
    V_th: Parameter = param(1.0)
    reset: Reset = reset_field()
    detach_reset: bool = eqx.field(default=False, static=True)
    tau_ref: Parameter = param(0.0, stepwise=True)
    V_init: Parameter | Callable[..., ArrayLike] | None = param(None, drawn=True)
    surrogate: Surrogate = Sigmoid()
    integrator: AbstractSolver = ExponentialEuler()

    equations: ClassVar = {"V": "(-(V - V_rest) + R * I) / tau"}
    starts_at: ClassVar = {"V": "V_rest"}
    spikes_if: ClassVar = "V >= V_th"
    on_spike: ClassVar = {"V": "V_reset"}

    def __post_init__(self) -> None:
        self.V_reset = unless_given(self.V_reset, self.V_rest)

    def __check_init__(self) -> None:
        check_reset(self)

    def init_state(self, ctx: Context) -> LIFState:
        V = potential(self, self.V_rest, ctx)
        return LIFState(V, jnp.zeros_like(V), at_rest(self, V, ctx))

    def vector_field(self, t: object, y: LIFState, drive: Drive) -> LIFState:
        return LIFState((self.V_rest - y.V + self.R * drive(y.V)) / self.tau)

    def emit(self, old: LIFState, new: LIFState, ctx: Context) -> tuple[LIFState, Float[Array, "*size"]]:
        V, spike, left = fire(self, old, new.V, self.V_th, ctx)
        return LIFState(V, spike, left), spike
