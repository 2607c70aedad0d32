"""The Hodgkin-Huxley neuron."""

from collections.abc import Callable
from typing import ClassVar

import equinox as eqx
import jax.numpy as jnp
from diffrax import AbstractSolver
from jax.typing import ArrayLike
from jaxtyping import Array, Float

from dynplug.core import Context, Drive, Neuron, Parameter, as_size, check_not_negative, discrete, param
from dynplug.integrators import ExponentialEuler
from dynplug.neurons.start import potential
from dynplug.surrogates import Sigmoid, Surrogate


class HHState(eqx.Module):
    """Potential `V` [mV], gates `m`, `h`, `n` and the last spike."""

    V: Float[Array, "*size"]
    m: Float[Array, "*size"]
    h: Float[Array, "*size"]
    n: Float[Array, "*size"]
    spike: Float[Array, "*size"] | None = discrete()


class HH(Neuron):
    r"""The squid axon of Hodgkin and Huxley. Its output is 1 in the step in which the potential rises through `V_th`.

    $$C \frac{dV}{dt} = -g_\mathrm{Na} m^3 h (V - E_\mathrm{Na}) - g_\mathrm{K} n^4 (V - E_\mathrm{K})
      - g_L (V - E_L) + I(V)$$
    $$\frac{dx}{dt} = \alpha_x(V)\,(1 - x) - \beta_x(V)\,x, \qquad x \in \{m, h, n\}$$
    $$\alpha_m = \frac{0.1\,(V + 40)}{1 - e^{-(V + 40)/10}}, \quad \beta_m = 4\,e^{-(V + 65)/18}, \quad
      \alpha_h = 0.07\,e^{-(V + 65)/20}$$
    $$\beta_h = \frac{1}{1 + e^{-(V + 35)/10}}, \quad
      \alpha_n = \frac{0.01\,(V + 55)}{1 - e^{-(V + 55)/10}}, \quad \beta_n = 0.125\,e^{-(V + 65)/80}$$

    With `V_th` at 0 mV each spike is counted once from the rheobase to 60 µA/cm². Under stronger currents the
    oscillation shrinks until it ends, near 155 µA/cm², in depolarisation block: its peaks stay below 0 mV from
    63 µA/cm² on, and a lower `V_th` counts them.

    The defaults are those of 1952 in the modern sign convention, with the resting potential at -65 mV.

    The gates start at their steady state. The step should not exceed 0.05 ms. The default integrator is of first order:
    at 0.01 ms it makes interspike intervals 0.5 % too long. `diffrax.Tsit5()` follows the potential to 1e-4 mV.

    ```python
    _, spikes = dp.LoopOverTime(dp.neurons.HH(1), dt=0.02)(jnp.full((5000, 1), 10.0))     # 100 ms of 10 µA/cm²
    interval = 0.02 * np.diff(np.flatnonzero(spikes)).mean()
    assert 14.5 < interval < 15.5     # 68 Hz
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
    - `V_th`: potential whose upward crossing counts as a spike [mV].
    - `V_init`: initial potential, or an initializer that draws it [mV].
    - `surrogate`: the derivative of the spike.
    - `integrator`: a diffrax solver.

    **Reference:** Hodgkin, A. L. & Huxley, A. F. (1952), A quantitative description of membrane current and its
    application to conduction and excitation in nerve, doi:10.1113/jphysiol.1952.sp004764.
    """

    size: tuple[int, ...] = eqx.field(static=True, converter=as_size)
    C: Parameter = param(1.0, positive=True)
    gNa: Parameter = param(120.0)
    ENa: Parameter = param(50.0)
    gK: Parameter = param(36.0)
    EK: Parameter = param(-77.0)
    gL: Parameter = param(0.3)
    EL: Parameter = param(-54.387)
    V_th: Parameter = param(0.0)
    V_init: Parameter | Callable[..., ArrayLike] = param(-65.0, drawn=True)
    surrogate: Surrogate = Sigmoid()
    integrator: AbstractSolver = ExponentialEuler()

    equations: ClassVar = {
        "V": "(-gNa * m**3 * h * (V - ENa) - gK * n**4 * (V - EK) - gL * (V - EL) + I[µA/cm²]) / C",
        "m": "alpha_m * (1 - m) - beta_m * m",
        "h": "alpha_h * (1 - h) - beta_h * h",
        "n": "alpha_n * (1 - n) - beta_n * n",
    }
    definitions: ClassVar = {
        "alpha_m": "0.1[1/ms/mV] * (V + 40[mV]) / (1 - exp(-(V + 40[mV]) / 10[mV]))",
        "beta_m": "4[1/ms] * exp(-(V + 65[mV]) / 18[mV])",
        "alpha_h": "0.07[1/ms] * exp(-(V + 65[mV]) / 20[mV])",
        "beta_h": "1[1/ms] / (1 + exp(-(V + 35[mV]) / 10[mV]))",
        "alpha_n": "0.01[1/ms/mV] * (V + 55[mV]) / (1 - exp(-(V + 55[mV]) / 10[mV]))",
        "beta_n": "0.125[1/ms] * exp(-(V + 65[mV]) / 80[mV])",
    }
    starts_at: ClassVar = {
        "V": "V_init",
        "m": "alpha_m / (alpha_m + beta_m)",
        "h": "alpha_h / (alpha_h + beta_h)",
        "n": "alpha_n / (alpha_n + beta_n)",
    }
    spikes_if: ClassVar = "V_before < V_th and V >= V_th"

    def __check_init__(self) -> None:
        check_not_negative(self, "gNa", "gK", "gL")

    def init_state(self, ctx: Context) -> HHState:
        V = potential(self, self.V_init, ctx)
        m, h, n = (alpha / (alpha + beta) for alpha, beta in _rates(V))
        return HHState(V, m, h, n, jnp.zeros_like(V))

    def vector_field(self, t: object, y: HHState, drive: Drive) -> HHState:
        sodium = self.gNa * y.m**3 * y.h * (y.V - self.ENa)
        potassium = self.gK * y.n**4 * (y.V - self.EK)
        leak = self.gL * (y.V - self.EL)
        dV = (drive(y.V) - sodium - potassium - leak) / self.C
        gates = zip((y.m, y.h, y.n), _rates(y.V), strict=True)
        return HHState(dV, *(alpha * (1.0 - x) - beta * x for x, (alpha, beta) in gates))

    def emit(self, old: HHState, new: HHState, ctx: Context) -> tuple[HHState, Float[Array, "*size"]]:
        below = (self.V_th > old.V).astype(new.V.dtype)
        spike = below * self.surrogate(new.V - self.V_th)
        return HHState(new.V, new.m, new.h, new.n, spike), spike


def _rates(V: Array) -> tuple[tuple[Array, Array], ...]:
    """Opening and closing rates of m, h and n [1/ms]."""
    return (
        (_ramp((V + 40.0) / 10.0), 4.0 * jnp.exp(-(V + 65.0) / 18.0)),
        (0.07 * jnp.exp(-(V + 65.0) / 20.0), 1.0 / (1.0 + jnp.exp(-(V + 35.0) / 10.0))),
        (0.1 * _ramp((V + 55.0) / 10.0), 0.125 * jnp.exp(-(V + 65.0) / 80.0)),
    )


def _ramp(x: Array) -> Array:
    """X / (1 - exp(-x)), which is 1 + x/2 + x²/12 near its removable singularity at 0."""
    near = jnp.abs(x) < 1e-2
    away = jnp.where(near, 1.0, x)
    return jnp.where(near, 1.0 + x / 2.0 + x**2 / 12.0, away / (1.0 - jnp.exp(-away)))
