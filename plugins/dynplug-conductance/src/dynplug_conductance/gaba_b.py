"""The GABA-B synapse."""

from typing import ClassVar

import equinox as eqx
import jax.numpy as jnp
from diffrax import AbstractSolver, Bosh3
from jax.typing import ArrayLike
from jaxtyping import Array, Float

from dynplug import Context, Drive, Parameter, Synapse, discrete, param, target_size
from dynplug.core import check_not_negative
from dynplug.synapses import COBA, Output
from dynplug_conductance.transmitter import present, pulse


class GABABState(eqx.Module):
    """Bound fraction `r`, G-protein `s` [µM], transmitter `T` in multiples of a pulse, its time left [ms].

    `event` is what arrives in a step, and zero between steps.
    """

    r: Float[Array, "*size"]
    s: Float[Array, "*size"]
    T: Float[Array, "*size"]
    event: Float[Array, "*size"]
    left: Float[Array, "*size"] | None = discrete()


class GABAB(Synapse):
    r"""Late, slow inhibition: bound receptors make G-protein, four of which open a channel. Puts out a `Drive`.

    $$\frac{dr}{dt} = K_1\,w\,[T]\,(1 - r) - K_2\,r, \qquad \frac{ds}{dt} = K_3\,r - K_4\,s, \qquad
      g = g_\mathrm{max}\,\frac{s^4}{s^4 + K_d}$$

    The pulses of transmitter are those of `AMPA`. The fourth power makes a single event almost inaudible, and a burst
    louder than the sum of its events.

    ```python
    from dynplug_conductance import GABAB

    events = jnp.zeros((400, 2)).at[0].set(1.0).at[jnp.array([10, 20, 30]), 1].set(1.0)     # one, and a burst of four
    _, (_, s) = dp.LoopOverTime(GABAB(2), "s", dt=1.0)(events)
    assert (s.max(0) ** 4)[1] > 20 * (s.max(0) ** 4)[0]     # the burst is heard
    ```

    **Arguments:**

    - `size`: the number of target units, or the shape of a grid of them; in a `Projection` that of its targets.
    - `g_max`: conductance with all channels open [µS], or [mS/cm²].
    - `K1`: rate of binding [1/(ms mM)].
    - `K2`: rate of unbinding [1/ms].
    - `K3`: G-protein made by bound receptors [µM/ms].
    - `K4`: decay rate of G-protein [1/ms].
    - `Kd`: dissociation constant of four G-proteins and a channel [µM⁴].
    - `T_max`: transmitter during the pulse of an event of weight 1 [mM].
    - `duration`: the duration of a pulse [ms].
    - `output`: `COBA(E)` for a conductance, `CUBA()` for a current.
    - `integrator`: a diffrax solver; exponential Euler holds `r` still while it solves for `s`.

    **Reference:** Destexhe, A. & Sejnowski, T. J. (1995), G protein activation kinetics and spillover of γ-aminobutyric
    acid may account for differences between inhibitory responses in the hippocampus and thalamus,
    doi:10.1073/pnas.92.21.9515.
    """

    size: tuple[int, ...] = target_size()
    g_max: Parameter = param(0.1)
    K1: Parameter = param(0.09, positive=True)
    K2: Parameter = param(0.0012, positive=True)
    K3: Parameter = param(0.18, positive=True)
    K4: Parameter = param(0.034, positive=True)
    Kd: Parameter = param(100.0, positive=True)
    T_max: Parameter = param(1.0)
    duration: Parameter = param(1.0, positive=True)
    output: Output = COBA(-95.0)
    integrator: AbstractSolver = Bosh3()
    jump_to: ClassVar[str] = "event"

    equations: ClassVar = {
        "r": "K1 * wT * (1 - r) - K2 * r",
        "s": "K3 * r - K4 * s",
        "T": "0",
        "event": "0",
    }
    definitions: ClassVar = {"wT": "T_max * where(event > 0, event, T)"}
    starts_at: ClassVar = {"r": "0", "s": "0", "T": "0", "event": "0"}

    def __check_init__(self) -> None:
        check_not_negative(self, "g_max", "T_max")

    def init_state(self, ctx: Context) -> GABABState:
        nothing = jnp.zeros(self.size, ctx.dtype)
        return GABABState(nothing, nothing, nothing, nothing, nothing)

    def vector_field(self, t: ArrayLike, y: GABABState, drive: Drive) -> GABABState:
        dr = self.K1 * self.T_max * present(y.T, y.event) * (1.0 - y.r) - self.K2 * y.r
        return GABABState(dr, self.K3 * y.r - self.K4 * y.s, jnp.zeros_like(y.T), jnp.zeros_like(y.event))

    def emit(self, old: GABABState, new: GABABState, ctx: Context) -> tuple[GABABState, Drive]:
        T, left = pulse(new.T, new.event, old.left, self.duration, ctx.dt)
        bound = new.s**4
        return GABABState(new.r, new.s, T, jnp.zeros_like(new.event), left), self.output(
            self.g_max * bound / (bound + self.Kd)
        )
