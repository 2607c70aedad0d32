"""The hyperpolarisation-activated channel of thalamic relay cells."""

from typing import ClassVar

import jax.numpy as jnp
from jax.nn import sigmoid
from jaxtyping import Array, Float

from dynplug import Parameter, param
from dynplug_conductance.channels.base import Channel, Gates
from dynplug_conductance.channels.ions import Ions


class Ih(Channel):
    r"""A mixed cation current that hyperpolarisation opens slowly: the sag, and the pacemaker.

    $$I = g\,m\,(V - E), \qquad \frac{dm}{dt} = \frac{m_\infty - m}{\tau_m}$$
    $$m_\infty = \frac{1}{1 + e^{(V + 75)/5.5}}, \quad
      \tau_m = \frac{1}{e^{-14.59 - 0.086\,V} + e^{-1.87 + 0.0701\,V}}$$

    **Arguments:**

    - `g`: maximal conductance [mS/cm²].
    - `E`: reversal potential [mV].

    **Reference:** Huguenard, J. R. & McCormick, D. A. (1992), Simulation of the currents involved in rhythmic
    oscillations in thalamic relay neurons, doi:10.1152/jn.1992.68.4.1373.
    """

    g: Parameter = param(0.02)
    E: Parameter = param(-43.0)

    equations: ClassVar = {"m": "(m_inf - m) / tau_m"}
    definitions: ClassVar = {
        "I": "g * m * (V - E)",
        "m_inf": "1 / (1 + exp((V + 75[mV]) / 5.5[mV]))",
        "tau_m": "1[ms] / (exp(-14.59 - 0.086[1/mV] * V) + exp(-1.87 + 0.0701[1/mV] * V))",
    }

    def init(self, V: Float[Array, "*size"], Ca: Float[Array, "*size"]) -> Gates:
        return {"m": self._steady(V)}

    def derivative(self, gates: Gates, V: Float[Array, "*size"], Ca: Float[Array, "*size"]) -> Gates:
        rate = jnp.exp(-14.59 - 0.086 * V) + jnp.exp(-1.87 + 0.0701 * V)
        return {"m": (self._steady(V) - gates["m"]) * rate}

    def current(
        self, gates: Gates, V: Float[Array, "*size"], Ca: Float[Array, "*size"], ions: Ions
    ) -> Float[Array, "*size"]:
        return self.g * gates["m"] * (V - self.E)

    def _steady(self, V: Array) -> Array:
        return sigmoid(-(V + 75.0) / 5.5)
