"""The leaky integrator, a membrane without spikes."""

from typing import ClassVar

import equinox as eqx
import jax.numpy as jnp
from diffrax import AbstractSolver
from jaxtyping import Array, Float

from dynplug.core import Context, Drive, Neuron, Parameter, as_size, param
from dynplug.integrators import ExponentialEuler


class LeakyIntegratorState(eqx.Module):
    """Potential `V` [mV]."""

    V: Float[Array, "*size"]


class LeakyIntegrator(Neuron):
    r"""A leaky integrator without threshold, as a readout. Its output is the potential.

    $$\tau \frac{dV}{dt} = -(V - V_\mathrm{rest}) + R\,I(V)$$

    ```python
    _, V = dp.LoopOverTime(dp.neurons.LeakyIntegrator(1, tau=10.0, R=2.0), dt=0.1)(jnp.full((100, 1), 0.5))
    assert np.isclose(V[-1, 0], 2.0 * 0.5 * (1 - np.exp(-1)))     # after one time constant
    ```

    **Arguments:**

    - `size`: the number of units, or the shape of a grid of them.
    - `tau`: membrane time constant [ms].
    - `R`: membrane resistance [MΩ].
    - `V_rest`: resting potential, at which the state starts [mV].
    - `integrator`: a diffrax solver; exponential Euler is exact here.

    **Reference:** Gerstner, W. et al. (2014), Neuronal Dynamics, section 1.3, doi:10.1017/CBO9781107447615.
    """

    size: tuple[int, ...] = eqx.field(static=True, converter=as_size)
    tau: Parameter = param(10.0, positive=True)
    R: Parameter = param(1.0)
    V_rest: Parameter = param(0.0)
    integrator: AbstractSolver = ExponentialEuler()

    equations: ClassVar = {"V": "(-(V - V_rest) + R * I) / tau"}
    starts_at: ClassVar = {"V": "V_rest"}

    def init_state(self, ctx: Context) -> LeakyIntegratorState:
        return LeakyIntegratorState(jnp.broadcast_to(jnp.asarray(self.V_rest, ctx.dtype), self.size))

    def vector_field(self, t: object, y: LeakyIntegratorState, drive: Drive) -> LeakyIntegratorState:
        return LeakyIntegratorState((self.V_rest - y.V + self.R * drive(y.V)) / self.tau)

    def emit(
        self, old: LeakyIntegratorState, new: LeakyIntegratorState, ctx: Context
    ) -> tuple[LeakyIntegratorState, Float[Array, "*size"]]:
        return new, new.V
