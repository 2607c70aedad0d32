"""The resonate-and-fire neuron."""

from typing import ClassVar

import equinox as eqx
import jax.numpy as jnp
from diffrax import AbstractSolver, Tsit5
from jax.typing import ArrayLike
from jaxtyping import Array, Float

from dynplug import Context, Drive, Neuron, Parameter, as_size, discrete, param
from dynplug.surrogates import Sigmoid, Surrogate


class ResonateAndFireState(eqx.Module):
    """Voltage-like `V` and current-like `u` [both mV], and the last spike."""

    V: Float[Array, "*size"]
    u: Float[Array, "*size"]
    spike: Float[Array, "*size"] | None = discrete()


class ResonateAndFire(Neuron):
    r"""Resonate-and-fire: a damped oscillation below the threshold. Puts out the spikes, 0 or 1.

    $$\frac{dz}{dt} = (b + i\,\omega)\,z + I(V), \qquad z = u + i\,V,$$
    that is
    $$\frac{du}{dt} = b\,u - \omega\,V + I(V), \qquad \frac{dV}{dt} = \omega\,u + b\,V$$
    $$V \ge V_\mathrm{th}: \text{spike, then } z \leftarrow i\,V_\mathrm{th}$$

    Both variables start at rest, zero. The input is what `u` gains in a millisecond [mV/ms]; a jump, as the `Delta`
    synapse sends, raises `u` like a short pulse of current. The potential swings up only afterwards: a second pulse
    adds to the swing when it comes a period $2\pi / \omega$ later, and takes from it half a period later.

    ```python
    from dynplug_resonate import ResonateAndFire

    model = dp.synapses.Delta(2) >> ResonateAndFire(2, b=-0.02, omega=0.5)     # a period of 12.6 ms
    pulses = jnp.zeros((200, 2)).at[0].set(0.7).at[jnp.array([126, 63]), jnp.arange(2)].set(0.7)
    _, spikes = dp.LoopOverTime(model, dt=0.1)(pulses)
    assert spikes.sum(0).tolist() == [1.0, 0.0]     # the second pulse came after a period, and after half of one
    ```

    **Arguments:**

    - `size`: the number of units, or the shape of a grid of them.
    - `b`: rate of attraction to rest, negative for a damped oscillation [1/ms].
    - `omega`: angular frequency of the oscillation [rad/ms].
    - `V_th`: threshold, above rest, and the potential after a spike [mV].
    - `surrogate`: the derivative of the spike.
    - `integrator`: a diffrax solver. Exponential Euler holds `u` still while it solves for `V`, and the reverse, so
        that a fast oscillation grows instead of fading. The default, of fifth order, keeps amplitude and phase to a
        thousandth a step up to `omega * dt` = 1; `Heun()` is cheaper, and as good up to `omega * dt` = 0.1.

    **Reference:** Izhikevich, E. M. (2001), Resonate-and-fire neurons, doi:10.1016/S0893-6080(01)00078-8.
    """

    size: tuple[int, ...] = eqx.field(static=True, converter=as_size)
    b: Parameter = param(-0.1)
    omega: Parameter = param(0.5, positive=True)
    V_th: Parameter = param(1.0, positive=True)
    surrogate: Surrogate = Sigmoid()
    integrator: AbstractSolver = Tsit5()
    jump_to: ClassVar[str] = "u"

    equations: ClassVar = {"u": "b * u - omega * V + I[mV/ms]", "V": "omega * u + b * V"}
    starts_at: ClassVar = {"u": "0", "V": "0"}
    spikes_if: ClassVar = "V >= V_th"
    on_spike: ClassVar = {"u": "0", "V": "V_th"}

    def init_state(self, ctx: Context) -> ResonateAndFireState:
        zero = jnp.zeros(self.size, ctx.dtype)
        return ResonateAndFireState(V=zero, u=zero, spike=zero)

    def vector_field(self, t: ArrayLike, y: ResonateAndFireState, drive: Drive) -> ResonateAndFireState:
        du = self.b * y.u - self.omega * y.V + drive(y.V)
        dV = self.omega * y.u + self.b * y.V
        return ResonateAndFireState(V=dV, u=du)

    def emit(
        self, old: ResonateAndFireState, new: ResonateAndFireState, ctx: Context
    ) -> tuple[ResonateAndFireState, Float[Array, "*size"]]:
        spike = self.surrogate(new.V - self.V_th)
        V = (1.0 - spike) * new.V + spike * self.V_th
        return ResonateAndFireState(V=V, u=(1.0 - spike) * new.u, spike=spike), spike
