"""The adaptive exponential integrate-and-fire neuron."""

from collections.abc import Callable
from typing import ClassVar

import equinox as eqx
import jax.numpy as jnp
from diffrax import AbstractSolver, Heun
from jax.typing import ArrayLike
from jaxtyping import Array, Float, Int

from dynplug.core import Context, Drive, Neuron, Parameter, as_size, discrete, param
from dynplug.neurons.refractory import at_rest, count
from dynplug.neurons.reset import check_reset, unless_given
from dynplug.neurons.start import potential
from dynplug.surrogates import Sigmoid, Surrogate


class AdExIFState(eqx.Module):
    """Potential `V` [mV], adaptation current `w` [nA] and the last spike."""

    V: Float[Array, "*size"]
    w: Float[Array, "*size"]
    spike: Float[Array, "*size"] | None = discrete()
    refractory: Int[Array, "*size"] | None = discrete()


class AdExIF(Neuron):
    r"""Adaptive exponential integrate-and-fire. Its output is the spikes, 0 or 1.

    $$C \frac{dV}{dt} = -g_L (V - E_L) + g_L \Delta_T \exp\!\left(\frac{V - V_T}{\Delta_T}\right) - w + I(V)$$
    $$\tau_w \frac{dw}{dt} = a\,(V - E_L) - w, \qquad
      V \ge V_\mathrm{th}: \text{spike, then } V \leftarrow V_\mathrm{reset},\; w \leftarrow w + b$$

    The defaults are those of the paper except for `V_th`: there the spike rises to 20 mV, where the upswing within a
    fixed step would overflow. -30 mV is `V_T` plus about ten times `Delta_T`, from where the rest of the rise takes
    less than 1 µs; with other values of these two, choose `V_th` accordingly. Beyond `V_th` the exponential is held at
    its value there, so that a step that overshoots the peak stays finite; with the default integrator it still ends in
    the reset.

    ```python
    _, spikes = dp.LoopOverTime(dp.neurons.AdExIF(1), dt=0.1)(jnp.full((5000, 1), 1.0))     # 500 ms of 1 nA
    intervals = 0.1 * np.diff(np.flatnonzero(spikes))
    assert intervals[-1] > 2 * intervals[0]     # 14 ms at first, 36 ms once it has adapted
    ```

    **Arguments:**

    - `size`: the number of units, or the shape of a grid of them.
    - `C`: membrane capacitance [nF].
    - `gL`: leak conductance [µS].
    - `EL`: leak reversal potential [mV].
    - `V_T`: threshold of the exponential [mV].
    - `Delta_T`: slope of the exponential [mV].
    - `tau_w`: time constant of the adaptation [ms].
    - `a`: subthreshold adaptation [µS].
    - `b`: spike-triggered adaptation [nA].
    - `V_reset`: potential after a spike, below `V_th`; `None`: `EL` [mV].
    - `V_th`: potential at which a spike is counted [mV].
    - `tau_ref`: refractory period, a multiple of the step [ms]: for so long after a spike the potential stays at its
        reset value, and input is lost.
    - `V_init`: initial potential, or an initializer that draws it; `None`: `EL` [mV].
    - `surrogate`: the derivative of the spike.
    - `integrator`: a diffrax solver.

    **Reference:** Brette, R. & Gerstner, W. (2005), Adaptive exponential integrate-and-fire model as an effective
    description of neuronal activity, doi:10.1152/jn.00686.2005.
    """

    size: tuple[int, ...] = eqx.field(static=True, converter=as_size)
    C: Parameter = param(0.281, positive=True)
    gL: Parameter = param(0.03, positive=True)
    EL: Parameter = param(-70.6)
    V_T: Parameter = param(-50.4)
    Delta_T: Parameter = param(2.0, positive=True)
    tau_w: Parameter = param(144.0, positive=True)
    a: Parameter = param(0.004)
    b: Parameter = param(0.0805)
    V_reset: Parameter = param(None)
    V_th: Parameter = param(-30.0)
    tau_ref: Parameter = param(0.0, stepwise=True)
    V_init: Parameter | Callable[..., ArrayLike] | None = param(None, drawn=True)
    surrogate: Surrogate = Sigmoid()
    integrator: AbstractSolver = Heun()

    equations: ClassVar = {
        "V": "(-gL * (V - EL) + gL * Delta_T * exp((V_held - V_T) / Delta_T) - w + I) / C",
        "w": "(a * (V - EL) - w) / tau_w",
    }
    definitions: ClassVar = {"V_held": "min(V, V_th)"}
    starts_at: ClassVar = {"V": "EL", "w": "0"}
    spikes_if: ClassVar = "V >= V_th"
    on_spike: ClassVar = {"V": "V_reset", "w": "w + b"}

    def __post_init__(self) -> None:
        self.V_reset = unless_given(self.V_reset, self.EL)

    def __check_init__(self) -> None:
        check_reset(self)

    def init_state(self, ctx: Context) -> AdExIFState:
        V = potential(self, self.EL, ctx)
        return AdExIFState(V, jnp.zeros_like(V), jnp.zeros_like(V), at_rest(self, V, ctx))

    def vector_field(self, t: object, y: AdExIFState, drive: Drive) -> AdExIFState:
        upswing = self.Delta_T * jnp.exp((jnp.minimum(y.V, self.V_th) - self.V_T) / self.Delta_T)
        dV = (self.gL * (self.EL - y.V + upswing) - y.w + drive(y.V)) / self.C
        return AdExIFState(dV, (self.a * (y.V - self.EL) - y.w) / self.tau_w)

    def emit(self, old: AdExIFState, new: AdExIFState, ctx: Context) -> tuple[AdExIFState, Float[Array, "*size"]]:
        spike, left = count(self, old.refractory, self.surrogate(new.V - self.V_th), ctx)
        V = (1.0 - spike) * jnp.minimum(new.V, self.V_th) + spike * self.V_reset
        return AdExIFState(V, new.w + spike * self.b, spike, left), spike
