"""The synapse without dynamics."""

from typing import ClassVar

import jax.numpy as jnp
from jaxtyping import PyTree

from dynplug.core import Context, Drive, Sized, check_fits, target_size
from dynplug.synapses.outputs import CUBA, Output


class Direct(Sized):
    r"""Instantaneous coupling of rate units: input acts in the step of its arrival alone. Its output is a `Drive`.

    $$I_i(t) = \sum_j w_{ij}\,x_j(t)$$

    The weighted sum of what the sources put out is held over the step, so that the charge of a spike grows with `dt`:
    spikes are for `Delta` and `Exponential`, graded outputs for this one. A `dp.Coupling` reads variables instead of
    outputs, at the start of a step, and so needs no delay in a cycle.

    ```python
    k1, k2 = jax.random.split(jax.random.key(0))
    coupling = dp.Projection("rate", "rate", "AllToAll", weight=dp.initializers.Normal(0.1), delay=0.1,
                             synapse=dp.synapses.Direct())
    net = dp.Network({"rate": dp.neurons.LeakyIntegrator(8, tau=10.0)}, {"w": coupling}, key=k1)
    _, outs = dp.LoopOverTime(net, dt=0.1)({"rate": jnp.ones((20, 8))})
    ```

    **Arguments:**

    - `size`: the number of target units, or the shape of a grid of them; in a `Projection` that of its targets.
    - `output`: `CUBA()` for a current, `COBA(E)` for a conductance.

    **Reference:** Wilson, H. R. & Cowan, J. D. (1972), Excitatory and inhibitory interactions in localized populations
    of model neurons, doi:10.1016/S0006-3495(72)86068-5.
    """

    size: tuple[int, ...] = target_size()
    output: Output = CUBA()
    linear: ClassVar[bool] = True

    def init_state(self, ctx: Context) -> None:
        return None

    def update(self, state: None, x: PyTree, ctx: Context) -> tuple[None, Drive]:
        check_fits(x, self.size, ctx.path or "Direct")
        return None, self.output(jnp.asarray(x, ctx.dtype))
