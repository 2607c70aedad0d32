"""The perfect integrate-and-fire neuron."""

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
from dynplug.neurons.reset import Reset, check_reset, fire, reset_field
from dynplug.neurons.start import potential
from dynplug.surrogates import Sigmoid, Surrogate


class IFState(eqx.Module):
    """Potential `V` [mV] and the last spike."""

    V: Float[Array, "*size"]
    spike: Float[Array, "*size"] | None = discrete()
    refractory: Int[Array, "*size"] | None = discrete()


class IF(Neuron):
    r"""Integrate-and-fire without leak. Its output is the spikes, 0 or 1.

    $$C \frac{dV}{dt} = I(V), \qquad V \ge V_\mathrm{th}: \text{spike, then reset}$$

    ```python
    _, spikes = dp.LoopOverTime(dp.neurons.IF(1, C=0.5), dt=1.0)(jnp.full((1000, 1), 0.125))     # 1 s of 0.125 nA
    assert spikes.sum() == 1000 * 0.125 / 0.5     # I / (C V_th) = 250 Hz
    ```

    **Arguments:**

    - `size`: the number of units, or the shape of a grid of them.
    - `C`: membrane capacitance [nF].
    - `V_reset`: potential after a spike, below `V_th` [mV].
    - `V_th`: threshold [mV].
    - `reset`: `"value"` sets the potential to `V_reset`, `"subtract"` lowers it by `V_th - V_reset`.
    - `detach_reset`: whether gradients ignore the reset of the potential.
    - `tau_ref`: refractory period, a multiple of the step [ms]: for so long after a spike the potential stays at its
        reset value, and input is lost.
    - `V_init`: initial potential, or an initializer that draws it; `None`: `V_reset` [mV].
    - `surrogate`: the derivative of the spike.
    - `integrator`: a diffrax solver; exponential Euler is exact here.

    **Reference:** Abbott, L. F. (1999), Lapicque's introduction of the integrate-and-fire model neuron (1907),
    doi:10.1016/S0361-9230(99)00161-6.
    """

    size: tuple[int, ...] = eqx.field(static=True, converter=as_size)
    C: Parameter = param(1.0, positive=True)
    V_reset: Parameter = param(0.0)
    V_th: Parameter = param(1.0)
    reset: Reset = reset_field()
    detach_reset: bool = eqx.field(default=False, static=True)
    tau_ref: Parameter = param(0.0, stepwise=True)
    V_init: Parameter | Callable[..., ArrayLike] | None = param(None, drawn=True)
    surrogate: Surrogate = Sigmoid()
    integrator: AbstractSolver = ExponentialEuler()

    equations: ClassVar = {"V": "I / C"}
    starts_at: ClassVar = {"V": "V_reset"}
    spikes_if: ClassVar = "V >= V_th"
    on_spike: ClassVar = {"V": "V_reset"}

    def __check_init__(self) -> None:
        check_reset(self)

    def init_state(self, ctx: Context) -> IFState:
        V = potential(self, self.V_reset, ctx)
        return IFState(V, jnp.zeros_like(V), at_rest(self, V, ctx))

    def vector_field(self, t: object, y: IFState, drive: Drive) -> IFState:
        return IFState(jnp.broadcast_to(drive(y.V) / self.C, y.V.shape))

    def emit(self, old: IFState, new: IFState, ctx: Context) -> tuple[IFState, Float[Array, "*size"]]:
        V, spike, left = fire(self, old, new.V, self.V_th, ctx)
        return IFState(V, spike, left), spike
