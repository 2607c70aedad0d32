"""The adaptive leaky integrate-and-fire neuron."""

from collections.abc import Callable
from typing import ClassVar

import equinox as eqx
import jax.numpy as jnp
from diffrax import AbstractSolver
from jax.typing import ArrayLike
from jaxtyping import Array, Float, Int

from dynplug.core import Context, Drive, Neuron, Parameter, as_size, discrete, param
from dynplug.integrators import ExponentialEuler
from dynplug.neurons.refractory import at_rest
from dynplug.neurons.reset import Reset, check_reset, fire, reset_field, unless_given
from dynplug.neurons.start import potential
from dynplug.surrogates import Sigmoid, Surrogate


class ALIFState(eqx.Module):
    """Potential `V` [mV], adaptation `a` (a trace of spikes) and the last spike."""

    V: Float[Array, "*size"]
    a: Float[Array, "*size"]
    spike: Float[Array, "*size"] | None = discrete()
    refractory: Int[Array, "*size"] | None = discrete()


class ALIF(Neuron):
    r"""Leaky integrate-and-fire with a threshold that rises with each spike. Its output is the spikes, 0 or 1.

    $$\tau \frac{dV}{dt} = -(V - V_\mathrm{rest}) + R\,I(V), \qquad \tau_a \frac{da}{dt} = -a$$
    $$V \ge V_\mathrm{th} + \beta a: \text{spike, then reset, and } a \leftarrow a + 1$$

    ```python
    _, spikes = dp.LoopOverTime(dp.neurons.ALIF(1), dt=0.1)(jnp.full((3000, 1), 2.0))     # 300 ms of 2 nA
    intervals = 0.1 * np.diff(np.flatnonzero(spikes))
    assert intervals[-1] > 2 * intervals[0]     # 18 ms at first, 42 ms once the threshold has risen
    ```

    **Arguments:**

    - `size`: the number of units, or the shape of a grid of them.
    - `tau`: membrane time constant [ms].
    - `tau_a`: time constant of the adaptation [ms].
    - `beta`: the rise of the threshold by one spike [mV].
    - `R`: membrane resistance [MΩ].
    - `V_rest`: resting potential [mV].
    - `V_reset`: potential after a spike, below `V_th`; `None`: `V_rest` [mV].
    - `V_th`: threshold without adaptation [mV].
    - `reset`: `"value"` sets the potential to `V_reset`, `"subtract"` lowers it by `V_th - V_reset`.
    - `detach_reset`: whether gradients ignore the reset of the potential; the adaptation keeps its gradient.
    - `tau_ref`: refractory period, a multiple of the step [ms]: for so long after a spike the potential stays at its
        reset value, and input is lost.
    - `V_init`: initial potential, or an initializer that draws it; `None`: `V_rest` [mV].
    - `surrogate`: the derivative of the spike.
    - `integrator`: a diffrax solver; exponential Euler is exact here.

    **Reference:** Bellec, G. et al. (2020), A solution to the learning dilemma for recurrent networks of spiking
    neurons, doi:10.1038/s41467-020-17236-y. (There the input is not scaled by the leak, and a spike subtracts `V_th`.
    The defaults are in multiples of the threshold and not from a paper.)
    """

    size: tuple[int, ...] = eqx.field(static=True, converter=as_size)
    tau: Parameter = param(20.0, positive=True)
    tau_a: Parameter = param(200.0, positive=True)
    beta: Parameter = param(0.2)
    R: Parameter = param(1.0)
    V_rest: Parameter = param(0.0)
    V_reset: Parameter = param(None)
    V_th: Parameter = param(1.0)
    reset: Reset = reset_field()
    detach_reset: bool = eqx.field(default=False, static=True)
    tau_ref: Parameter = param(0.0, stepwise=True)
    V_init: Parameter | Callable[..., ArrayLike] | None = param(None, drawn=True)
    surrogate: Surrogate = Sigmoid()
    integrator: AbstractSolver = ExponentialEuler()

    equations: ClassVar = {"V": "(-(V - V_rest) + R * I) / tau", "a": "-a / tau_a"}
    starts_at: ClassVar = {"V": "V_rest", "a": "0"}
    spikes_if: ClassVar = "V >= V_th + beta * a"
    on_spike: ClassVar = {"V": "V_reset", "a": "a + 1"}

    def __post_init__(self) -> None:
        self.V_reset = unless_given(self.V_reset, self.V_rest)

    def __check_init__(self) -> None:
        check_reset(self)

    def init_state(self, ctx: Context) -> ALIFState:
        V = potential(self, self.V_rest, ctx)
        return ALIFState(V, jnp.zeros_like(V), jnp.zeros_like(V), at_rest(self, V, ctx))

    def vector_field(self, t: object, y: ALIFState, drive: Drive) -> ALIFState:
        return ALIFState((self.V_rest - y.V + self.R * drive(y.V)) / self.tau, -y.a / self.tau_a)

    def emit(self, old: ALIFState, new: ALIFState, ctx: Context) -> tuple[ALIFState, Float[Array, "*size"]]:
        V, spike, left = fire(self, old, new.V, self.V_th + self.beta * new.a, ctx)
        return ALIFState(V, new.a + spike, spike, left), spike
