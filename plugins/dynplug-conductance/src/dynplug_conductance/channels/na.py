"""The fast sodium channel of Traub and Miles."""

from typing import ClassVar

import jax.numpy as jnp
from jax.nn import sigmoid
from jaxtyping import Array, Float

from dynplug import Parameter, param
from dynplug_conductance.channels.base import Channel, Gates
from dynplug_conductance.channels.ions import Ions
from dynplug_conductance.kinetics import ramp


class Na(Channel):
    r"""Fast sodium, which starts the spike. With $v = V - V_T$:

    $$I = g\,m^3 h\,(V - E_\mathrm{Na}), \qquad \frac{dx}{dt} = \alpha_x\,(1 - x) - \beta_x\,x, \quad x \in \{m, h\}$$
    $$\alpha_m = \frac{0.32\,(v - 13)}{1 - e^{-(v - 13)/4}}, \quad
      \beta_m = \frac{0.28\,(v - 40)}{e^{(v - 40)/5} - 1}, \quad
      \alpha_h = 0.128\,e^{-(v - 17)/18}, \quad \beta_h = \frac{4}{1 + e^{-(v - 40)/5}}$$

    **Arguments:**

    - `g`: maximal conductance [mS/cm²].
    - `V_T`: shift of all rates, which sets the threshold [mV].

    **Reference:** Traub, R. D. & Miles, R. (1991), Neuronal Networks of the Hippocampus,
    doi:10.1017/CBO9780511895401; conductance and shift of Pospischil, M. et al. (2008),
    doi:10.1007/s00422-008-0263-8.
    """

    g: Parameter = param(56.0)
    V_T: Parameter = param(-56.2)

    equations: ClassVar = {"m": "alpha_m * (1 - m) - beta_m * m", "h": "alpha_h * (1 - h) - beta_h * h"}
    definitions: ClassVar = {
        "I": "g * m**3 * h * (V - ENa)",
        "v": "V - V_T",
        "alpha_m": "0.32[1/ms/mV] * (v - 13[mV]) / (1 - exp(-(v - 13[mV]) / 4[mV]))",
        "beta_m": "0.28[1/ms/mV] * (v - 40[mV]) / (exp((v - 40[mV]) / 5[mV]) - 1)",
        "alpha_h": "0.128[1/ms] * exp(-(v - 17[mV]) / 18[mV])",
        "beta_h": "4[1/ms] / (1 + exp(-(v - 40[mV]) / 5[mV]))",
    }

    def init(self, V: Float[Array, "*size"], Ca: Float[Array, "*size"]) -> Gates:
        return {x: alpha / (alpha + beta) for x, (alpha, beta) in self._rates(V).items()}

    def derivative(self, gates: Gates, V: Float[Array, "*size"], Ca: Float[Array, "*size"]) -> Gates:
        rates = self._rates(V)
        return {x: alpha * (1.0 - gates[x]) - beta * gates[x] for x, (alpha, beta) in rates.items()}

    def current(
        self, gates: Gates, V: Float[Array, "*size"], Ca: Float[Array, "*size"], ions: Ions
    ) -> Float[Array, "*size"]:
        return self.g * gates["m"] ** 3 * gates["h"] * (V - ions.ENa)

    def _rates(self, V: Array) -> dict[str, tuple[Array, Array]]:
        """Opening and closing rates of m and h [1/ms]."""
        v = V - self.V_T
        return {
            "m": (0.32 * 4.0 * ramp((v - 13.0) / 4.0), 0.28 * 5.0 * ramp((40.0 - v) / 5.0)),
            "h": (0.128 * jnp.exp((17.0 - v) / 18.0), 4.0 * sigmoid((v - 40.0) / 5.0)),
        }
