"""The Morris-Lecar model."""

from typing import ClassVar

import equinox as eqx
import jax.numpy as jnp
from diffrax import AbstractSolver, Bosh3
from jax.typing import ArrayLike
from jaxtyping import Array, Float

from dynplug import Context, Drive, Neuron, Parameter, as_size, discrete, param
from dynplug.core import check_not_negative
from dynplug.surrogates import Sigmoid, Surrogate
from dynplug_conductance.kinetics import crossing


class MorrisLecarState(eqx.Module):
    """Potential `V` [mV], the potassium gate `w` and the last spike."""

    V: Float[Array, "*size"]
    w: Float[Array, "*size"]
    spike: Float[Array, "*size"] | None = discrete()


class MorrisLecar(Neuron):
    r"""The barnacle muscle fibre. Puts out 1 in the step in which the potential rises through `V_th`.

    $$C \frac{dV}{dt} = -g_\mathrm{Ca} m_\infty (V - E_\mathrm{Ca}) - g_\mathrm{K} w (V - E_\mathrm{K})
      - g_L (V - E_L) + I(V)$$
    $$\frac{dw}{dt} = \phi\,\frac{w_\infty - w}{\tau_w}, \qquad
      m_\infty = \tfrac12 \left( 1 + \tanh \frac{V - V_1}{V_2} \right)$$
    $$w_\infty = \tfrac12 \left( 1 + \tanh \frac{V - V_3}{V_4} \right), \qquad
      \frac{1}{\tau_w} = \cosh \frac{V - V_3}{2 V_4}$$

    With the defaults the onset of firing is a Hopf bifurcation, near 93.9 µA/cm²: the rate starts high. With
    `gCa=4.0, V3=12.0, V4=17.4, phi=0.0667` it is a saddle-node on an invariant circle, near 40.0 µA/cm²: the rate
    starts from zero. The gate starts at its steady state. The step should not exceed 0.5 ms.

    ```python
    from dynplug_conductance import MorrisLecar

    loop = dp.LoopOverTime(MorrisLecar(2), dt=0.25)
    _, spikes = loop(jnp.tile(jnp.array([80.0, 120.0]), (4000, 1)))     # 1 s below and above the onset [µA/cm²]
    late = spikes[2000:].sum(0)
    assert late[0] == 0 and late[1] > 4
    ```

    **Arguments:**

    - `size`: the number of units, or the shape of a grid of them.
    - `C`: membrane capacitance [µF/cm²].
    - `gCa`: maximal calcium conductance [mS/cm²].
    - `ECa`: calcium reversal potential [mV].
    - `gK`: maximal potassium conductance [mS/cm²].
    - `EK`: potassium reversal potential [mV].
    - `gL`: leak conductance [mS/cm²].
    - `EL`: leak reversal potential [mV].
    - `V1`, `V2`: half-activation and width of calcium [mV].
    - `V3`, `V4`: half-activation and width of potassium [mV].
    - `phi`: rate of the potassium gate [1/ms].
    - `V_th`: potential whose upward crossing counts as a spike [mV].
    - `V_init`: potential at the start [mV].
    - `surrogate`: the derivative of the spike.
    - `integrator`: a diffrax solver; the equation of `V` is not linear in `V`.

    **Reference:** Morris, C. & Lecar, H. (1981), Voltage oscillations in the barnacle giant muscle fiber,
    doi:10.1016/S0006-3495(81)84782-0; values of Rinzel, J. & Ermentrout, G. B. (1998), Analysis of neural excitability
    and oscillations, in Methods in Neuronal Modeling, 2nd edition, MIT Press.
    """

    size: tuple[int, ...] = eqx.field(static=True, converter=as_size)
    C: Parameter = param(20.0, positive=True)
    gCa: Parameter = param(4.4)
    ECa: Parameter = param(120.0)
    gK: Parameter = param(8.0)
    EK: Parameter = param(-84.0)
    gL: Parameter = param(2.0)
    EL: Parameter = param(-60.0)
    V1: Parameter = param(-1.2)
    V2: Parameter = param(18.0, positive=True)
    V3: Parameter = param(2.0)
    V4: Parameter = param(30.0, positive=True)
    phi: Parameter = param(0.04, positive=True)
    V_th: Parameter = param(0.0)
    V_init: Parameter = param(-60.0)
    surrogate: Surrogate = Sigmoid()
    integrator: AbstractSolver = Bosh3()

    equations: ClassVar = {
        "V": "(-gCa * m_inf * (V - ECa) - gK * w * (V - EK) - gL * (V - EL) + I[µA/cm²]) / C",
        "w": "phi * (w_inf - w) / tau_w",
    }
    definitions: ClassVar = {
        "m_inf": "(1 + tanh((V - V1) / V2)) / 2",
        "w_inf": "(1 + tanh((V - V3) / V4)) / 2",
        "tau_w": "1 / cosh((V - V3) / (2 * V4))",
    }
    starts_at: ClassVar = {"V": "V_init", "w": "w_inf"}
    spikes_if: ClassVar = "V_before < V_th and V >= V_th"

    def __check_init__(self) -> None:
        check_not_negative(self, "gCa", "gK", "gL")

    def init_state(self, ctx: Context) -> MorrisLecarState:
        V = jnp.broadcast_to(jnp.asarray(self.V_init, ctx.dtype), self.size)
        return MorrisLecarState(V, _open(V, self.V3, self.V4), jnp.zeros_like(V))

    def vector_field(self, t: ArrayLike, y: MorrisLecarState, drive: Drive) -> MorrisLecarState:
        calcium = self.gCa * _open(y.V, self.V1, self.V2) * (y.V - self.ECa)
        potassium = self.gK * y.w * (y.V - self.EK)
        leak = self.gL * (y.V - self.EL)
        rate = self.phi * jnp.cosh((y.V - self.V3) / (2.0 * self.V4))
        return MorrisLecarState(
            (drive(y.V) - calcium - potassium - leak) / self.C,
            rate * (_open(y.V, self.V3, self.V4) - y.w),
        )

    def emit(
        self, old: MorrisLecarState, new: MorrisLecarState, ctx: Context
    ) -> tuple[MorrisLecarState, Float[Array, "*size"]]:
        spike = crossing(old.V, new.V, self.V_th, self.surrogate)
        return MorrisLecarState(new.V, new.w, spike), spike


def _open(V: Array, half: Parameter, width: Parameter) -> Array:
    """The open fraction in the steady state."""
    return 0.5 * (1.0 + jnp.tanh((V - half) / width))
