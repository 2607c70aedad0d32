"""The NMDA synapse."""

from typing import TYPE_CHECKING

import jax.numpy as jnp
from diffrax import AbstractSolver

from dynplug import Parameter, param, target_size
from dynplug.integrators import ExponentialEuler
from dynplug.synapses import COBA, Output
from dynplug_conductance.mg_block import MgBlock
from dynplug_conductance.transmitter import FirstOrder

if TYPE_CHECKING:  # only a portrait needs matplotlib
    from matplotlib.figure import Figure


class NMDA(FirstOrder):
    r"""Slow excitation through NMDA receptors, which magnesium blocks. Puts out a `Drive`.

    $$\frac{dr}{dt} = \alpha\,w\,[T]\,(1 - r) - \beta\,r, \qquad g = g_\mathrm{max}\,r\,B$$

    The pulses of transmitter are those of `AMPA`. The block $B$ depends on the target's potential, which a synapse does
    not see: in a `dynplug.Projection` it follows that of each target unit, and `NMDA(...) >> neuron` holds it at the
    potential `V_B` of its output.

    ```python
    from dynplug_conductance import NMDA

    event = jnp.zeros((300, 1)).at[0].set(1.0)
    _, (_, r) = dp.LoopOverTime(NMDA(1), "r", dt=1.0)(event)
    assert np.isclose(r[-1, 0] / r[199, 0], np.exp(-0.0066 * 100.0), rtol=1e-3)     # 200 ms and 300 ms after the event
    ```

    **Arguments:**

    - `size`: the number of target units, or the shape of a grid of them; in a `Projection` that of its targets.
    - `g_max`: conductance with all receptors open and no block [µS], or [mS/cm²].
    - `alpha`: opening rate [1/(ms mM)].
    - `beta`: closing rate [1/ms].
    - `T_max`: transmitter during the pulse of an event of weight 1 [mM].
    - `duration`: the duration of a pulse [ms].
    - `output`: `MgBlock()`; `COBA(E)` for receptors without magnesium.
    - `integrator`: a diffrax solver; exponential Euler is exact here.

    **Reference:** Destexhe, A., Mainen, Z. F. & Sejnowski, T. J. (1994), An efficient method for computing synaptic
    conductances based on a kinetic model of receptor binding, doi:10.1162/neco.1994.6.1.14; rates of their Kinetic
    models of synaptic transmission (1998), in Methods in Neuronal Modeling, 2nd edition, MIT Press. Block: Jahr, C. E.
    & Stevens, C. F. (1990), doi:10.1523/JNEUROSCI.10-09-03178.1990.
    """

    size: tuple[int, ...] = target_size()
    g_max: Parameter = param(0.1)
    alpha: Parameter = param(0.072, positive=True)
    beta: Parameter = param(0.0066, positive=True)
    T_max: Parameter = param(1.0)
    duration: Parameter = param(1.0, positive=True)
    output: Output = MgBlock()
    integrator: AbstractSolver = ExponentialEuler()

    def portrait(self, figure: "Figure") -> None:
        """The current through the receptors over the target's potential, with 1 µS open, and without the block."""
        V = jnp.linspace(-100.0, 40.0, 141)
        ax = figure.subplots()
        ax.plot(V, MgBlock().at(V)(jnp.ones_like(V))(V), label="blocked by magnesium")
        ax.plot(V, COBA(0.0)(jnp.ones_like(V))(V), color="0.7", label="without the block")
        ax.set(xlabel="V [mV]", ylabel="current [nA]")
        ax.legend(frameon=False)
