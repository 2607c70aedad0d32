"""The Wang-Buzsáki interneuron."""

from typing import ClassVar

import equinox as eqx
import jax.numpy as jnp
from diffrax import AbstractSolver, Tsit5
from jax.nn import sigmoid
from jax.typing import ArrayLike
from jaxtyping import Array, Float

from dynplug import Context, Drive, Neuron, Parameter, as_size, discrete, param
from dynplug.core import check_not_negative
from dynplug.surrogates import Sigmoid, Surrogate
from dynplug_conductance.kinetics import crossing, ramp


class WangBuzsakiState(eqx.Module):
    """Potential `V` [mV], gates `h` and `n`, and the last spike."""

    V: Float[Array, "*size"]
    h: Float[Array, "*size"]
    n: Float[Array, "*size"]
    spike: Float[Array, "*size"] | None = discrete()


class WangBuzsaki(Neuron):
    r"""A fast-spiking interneuron. Puts out 1 in the step in which the potential rises through `V_th`.

    $$C \frac{dV}{dt} = -g_\mathrm{Na} m_\infty^3 h (V - E_\mathrm{Na}) - g_\mathrm{K} n^4 (V - E_\mathrm{K})
      - g_L (V - E_L) + I(V)$$
    $$m_\infty = \frac{\alpha_m}{\alpha_m + \beta_m}, \qquad
      \frac{dx}{dt} = \phi \left( \alpha_x\,(1 - x) - \beta_x\,x \right), \quad x \in \{h, n\}$$
    $$\alpha_m = \frac{0.1\,(V + 35)}{1 - e^{-(V + 35)/10}}, \quad \beta_m = 4\,e^{-(V + 60)/18}, \quad
      \alpha_h = 0.07\,e^{-(V + 58)/20}$$
    $$\beta_h = \frac{1}{1 + e^{-(V + 28)/10}}, \quad
      \alpha_n = \frac{0.01\,(V + 34)}{1 - e^{-(V + 34)/10}}, \quad \beta_n = 0.125\,e^{-(V + 44)/80}$$

    The gates start at their steady state. The step should not exceed 0.05 ms.

    ```python
    from dynplug_conductance import WangBuzsaki

    _, spikes = dp.LoopOverTime(WangBuzsaki(1), dt=0.02)(jnp.full((5000, 1), 1.0))     # 100 ms of 1 µA/cm²
    interval = 0.02 * np.diff(np.flatnonzero(spikes)).mean()
    assert 15.0 < interval < 18.0     # about 60 Hz
    ```

    **Arguments:**

    - `size`: the number of units, or the shape of a grid of them.
    - `C`: membrane capacitance [µF/cm²].
    - `gNa`: maximal sodium conductance [mS/cm²].
    - `ENa`: sodium reversal potential [mV].
    - `gK`: maximal potassium conductance [mS/cm²].
    - `EK`: potassium reversal potential [mV].
    - `gL`: leak conductance [mS/cm²].
    - `EL`: leak reversal potential [mV].
    - `phi`: acceleration of the gates by temperature [1].
    - `V_th`: potential whose upward crossing counts as a spike [mV].
    - `V_init`: potential at the start [mV].
    - `surrogate`: the derivative of the spike.
    - `integrator`: a diffrax solver; the instantaneous activation makes the equation of `V` non-linear.

    **Reference:** Wang, X.-J. & Buzsáki, G. (1996), Gamma oscillation by synaptic inhibition in a hippocampal
    interneuronal network model, doi:10.1523/JNEUROSCI.16-20-06402.1996.
    """

    size: tuple[int, ...] = eqx.field(static=True, converter=as_size)
    C: Parameter = param(1.0, positive=True)
    gNa: Parameter = param(35.0)
    ENa: Parameter = param(55.0)
    gK: Parameter = param(9.0)
    EK: Parameter = param(-90.0)
    gL: Parameter = param(0.1)
    EL: Parameter = param(-65.0)
    phi: Parameter = param(5.0, positive=True)
    V_th: Parameter = param(0.0)
    V_init: Parameter = param(-65.0)
    surrogate: Surrogate = Sigmoid()
    integrator: AbstractSolver = Tsit5()

    equations: ClassVar = {
        "V": "(-gNa * m_inf**3 * h * (V - ENa) - gK * n**4 * (V - EK) - gL * (V - EL) + I[µA/cm²]) / C",
        "h": "phi * (alpha_h * (1 - h) - beta_h * h)",
        "n": "phi * (alpha_n * (1 - n) - beta_n * n)",
    }
    definitions: ClassVar = {
        "m_inf": "alpha_m / (alpha_m + beta_m)",
        "alpha_m": "0.1[1/ms/mV] * (V + 35[mV]) / (1 - exp(-(V + 35[mV]) / 10[mV]))",
        "beta_m": "4[1/ms] * exp(-(V + 60[mV]) / 18[mV])",
        "alpha_h": "0.07[1/ms] * exp(-(V + 58[mV]) / 20[mV])",
        "beta_h": "1[1/ms] / (1 + exp(-(V + 28[mV]) / 10[mV]))",
        "alpha_n": "0.01[1/ms/mV] * (V + 34[mV]) / (1 - exp(-(V + 34[mV]) / 10[mV]))",
        "beta_n": "0.125[1/ms] * exp(-(V + 44[mV]) / 80[mV])",
    }
    starts_at: ClassVar = {
        "V": "V_init",
        "h": "alpha_h / (alpha_h + beta_h)",
        "n": "alpha_n / (alpha_n + beta_n)",
    }
    spikes_if: ClassVar = "V_before < V_th and V >= V_th"

    def __check_init__(self) -> None:
        check_not_negative(self, "gNa", "gK", "gL")

    def init_state(self, ctx: Context) -> WangBuzsakiState:
        V = jnp.broadcast_to(jnp.asarray(self.V_init, ctx.dtype), self.size)
        h, n = (alpha / (alpha + beta) for alpha, beta in _rates(V))
        return WangBuzsakiState(V, h, n, jnp.zeros_like(V))

    def vector_field(self, t: ArrayLike, y: WangBuzsakiState, drive: Drive) -> WangBuzsakiState:
        alpha, beta = ramp((y.V + 35.0) / 10.0), 4.0 * jnp.exp(-(y.V + 60.0) / 18.0)
        sodium = self.gNa * (alpha / (alpha + beta)) ** 3 * y.h * (y.V - self.ENa)
        potassium = self.gK * y.n**4 * (y.V - self.EK)
        leak = self.gL * (y.V - self.EL)
        dV = (drive(y.V) - sodium - potassium - leak) / self.C
        gates = zip((y.h, y.n), _rates(y.V), strict=True)
        return WangBuzsakiState(dV, *(self.phi * (alpha * (1.0 - x) - beta * x) for x, (alpha, beta) in gates))

    def emit(
        self, old: WangBuzsakiState, new: WangBuzsakiState, ctx: Context
    ) -> tuple[WangBuzsakiState, Float[Array, "*size"]]:
        spike = crossing(old.V, new.V, self.V_th, self.surrogate)
        return WangBuzsakiState(new.V, new.h, new.n, spike), spike


def _rates(V: Array) -> tuple[tuple[Array, Array], ...]:
    """Opening and closing rates of h and n [1/ms]."""
    return (
        (0.07 * jnp.exp(-(V + 58.0) / 20.0), sigmoid((V + 28.0) / 10.0)),
        (0.1 * ramp((V + 34.0) / 10.0), 0.125 * jnp.exp(-(V + 44.0) / 80.0)),
    )
