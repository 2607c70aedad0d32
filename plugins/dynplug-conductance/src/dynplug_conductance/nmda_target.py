"""A neuron with NMDA receptors."""

from typing import Any

import equinox as eqx
import jax.numpy as jnp

from dynplug import Context, Drive, DynamicalSystem, Neuron
from dynplug.errors import ShapeError
from dynplug_conductance.mg_block import MgBlock
from dynplug_conductance.nmda import NMDA


class NMDATarget(DynamicalSystem):
    r"""A neuron and the NMDA receptors on it, whose block follows its potential. Puts out what the neuron does.

    $$I(V) = g\,B(V_0)\,(E - V)$$

    $V_0$ is the neuron's potential at the start of a step, so that the block is late by up to a step, an error of
    first order in `dt`. The input is an array of presynaptic events, or a pair of events and of what else the neuron
    receives, a current or a `Drive`. The states are called `neuron` and `synapse`.

    **Arguments:**

    - `neuron`: a neuron with a potential `V`.
    - `synapse`: an `NMDA` of the same size, whose output is a `MgBlock`.

    **Raises:** `ShapeError` if they do not fit.

    **Reference:** Jahr, C. E. & Stevens, C. F. (1990), Voltage dependence of NMDA-activated macroscopic conductances
    predicted by single-channel kinetics, doi:10.1523/JNEUROSCI.10-09-03178.1990.
    """

    neuron: Neuron
    synapse: NMDA

    def __check_init__(self) -> None:
        if self.neuron.size != self.synapse.size or not isinstance(self.synapse.output, MgBlock):
            raise ShapeError(
                f"NMDATarget needs a synapse of the neuron's size, whose output is a MgBlock: got {self.synapse.size} "
                f"with {type(self.synapse.output).__name__} for a neuron of {self.neuron.size}."
            )

    @property
    def in_size(self) -> tuple[int, ...]:
        return self.synapse.size

    @property
    def out_size(self) -> tuple[int, ...]:
        return self.neuron.size

    def portrait(self, figure: Any) -> None:
        """The current through the receptors over the neuron's potential, with 1 µS open, and without the block."""
        V = jnp.linspace(-100.0, 40.0, 141)
        blocked = eqx.tree_at(lambda output: output.V_B, self.synapse.output, V)(jnp.ones_like(V))
        ax = figure.subplots()
        current = blocked.current - blocked.conductance * V
        ax.plot(V, current, label="blocked by magnesium")
        ax.plot(V, current / blocked.conductance, color="0.7", label="without the block")
        ax.set(xlabel="V [mV]", ylabel="current [nA]")
        ax.legend(frameon=False)

    def init_state(self, ctx: Context) -> dict[str, Any]:
        return {
            "neuron": self.neuron.init_state(ctx.child("neuron")),
            "synapse": self.synapse.init_state(ctx.child("synapse")),
        }

    def update(self, state: dict[str, Any], x: Any, ctx: Context) -> tuple[dict[str, Any], Any]:
        events, other = x if isinstance(x, tuple) else (x, None)
        seen = eqx.tree_at(lambda s: s.output.V_B, self.synapse, state["neuron"].V)
        synapse, drive = seen.update(state["synapse"], events, ctx.child("synapse"))
        if other is not None:
            drive = drive + (other if isinstance(other, Drive) else Drive(current=other))
        neuron, out = self.neuron.update(state["neuron"], drive, ctx.child("neuron"))
        return {"neuron": neuron, "synapse": synapse}, out
