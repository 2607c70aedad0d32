"""The low-threshold calcium channel of thalamic relay cells."""

from typing import ClassVar

import jax.numpy as jnp
from jax.nn import log_sigmoid, sigmoid
from jaxtyping import Array, Float

from dynplug import Parameter, param
from dynplug_conductance.channels.base import Channel, Gates
from dynplug_conductance.channels.ions import Ions


class CaT(Channel):
    r"""T-type calcium, which hyperpolarisation makes ready and which then drives a rebound burst. With $v = V + 2$:

    $$I = g\,m_\infty^2 h\,(V - E_\mathrm{Ca}), \qquad \frac{dh}{dt} = \frac{h_\infty - h}{\tau_h}$$
    $$m_\infty = \frac{1}{1 + e^{-(v + 57)/6.2}}, \quad h_\infty = \frac{1}{1 + e^{(v + 81)/4}}, \quad
      \tau_h = \frac{1}{\phi} \left( 30.8 + \frac{211.4 + e^{(v + 113.2)/5}}{1 + e^{(v + 84)/3.2}} \right)$$

    Its activation is instantaneous.

    **Arguments:**

    - `g`: maximal conductance [mS/cm²].
    - `shift`: added to the potential in all rates, for the charge that extracellular calcium screens [mV].
    - `phi`: acceleration of the inactivation by temperature; 3 ** 1.2 is 12 °C at a Q10 of 3 [1].

    **Reference:** Huguenard, J. R. & McCormick, D. A. (1992), Simulation of the currents involved in rhythmic
    oscillations in thalamic relay neurons, doi:10.1152/jn.1992.68.4.1373; in this form Destexhe, A. et al. (1996),
    doi:10.1152/jn.1996.76.3.2049.
    """

    carries_calcium = True

    g: Parameter = param(2.0)
    shift: Parameter = param(2.0)
    phi: Parameter = param(3.0**1.2, positive=True)

    equations: ClassVar = {"h": "(h_inf - h) / tau_h"}
    definitions: ClassVar = {
        "I": "g * m_inf**2 * h * (V - ECa)",
        "v": "V + shift",
        "m_inf": "1 / (1 + exp(-(v + 57[mV]) / 6.2[mV]))",
        "h_inf": "1 / (1 + exp((v + 81[mV]) / 4[mV]))",
        "tau_h": "(30.8[ms] + (211.4[ms] + 1[ms] * exp((v + 113.2[mV]) / 5[mV]))"
        " / (1 + exp((v + 84[mV]) / 3.2[mV]))) / phi",
    }

    def init(self, V: Float[Array, "*size"], Ca: Float[Array, "*size"]) -> Gates:
        return {"h": self._steady(V)}

    def derivative(self, gates: Gates, V: Float[Array, "*size"], Ca: Float[Array, "*size"]) -> Gates:
        v = V + self.shift
        closed = log_sigmoid(
            -(v + 84.0) / 3.2
        )  # the rise alone would overflow at potentials where the product is small
        tau = 30.8 + 211.4 * jnp.exp(closed) + jnp.exp((v + 113.2) / 5.0 + closed)
        return {"h": self.phi * (self._steady(V) - gates["h"]) / tau}

    def current(
        self, gates: Gates, V: Float[Array, "*size"], Ca: Float[Array, "*size"], ions: Ions
    ) -> Float[Array, "*size"]:
        m = sigmoid((V + self.shift + 57.0) / 6.2)
        return self.g * m**2 * gates["h"] * (V - ions.ECa(Ca))

    def _steady(self, V: Array) -> Array:
        return sigmoid(-(V + self.shift + 81.0) / 4.0)
