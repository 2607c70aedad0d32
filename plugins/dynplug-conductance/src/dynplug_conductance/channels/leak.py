"""The leak."""

from typing import ClassVar

from jaxtyping import Array, Float

from dynplug import Parameter, param
from dynplug_conductance.channels.base import Channel, Gates
from dynplug_conductance.channels.ions import Ions


class Leak(Channel):
    r"""A current without gates: $I = g\,(V - E)$.

    **Arguments:**

    - `g`: conductance [mS/cm²].
    - `E`: reversal potential [mV].

    **Reference:** Pospischil, M. et al. (2008), Minimal Hodgkin-Huxley type models for different classes of cortical
    and thalamic neurons, doi:10.1007/s00422-008-0263-8.
    """

    g: Parameter = param(0.0205)
    E: Parameter = param(-70.3)

    definitions: ClassVar = {"I": "g * (V - E)"}

    def init(self, V: Float[Array, "*size"], Ca: Float[Array, "*size"]) -> Gates:
        return {}

    def derivative(self, gates: Gates, V: Float[Array, "*size"], Ca: Float[Array, "*size"]) -> Gates:
        return {}

    def current(
        self, gates: Gates, V: Float[Array, "*size"], Ca: Float[Array, "*size"], ions: Ions
    ) -> Float[Array, "*size"]:
        return self.g * (V - self.E)
