"""The calcium-activated potassium channel of thalamic reticular cells."""

from typing import ClassVar

from jaxtyping import Array, Float

from dynplug import Parameter, param
from dynplug_conductance.channels.base import Channel, Gates
from dynplug_conductance.channels.ions import Ions


class KCa(Channel):
    r"""Potassium that intracellular calcium opens: the afterhyperpolarisation.

    $$I = g\,m^2 (V - E_\mathrm{K}), \qquad
      \frac{dm}{dt} = \alpha\,[\mathrm{Ca}]^2 (1 - m) - \beta\,m$$

    **Arguments:**

    - `g`: maximal conductance [mS/cm²].
    - `alpha`: opening rate [1/(ms µM²)].
    - `beta`: closing rate [1/ms].

    **Reference:** Destexhe, A., Contreras, D., Sejnowski, T. J. & Steriade, M. (1994), A model of spindle rhythmicity
    in the isolated thalamic reticular nucleus, doi:10.1152/jn.1994.72.2.803.
    """

    g: Parameter = param(10.0)
    alpha: Parameter = param(48e-6, positive=True)
    beta: Parameter = param(0.03, positive=True)

    equations: ClassVar = {"m": "alpha * Ca**2 * (1 - m) - beta * m"}
    definitions: ClassVar = {"I": "g * m**2 * (V - EK)"}

    def init(self, V: Float[Array, "*size"], Ca: Float[Array, "*size"]) -> Gates:
        opening = self.alpha * Ca**2
        return {"m": opening / (opening + self.beta)}

    def derivative(self, gates: Gates, V: Float[Array, "*size"], Ca: Float[Array, "*size"]) -> Gates:
        return {"m": self.alpha * Ca**2 * (1.0 - gates["m"]) - self.beta * gates["m"]}

    def current(
        self, gates: Gates, V: Float[Array, "*size"], Ca: Float[Array, "*size"], ions: Ions
    ) -> Float[Array, "*size"]:
        return self.g * gates["m"] ** 2 * (V - ions.EK)
