"""Izhikevich's simple model."""

from collections.abc import Callable
from typing import ClassVar

import equinox as eqx
import jax.numpy as jnp
from diffrax import AbstractSolver, Heun
from jax.typing import ArrayLike
from jaxtyping import Array, Float, Int

from dynplug.core import Context, Drive, Neuron, Parameter, as_size, discrete, param
from dynplug.neurons.refractory import at_rest, count
from dynplug.neurons.reset import check_reset
from dynplug.neurons.start import potential
from dynplug.surrogates import Sigmoid, Surrogate


class IzhikevichState(eqx.Module):
    """Potential `V` [mV], recovery `u` [mV/ms] and the last spike."""

    V: Float[Array, "*size"]
    u: Float[Array, "*size"]
    spike: Float[Array, "*size"] | None = discrete()
    refractory: Int[Array, "*size"] | None = discrete()


class Izhikevich(Neuron):
    r"""Izhikevich's two-variable neuron. Its output is the spikes, 0 or 1.

    $$\frac{dV}{dt} = 0.04\,V^2 + 5\,V + 140 - u + I(V), \qquad \frac{du}{dt} = a\,(b\,V - u)$$
    $$V \ge V_\mathrm{th}: \text{spike, then } V \leftarrow c,\; u \leftarrow u + d$$

    The defaults are the paper's regular-spiking cell. Steps up to 0.5 ms are stable; spike counts are correct with
    steps of 0.02 ms or less.

    ```python
    _, spikes = dp.LoopOverTime(dp.neurons.Izhikevich(1), dt=0.1)(jnp.full((5000, 1), 10.0))
    intervals = 0.1 * np.diff(np.flatnonzero(spikes))     # 23 ms, then 45 ms: a regular-spiking cell
    assert np.allclose(intervals[1:], intervals[-1], atol=0.2)
    ```

    **Arguments:**

    - `size`: the number of units, or the shape of a grid of them.
    - `a`: rate of the recovery variable [1/ms].
    - `b`: sensitivity of the recovery variable to the potential [1/ms].
    - `c`: potential after a spike, below `V_th` [mV].
    - `d`: increment of the recovery variable by a spike [mV/ms].
    - `V_th`: peak of the spike [mV].
    - `V_init`: initial potential, or an initializer that draws it; the recovery variable starts at `b * V` [mV].
    - `tau_ref`: refractory period, a multiple of the step [ms]: for so long after a spike the potential stays at `c`,
        and input is lost. The paper has none.
    - `surrogate`: the derivative of the spike.
    - `integrator`: a diffrax solver.

    **Reference:** Izhikevich, E. M. (2003), Simple model of spiking neurons, doi:10.1109/TNN.2003.820440.
    """

    size: tuple[int, ...] = eqx.field(static=True, converter=as_size)
    a: Parameter = param(0.02, positive=True)
    b: Parameter = param(0.2)
    c: Parameter = param(-65.0)
    d: Parameter = param(8.0)
    V_th: Parameter = param(30.0)
    V_init: Parameter | Callable[..., ArrayLike] = param(-65.0, drawn=True)
    tau_ref: Parameter = param(0.0, stepwise=True)
    surrogate: Surrogate = Sigmoid()
    integrator: AbstractSolver = Heun()

    equations: ClassVar = {
        "V": "0.04[1/ms/mV] * V**2 + 5[1/ms] * V + 140[mV/ms] - u + I[mV/ms]",
        "u": "a * (b * V - u)",
    }
    starts_at: ClassVar = {"V": "V_init", "u": "b * V"}
    spikes_if: ClassVar = "V >= V_th"
    on_spike: ClassVar = {"V": "c", "u": "u + d"}

    def __check_init__(self) -> None:
        check_reset(self, "c")

    def init_state(self, ctx: Context) -> IzhikevichState:
        V = potential(self, self.V_init, ctx)
        return IzhikevichState(V, self.b * V, jnp.zeros_like(V), at_rest(self, V, ctx))

    def vector_field(self, t: object, y: IzhikevichState, drive: Drive) -> IzhikevichState:
        dV = 0.04 * y.V**2 + 5.0 * y.V + 140.0 - y.u + drive(y.V)
        return IzhikevichState(dV, self.a * (self.b * y.V - y.u))

    def emit(
        self, old: IzhikevichState, new: IzhikevichState, ctx: Context
    ) -> tuple[IzhikevichState, Float[Array, "*size"]]:
        spike, left = count(self, old.refractory, self.surrogate(new.V - self.V_th), ctx)
        V = (1.0 - spike) * jnp.minimum(new.V, self.V_th) + spike * self.c
        return IzhikevichState(V, new.u + spike * self.d, spike, left), spike
