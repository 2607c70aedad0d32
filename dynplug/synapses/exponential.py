"""The exponential synapse."""

from typing import ClassVar

import equinox as eqx
import jax.numpy as jnp
from diffrax import AbstractSolver
from jaxtyping import Array, Float

from dynplug.core import Context, Drive, Parameter, Synapse, param, target_size
from dynplug.integrators import ExponentialEuler
from dynplug.synapses.outputs import CUBA, Output


class ExponentialState(eqx.Module):
    """Conductance `g` [µS], or current [nA]."""

    g: Float[Array, "*size"]


class Exponential(Synapse):
    r"""A conductance that jumps with each event and decays. Its output is a `Drive`.

    $$\tau \frac{dg}{dt} = -g, \qquad \text{event of weight } w: \; g \leftarrow g + w$$

    An event acts from the start of the step in which it arrives. The target receives the mean over the step, so that
    its charge, $w\,\tau$ in all, does not depend on `dt`; the state is that at the end of the step.

    ```python
    event = jnp.zeros((100, 1)).at[0].set(2.0)
    _, (_, g) = dp.LoopOverTime(dp.synapses.Exponential(1, tau=5.0), "g", dt=0.1)(event)
    assert np.isclose(g[-1, 0], 2.0 * np.exp(-10.0 / 5.0))
    ```

    **Arguments:**

    - `size`: the number of target units, or the shape of a grid of them; in a `Projection` that of its targets.
    - `tau`: decay time constant [ms].
    - `output`: `CUBA()` for a current, `COBA(E)` for a conductance.
    - `integrator`: a diffrax solver; exponential Euler is exact here.

    **Reference:** Gerstner, W. et al. (2014), Neuronal Dynamics, section 3.1, doi:10.1017/CBO9781107447615.
    """

    size: tuple[int, ...] = target_size()
    tau: Parameter = param(5.0, positive=True)
    output: Output = CUBA()
    integrator: AbstractSolver = ExponentialEuler()
    linear: ClassVar[bool] = True
    jump_to: ClassVar[str] = "g"

    equations: ClassVar = {"g": "-g / tau"}
    starts_at: ClassVar = {"g": "0"}
    on_event: ClassVar = {"g": "g + w"}

    def init_state(self, ctx: Context) -> ExponentialState:
        return ExponentialState(jnp.zeros(self.size, ctx.dtype))

    def vector_field(self, t: object, y: ExponentialState, drive: Drive) -> ExponentialState:
        return ExponentialState(-y.g / self.tau)

    def emit(self, old: ExponentialState, new: ExponentialState, ctx: Context) -> tuple[ExponentialState, Drive]:
        return new, self.output(new.g)
