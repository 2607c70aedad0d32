"""The Pinsky-Rinzel pyramidal cell."""

from typing import ClassVar

import equinox as eqx
import jax.numpy as jnp
from diffrax import AbstractSolver, Bosh3
from jax.nn import sigmoid
from jax.typing import ArrayLike
from jaxtyping import Array, Float

from dynplug import Context, Drive, Neuron, Parameter, as_size, discrete, param
from dynplug.core import check_not_negative
from dynplug.surrogates import Sigmoid, Surrogate
from dynplug_conductance.kinetics import crossing, ramp

_REST = -60.0  # the paper's potentials are relative to it [mV]


class PinskyRinzelState(eqx.Module):
    """Potentials of soma `V` and dendrite `Vd` [mV], gates, calcium `Ca` in the paper's free unit, the last spike."""

    V: Float[Array, "*size"]
    Vd: Float[Array, "*size"]
    h: Float[Array, "*size"]
    n: Float[Array, "*size"]
    s: Float[Array, "*size"]
    c: Float[Array, "*size"]
    q: Float[Array, "*size"]
    Ca: Float[Array, "*size"]
    spike: Float[Array, "*size"] | None = discrete()


class PinskyRinzel(Neuron):
    r"""A CA3 cell of two compartments. Puts out 1 in the step in which the soma's potential rises through `V_th`.

    $$C \frac{dV}{dt} = -I_L(V) - g_\mathrm{Na} m_\infty^2 h (V - E_\mathrm{Na}) - g_\mathrm{KDR}\,n (V - E_\mathrm{K})
      + \frac{g_c (V_d - V) + I(V)}{p}$$
    $$C \frac{dV_d}{dt} = -I_L(V_d) - I_\mathrm{Ca}
      - \left( g_\mathrm{KAHP}\,q + g_\mathrm{KC}\,c\,\min([\mathrm{Ca}]/250, 1) \right) (V_d - E_\mathrm{K})
      + \frac{g_c (V - V_d) + I_d}{1 - p}$$
    $$I_\mathrm{Ca} = g_\mathrm{Ca}\,s^2 (V_d - E_\mathrm{Ca}), \qquad
      \frac{d[\mathrm{Ca}]}{dt} = -0.13\,I_\mathrm{Ca} - 0.075\,[\mathrm{Ca}]$$
    $$\frac{dx}{dt} = \alpha_x\,(1 - x) - \beta_x\,x, \qquad x \in \{h, n, s, c, q\}$$

    The rates are those of the paper's equations 8 to 10. Potentials are absolute here: the paper's 0 is -60 mV, and
    its reversal potentials 120, 140, -15 and 0 mV are 60, 80, -75 and -60 mV. The input goes to the soma, a constant
    current to the dendrite. The gates start at their steady state. The step should not exceed 0.05 ms.

    ```python
    from dynplug_conductance import PinskyRinzel

    _, spikes = dp.LoopOverTime(PinskyRinzel(1), dt=0.05)(jnp.full((10_000, 1), 0.75))     # 500 ms of 0.75 µA/cm²
    intervals = 0.05 * np.diff(np.flatnonzero(spikes))
    assert intervals.min() < 20.0 < intervals.max()     # bursts
    ```

    **Arguments:**

    - `size`: the number of units, or the shape of a grid of them.
    - `C`: membrane capacitance [µF/cm²].
    - `gL`, `gNa`, `gKDR`, `gCa`, `gKAHP`, `gKC`: maximal conductances [mS/cm²].
    - `EL`, `ENa`, `EK`, `ECa`: reversal potentials [mV].
    - `gc`: coupling conductance of the compartments [mS/cm²].
    - `p`: the soma's share of the membrane [1].
    - `Id`: current into the dendrite [µA/cm²].
    - `V_th`: potential whose upward crossing counts as a spike [mV].
    - `V_init`: potential of both compartments at the start [mV].
    - `surrogate`: the derivative of the spike.
    - `integrator`: a diffrax solver; exponential Euler holds each compartment still while it solves for the other.

    **Reference:** Pinsky, P. F. & Rinzel, J. (1994), Intrinsic and network rhythmogenesis in a reduced Traub model for
    CA3 neurons, doi:10.1007/BF00962717.
    """

    size: tuple[int, ...] = eqx.field(static=True, converter=as_size)
    C: Parameter = param(3.0, positive=True)
    gL: Parameter = param(0.1)
    gNa: Parameter = param(30.0)
    gKDR: Parameter = param(15.0)
    gCa: Parameter = param(10.0)
    gKAHP: Parameter = param(0.8)
    gKC: Parameter = param(15.0)
    EL: Parameter = param(-60.0)
    ENa: Parameter = param(60.0)
    EK: Parameter = param(-75.0)
    ECa: Parameter = param(80.0)
    gc: Parameter = param(2.1)
    p: Parameter = param(0.5, positive=True)
    Id: Parameter = param(0.0)
    V_th: Parameter = param(-20.0)
    V_init: Parameter = param(-60.0)
    surrogate: Surrogate = Sigmoid()
    integrator: AbstractSolver = Bosh3()

    equations: ClassVar = {
        "V": "(-gL * (V - EL) - gNa * m_inf**2 * h * (V - ENa) - gKDR * n * (V - EK)"
        " + (gc * (Vd - V) + I[µA/cm²]) / p) / C",
        "Vd": "(-gL * (Vd - EL) - I_Ca - (gKAHP * q + gKC * c * min(Ca / 250, 1)) * (Vd - EK)"
        " + (gc * (V - Vd) + Id) / (1 - p)) / C",
        "h": "alpha_h * (1 - h) - beta_h * h",
        "n": "alpha_n * (1 - n) - beta_n * n",
        "s": "alpha_s * (1 - s) - beta_s * s",
        "c": "alpha_c * (1 - c) - beta_c * c",
        "q": "alpha_q * (1 - q) - beta_q * q",
        "Ca": "-0.13[cm²/µA/ms] * I_Ca - 0.075[1/ms] * Ca",
    }
    definitions: ClassVar = {
        "I_Ca": "gCa * s**2 * (Vd - ECa)",
        "v": "V + 60[mV]",
        "d": "Vd + 60[mV]",
        "m_inf": "alpha_m / (alpha_m + beta_m)",
        "alpha_m": "0.32[1/ms/mV] * (13.1[mV] - v) / (exp((13.1[mV] - v) / 4[mV]) - 1)",
        "beta_m": "0.28[1/ms/mV] * (v - 40.1[mV]) / (exp((v - 40.1[mV]) / 5[mV]) - 1)",
        "alpha_h": "0.128[1/ms] * exp((17[mV] - v) / 18[mV])",
        "beta_h": "4[1/ms] / (1 + exp((40[mV] - v) / 5[mV]))",
        "alpha_n": "0.016[1/ms/mV] * (35.1[mV] - v) / (exp((35.1[mV] - v) / 5[mV]) - 1)",
        "beta_n": "0.25[1/ms] * exp(0.5 - 0.025[1/mV] * v)",
        "alpha_s": "1.6[1/ms] / (1 + exp(-0.072[1/mV] * (d - 65[mV])))",
        "beta_s": "0.02[1/ms/mV] * (d - 51.1[mV]) / (exp((d - 51.1[mV]) / 5[mV]) - 1)",
        "fall": "2[1/ms] * exp((6.5[mV] - d) / 27[mV])",
        "rise": "1[1/ms] * exp((d - 10[mV]) / 11[mV] - (d - 6.5[mV]) / 27[mV]) / 18.975",
        "alpha_c": "where(d <= 50[mV], rise, fall)",
        "beta_c": "where(d <= 50[mV], fall - alpha_c, 0)",
        "alpha_q": "min(0.00002[1/ms] * Ca, 0.01[1/ms])",
        "beta_q": "0.001[1/ms]",
    }
    starts_at: ClassVar = {
        "V": "V_init",
        "Vd": "V_init",
        "Ca": "0",
        **{x: f"alpha_{x} / (alpha_{x} + beta_{x})" for x in "hnsc"},
        "q": "0",  # without calcium
    }
    spikes_if: ClassVar = "V_before < V_th and V >= V_th"

    def __check_init__(self) -> None:
        check_not_negative(self, "gL", "gNa", "gKDR", "gCa", "gKAHP", "gKC", "gc")

    def init_state(self, ctx: Context) -> PinskyRinzelState:
        V = jnp.broadcast_to(jnp.asarray(self.V_init, ctx.dtype), self.size)
        nothing = jnp.zeros_like(V)
        gates = (alpha / (alpha + beta) for alpha, beta in _rates(V, V, nothing))
        return PinskyRinzelState(V, V, *gates, Ca=nothing, spike=nothing)

    def vector_field(self, t: ArrayLike, y: PinskyRinzelState, drive: Drive) -> PinskyRinzelState:
        v = y.V - _REST
        alpha, beta = 1.28 * ramp((v - 13.1) / 4.0), 1.4 * ramp((40.1 - v) / 5.0)
        sodium = self.gNa * (alpha / (alpha + beta)) ** 2 * y.h * (y.V - self.ENa)
        soma = self.gL * (y.V - self.EL) + sodium + self.gKDR * y.n * (y.V - self.EK)
        calcium = self.gCa * y.s**2 * (y.Vd - self.ECa)
        potassium = self.gKAHP * y.q + self.gKC * y.c * jnp.minimum(y.Ca / 250.0, 1.0)
        dendrite = self.gL * (y.Vd - self.EL) + calcium + potassium * (y.Vd - self.EK)
        along = self.gc * (y.Vd - y.V)
        gates = zip((y.h, y.n, y.s, y.c, y.q), _rates(y.V, y.Vd, y.Ca), strict=True)
        return PinskyRinzelState(
            ((along + drive(y.V)) / self.p - soma) / self.C,
            ((self.Id - along) / (1.0 - self.p) - dendrite) / self.C,
            *(alpha * (1.0 - x) - beta * x for x, (alpha, beta) in gates),
            Ca=-0.13 * calcium - 0.075 * y.Ca,
        )

    def emit(
        self, old: PinskyRinzelState, new: PinskyRinzelState, ctx: Context
    ) -> tuple[PinskyRinzelState, Float[Array, "*size"]]:
        spike = crossing(old.V, new.V, self.V_th, self.surrogate)
        return eqx.tree_at(lambda y: y.spike, new, spike), spike


def _rates(V: Array, Vd: Array, Ca: Array) -> tuple[tuple[Array, Array], ...]:
    """Opening and closing rates of h, n, s, c and q [1/ms]."""
    v, d = V - _REST, Vd - _REST
    fall = 2.0 * jnp.exp((6.5 - d) / 27.0)
    c = jnp.where(d > 50.0, fall, jnp.exp((d - 10.0) / 11.0 - (d - 6.5) / 27.0) / 18.975)
    return (
        (0.128 * jnp.exp((17.0 - v) / 18.0), 4.0 * sigmoid((v - 40.0) / 5.0)),
        (0.08 * ramp((v - 35.1) / 5.0), 0.25 * jnp.exp(0.5 - 0.025 * v)),
        (1.6 * sigmoid(0.072 * (d - 65.0)), 0.1 * ramp((51.1 - d) / 5.0)),
        (c, fall - c),
        (jnp.minimum(2e-5 * Ca, 0.01), jnp.full_like(Ca, 0.001)),
    )
