"""The pair of an excitatory and an inhibitory population of Wilson and Cowan."""

from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from diffrax import AbstractSolver, Heun
from jax.typing import ArrayLike
from jaxtyping import Array, Float

from dynplug.core import Context, Drive, Neuron, Parameter, as_size, param
from dynplug.neurons.start import initial

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class WilsonCowanState(eqx.Module):
    """Activities `r_E` and `r_I` [-] of the excitatory and the inhibitory cells."""

    r_E: Float[Array, "*size"]
    r_I: Float[Array, "*size"]


class WilsonCowan(Neuron):
    r"""The activity of excitatory and inhibitory cells, a pair of populations a unit. Its output is $r_E$.

    $$\tau_E \frac{dr_E}{dt} = -r_E + (k_E - \rho\,r_E)\,S_E(w_{EE}\,r_E - w_{EI}\,r_I + I(r_E))$$
    $$\tau_I \frac{dr_I}{dt} = -r_I + (k_I - \rho\,r_I)\,S_I(w_{IE}\,r_E - w_{II}\,r_I + Q)$$
    $$S(x) = \frac{1}{1 + e^{-a (x - \theta)}} - \frac{1}{1 + e^{a \theta}}, \qquad
      k = 1 - \frac{1}{1 + e^{a \theta}}$$

    An activity is the share of the cells that fire in a unit of time; it is 0 at rest. The input, called $P$ in the
    paper, reaches the excitatory cells. The defaults are those of the paper's limit cycle: they oscillate for an input
    of 1.25, and rest without one.

    ```python
    loop = dp.LoopOverTime(dp.neurons.WilsonCowan(1), dt=0.1)
    r = np.asarray(loop(jnp.full((2000, 1), 1.25))[1])[800:, 0]
    assert abs(r.min() - 0.10) < 0.01 and abs(r.max() - 0.27) < 0.01     # goes back and forth
    assert abs(0.1 * np.diff(np.flatnonzero((r[1:] >= 0.18) & (r[:-1] < 0.18))).mean() - 50.0) < 1.5     # [ms]
    ```

    **Arguments:**

    - `size`: the number of pairs, or the shape of a grid of them.
    - `tau_E`: time constant of the excitatory cells [ms].
    - `tau_I`: time constant of the inhibitory cells [ms].
    - `w_EE`: the paper's $c_1$, from excitatory to excitatory cells [-].
    - `w_EI`: $c_2$, from inhibitory to excitatory cells [-].
    - `w_IE`: $c_3$, from excitatory to inhibitory cells [-].
    - `w_II`: $c_4$, from inhibitory to inhibitory cells [-].
    - `a_E`: the steepness of the response of excitatory cells [-].
    - `a_I`: the same of inhibitory cells [-].
    - `theta_E`: the input at which the response of excitatory cells is steepest [-].
    - `theta_I`: the same of inhibitory cells [-].
    - `rho`: the degree to which active cells are refractory, and so missing among those that can fire [-].
    - `Q`: the input of the inhibitory cells [-].
    - `r_E_init`: initial activity of the excitatory cells, or an initializer that draws it [-].
    - `r_I_init`: the same of the inhibitory cells [-].
    - `integrator`: a diffrax solver.

    **Reference:** Wilson, H. R. & Cowan, J. D. (1972), Excitatory and inhibitory interactions in localized populations
    of model neurons, doi:10.1016/S0006-3495(72)86068-5.
    """

    size: tuple[int, ...] = eqx.field(static=True, converter=as_size)
    tau_E: Parameter = param(10.0, positive=True)
    tau_I: Parameter = param(10.0, positive=True)
    w_EE: Parameter = param(16.0)
    w_EI: Parameter = param(12.0)
    w_IE: Parameter = param(15.0)
    w_II: Parameter = param(3.0)
    a_E: Parameter = param(1.3, positive=True)
    a_I: Parameter = param(2.0, positive=True)
    theta_E: Parameter = param(4.0)
    theta_I: Parameter = param(3.7)
    rho: Parameter = param(1.0)
    Q: Parameter = param(0.0)
    r_E_init: Parameter | Callable[..., ArrayLike] = param(0.0, drawn=True)
    r_I_init: Parameter | Callable[..., ArrayLike] = param(0.0, drawn=True)
    integrator: AbstractSolver = Heun()

    potential: ClassVar[str] = "r_E"
    jump_to: ClassVar[str] = "r_E"
    equations: ClassVar = {
        "r_E": "(-r_E + (1 - S_E_0 - rho * r_E) * (sigmoid(a_E * (in_E - theta_E)) - S_E_0)) / tau_E",
        "r_I": "(-r_I + (1 - S_I_0 - rho * r_I) * (sigmoid(a_I * (in_I - theta_I)) - S_I_0)) / tau_I",
    }
    definitions: ClassVar = {
        "in_E": "w_EE * r_E - w_EI * r_I + I[-]",
        "in_I": "w_IE * r_E - w_II * r_I + Q",
        "S_E_0": "1 / (1 + exp(a_E * theta_E))",
        "S_I_0": "1 / (1 + exp(a_I * theta_I))",
    }
    starts_at: ClassVar = {"r_E": "r_E_init", "r_I": "r_I_init"}

    def init_state(self, ctx: Context) -> WilsonCowanState:
        return WilsonCowanState(
            initial(self, "r_E_init", self.r_E_init, ctx.child("r_E")),
            initial(self, "r_I_init", self.r_I_init, ctx.child("r_I")),
        )

    def vector_field(self, t: object, y: WilsonCowanState, drive: Drive) -> WilsonCowanState:
        to_E = self.w_EE * y.r_E - self.w_EI * y.r_I + drive(y.r_E)
        to_I = self.w_IE * y.r_E - self.w_II * y.r_I + self.Q
        dE = self._response(to_E, y.r_E, self.a_E, self.theta_E)
        dI = self._response(to_I, y.r_I, self.a_I, self.theta_I)
        return WilsonCowanState((dE - y.r_E) / self.tau_E, (dI - y.r_I) / self.tau_I)

    def emit(
        self, old: WilsonCowanState, new: WilsonCowanState, ctx: Context
    ) -> tuple[WilsonCowanState, Float[Array, "*size"]]:
        return new, new.r_E

    def _response(self, x: Array, r: Array, a: Parameter, theta: Parameter) -> Array:
        """The share of cells that are excited above threshold and not refractory."""
        at_rest = jax.nn.sigmoid(-jnp.asarray(a * theta, x.dtype))
        return (1.0 - at_rest - self.rho * r) * (jax.nn.sigmoid(a * (x - theta)) - at_rest)

    def portrait(self, figure: "Figure") -> None:
        """On the left, both activities under an input of 1.25; on the right, their path in the plane."""
        dt, steps = 0.1, 2000
        ctx = Context(dt=dt)

        def one(state: WilsonCowanState, x: Array) -> tuple[WilsonCowanState, tuple[Array, Array]]:
            state, _ = self.update(state, x, ctx)
            return state, (state.r_E.ravel()[0], state.r_I.ravel()[0])

        _, (r_E, r_I) = jax.lax.scan(one, self.init_state(ctx), jnp.full((steps, *self.size), 1.25))
        left, right = figure.subplots(1, 2)
        for name, r in (("r_E", r_E), ("r_I", r_I)):
            left.plot(dt * (1 + np.arange(steps)), r, label=name)
        left.set(xlabel="time [ms]", ylabel="activity [-]")
        left.legend(frameon=False, loc="upper left")
        right.plot(r_E, r_I, linewidth=1.0)
        right.set(xlabel="r_E [-]", ylabel="r_I [-]")
