"""The magnesium block of NMDA receptors."""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from dynplug import Drive, Parameter, param
from dynplug.synapses import Output


class MgBlock(Output):
    r"""Conductance-based, behind a block that depolarisation lifts: $I = g\,B(V_B)\,(E - V)$.

    $$B(V_B) = \frac{1}{1 + \frac{[\mathrm{Mg}]}{3.57}\,e^{-0.062\,V_B}}$$

    A drive is affine in the target's potential $V$, the block is not: it is held at a potential $V_B$ of its own. A
    `dynplug.Projection` sets that to the target's potential at the start of each step, an error of first order in `dt`;
    on its own it is a voltage clamp.

    **Arguments:**

    - `E`: reversal potential [mV].
    - `Mg`: extracellular magnesium [mM].
    - `V_B`: the potential at which the block is held [mV].

    **Reference:** Jahr, C. E. & Stevens, C. F. (1990), Voltage dependence of NMDA-activated macroscopic conductances
    predicted by single-channel kinetics, doi:10.1523/JNEUROSCI.10-09-03178.1990.
    """

    E: Parameter = param(0.0)
    Mg: Parameter = param(1.0)
    V_B: Parameter = param(-65.0)

    def __call__(self, g: Float[Array, "*size"]) -> Drive:
        block = 1.0 / (1.0 + self.Mg / 3.57 * jnp.exp(-0.062 * jnp.asarray(self.V_B, g.dtype)))
        return Drive(current=g * block * self.E, conductance=g * block)

    def at(self, V: Float[Array, "*size"]) -> "MgBlock":
        """The block at a potential of the target, which a projection gives in each step."""
        return eqx.tree_at(lambda block: block.V_B, self, V)  # not made anew: a potential may blow up
