"""The alpha synapse."""

import math
from typing import ClassVar

import equinox as eqx
import jax.numpy as jnp
from diffrax import AbstractSolver, Bosh3
from jaxtyping import Array, Float

from dynplug.core import Context, Drive, Parameter, Synapse, param, target_size
from dynplug.synapses.outputs import CUBA, Output


class AlphaState(eqx.Module):
    """Conductance `g` and the variable `h` that makes it rise [both µS], or currents [nA]."""

    g: Float[Array, "*size"]
    h: Float[Array, "*size"]


class Alpha(Synapse):
    r"""A conductance that rises and falls after each event. Its output is a `Drive`.

    $$\tau \frac{dg}{dt} = -g + e\,h, \qquad \tau \frac{dh}{dt} = -h, \qquad
      \text{event of weight } w: \; h \leftarrow h + w$$

    From the start of its step, an event gives $g(t) = w\,\frac{t}{\tau}\,e^{1 - t/\tau}$, whose peak at $t = \tau$
    is $w$. The target receives the mean over each step, so that its charge, $e\,w\,\tau$, does not depend on `dt`.

    ```python
    event = jnp.zeros((100, 1)).at[0].set(2.0)
    _, (_, g) = dp.LoopOverTime(dp.synapses.Alpha(1, tau=5.0), "g", dt=0.1)(event)
    assert np.argmax(g) == 49 and np.isclose(g.max(), 2.0, rtol=1e-3)     # the peak is the weight, after 5 ms
    ```

    **Arguments:**

    - `size`: the number of target units, or the shape of a grid of them; in a `Projection` that of its targets.
    - `tau`: time constant of rise and decay [ms].
    - `output`: `CUBA()` for a current, `COBA(E)` for a conductance.
    - `integrator`: a diffrax solver.

    **Reference:** Rall, W. (1967), Distinguishing theoretical synaptic potentials computed for different soma-dendritic
    distributions of synaptic input, doi:10.1152/jn.1967.30.5.1138.
    """

    size: tuple[int, ...] = target_size()
    tau: Parameter = param(5.0, positive=True)
    output: Output = CUBA()
    integrator: AbstractSolver = Bosh3()
    linear: ClassVar[bool] = True
    jump_to: ClassVar[str] = "h"

    equations: ClassVar = {"g": "(-g + exp(1) * h) / tau", "h": "-h / tau"}
    starts_at: ClassVar = {"g": "0", "h": "0"}
    on_event: ClassVar = {"h": "h + w"}

    def init_state(self, ctx: Context) -> AlphaState:
        nothing = jnp.zeros(self.size, ctx.dtype)
        return AlphaState(nothing, nothing)

    def vector_field(self, t: object, y: AlphaState, drive: Drive) -> AlphaState:
        return AlphaState((math.e * y.h - y.g) / self.tau, -y.h / self.tau)

    def emit(self, old: AlphaState, new: AlphaState, ctx: Context) -> tuple[AlphaState, Drive]:
        return new, self.output(new.g)
