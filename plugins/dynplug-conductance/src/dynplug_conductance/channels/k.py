"""The delayed rectifier of Traub and Miles."""

from typing import ClassVar

import jax.numpy as jnp
from jaxtyping import Array, Float

from dynplug import Parameter, param
from dynplug_conductance.channels.base import Channel, Gates
from dynplug_conductance.channels.ions import Ions
from dynplug_conductance.kinetics import ramp


class K(Channel):
    r"""Delayed-rectifier potassium, which ends the spike. With $v = V - V_T$:

    $$I = g\,n^4 (V - E_\mathrm{K}), \qquad \frac{dn}{dt} = \alpha_n\,(1 - n) - \beta_n\,n$$
    $$\alpha_n = \frac{0.032\,(v - 15)}{1 - e^{-(v - 15)/5}}, \quad \beta_n = 0.5\,e^{-(v - 10)/40}$$

    **Arguments:**

    - `g`: maximal conductance [mS/cm²].
    - `V_T`: shift of both rates [mV].

    **Reference:** Traub, R. D. & Miles, R. (1991), Neuronal Networks of the Hippocampus,
    doi:10.1017/CBO9780511895401; conductance and shift of Pospischil, M. et al. (2008),
    doi:10.1007/s00422-008-0263-8.
    """

    g: Parameter = param(6.0)
    V_T: Parameter = param(-56.2)

    equations: ClassVar = {"n": "alpha_n * (1 - n) - beta_n * n"}
    definitions: ClassVar = {
        "I": "g * n**4 * (V - EK)",
        "v": "V - V_T",
        "alpha_n": "0.032[1/ms/mV] * (v - 15[mV]) / (1 - exp(-(v - 15[mV]) / 5[mV]))",
        "beta_n": "0.5[1/ms] * exp(-(v - 10[mV]) / 40[mV])",
    }

    def init(self, V: Float[Array, "*size"], Ca: Float[Array, "*size"]) -> Gates:
        alpha, beta = self._rates(V)
        return {"n": alpha / (alpha + beta)}

    def derivative(self, gates: Gates, V: Float[Array, "*size"], Ca: Float[Array, "*size"]) -> Gates:
        alpha, beta = self._rates(V)
        return {"n": alpha * (1.0 - gates["n"]) - beta * gates["n"]}

    def current(
        self, gates: Gates, V: Float[Array, "*size"], Ca: Float[Array, "*size"], ions: Ions
    ) -> Float[Array, "*size"]:
        return self.g * gates["n"] ** 4 * (V - ions.EK)

    def _rates(self, V: Array) -> tuple[Array, Array]:
        """Opening and closing rate of n [1/ms]."""
        v = V - self.V_T
        return 0.032 * 5.0 * ramp((v - 15.0) / 5.0), 0.5 * jnp.exp((10.0 - v) / 40.0)
