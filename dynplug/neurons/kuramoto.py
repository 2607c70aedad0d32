"""Kuramoto's phase oscillator."""

from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from diffrax import AbstractSolver, Euler
from jax.typing import ArrayLike
from jaxtyping import Array, Float

from dynplug.core import Context, Drive, Neuron, Parameter, as_size, param
from dynplug.neurons.start import initial

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class KuramotoState(eqx.Module):
    """Phase `theta` [rad]."""

    theta: Float[Array, "*size"]


class Kuramoto(Neuron):
    r"""An oscillator that is its phase alone, from $-\pi$ to $\pi$. Its output is the phase.

    $$\frac{d\theta}{dt} = \omega + I$$

    Its input changes its frequency [rad/ms]. Oscillators are coupled by `dynplug.Coupling(..., form="sine")`, whose
    input is $I_i = \sum_j w_{ij} \sin(\theta_j - \theta_i)$; how far they are in step tells
    `dynplug.measures.order_parameter`. Where all are coupled with $w = K / N$, and frequencies have a density $g$ with
    its peak in the middle, synchrony begins at $K_c = 2 / (\pi\,g(0))$.

    ```python
    omega = 0.25 + 0.02 * jax.random.normal(jax.random.key(0), (50,))
    net = dp.Network(
        {"phase": dp.neurons.Kuramoto(50, omega=omega, theta_init=dp.initializers.Uniform(-3.1, 3.1))},
        {"K": dp.Coupling("phase", "phase", "AllToAll", weight=0.1 / 50, form="sine")},
        output_from="phase", key=jax.random.key(1),
    )
    _, theta = dp.LoopOverTime(net, dt=0.5)(300.0, key=jax.random.key(2))
    r = dp.measures.order_parameter(theta)
    assert r[0] < 0.4 and r[-100:].mean() > 0.8     # they fall into step
    ```

    **Arguments:**

    - `size`: the number of units, or the shape of a grid of them.
    - `omega`: $\omega$, the frequency without input, $2\pi$ times the number of cycles a millisecond [rad/ms].
    - `theta_init`: initial phase, or an initializer that draws it [rad].
    - `integrator`: a diffrax solver; Euler's is exact, as the input is held over a step.

    **Raises:** `CompositionError` for an input with a conductance: a phase that has gone round is the same phase.

    **Reference:** Kuramoto, Y. (1984), Chemical Oscillations, Waves, and Turbulence, chapter 5,
    doi:10.1007/978-3-642-69689-3.
    """

    size: tuple[int, ...] = eqx.field(static=True, converter=as_size)
    omega: Parameter = param(0.25)
    theta_init: Parameter | Callable[..., ArrayLike] = param(0.0, drawn=True)
    integrator: AbstractSolver = Euler()

    potential: ClassVar[str] = "theta"
    jump_to: ClassVar[str] = "theta"
    circular: ClassVar[bool] = True
    equations: ClassVar = {"theta": "omega + I[rad/ms]"}
    starts_at: ClassVar = {"theta": "theta_init"}

    def init_state(self, ctx: Context) -> KuramotoState:
        return KuramotoState(initial(self, "theta_init", self.theta_init, ctx))

    def vector_field(self, t: object, y: KuramotoState, drive: Drive) -> KuramotoState:
        return KuramotoState(self.omega + drive(y.theta) + jnp.zeros_like(y.theta))

    def emit(self, old: KuramotoState, new: KuramotoState, ctx: Context) -> tuple[KuramotoState, Float[Array, "*size"]]:
        # A phase that grew without bound would lose its digits in single precision.
        turns = jnp.round(jax.lax.stop_gradient(new.theta) / (2.0 * np.pi))
        theta = new.theta - 2.0 * np.pi * turns
        return KuramotoState(theta), theta

    def portrait(self, figure: "Figure") -> None:
        """Phase lag behind a rhythm that is 0.02 rad/ms faster and pulls the oscillator: a strong pull locks it."""
        dt, steps, faster = 0.5, 2000, 0.02
        ctx, ax = Context(dt=dt), figure.subplots()

        for pull in (0.01, 0.019, 0.03):

            def one(state: KuramotoState, n: Array, pull: float = pull) -> tuple[KuramotoState, Array]:
                behind = (self.omega + faster) * dt * n - state.theta
                return self.update(state, pull * jnp.sin(behind), ctx)[0], behind.ravel()[0]

            _, behind = jax.lax.scan(one, self.init_state(ctx), jnp.arange(steps, dtype=ctx.dtype))
            ax.plot(dt * np.arange(steps), np.unwrap(behind), label=f"{pull:g} rad/ms")
        ax.set(xlabel="time [ms]", ylabel="phase behind the rhythm [rad]")
        ax.legend(frameon=False)
