"""The threshold-linear rate unit."""

from collections.abc import Callable
from typing import ClassVar

import equinox as eqx
import jax.numpy as jnp
from diffrax import AbstractSolver
from jax.typing import ArrayLike
from jaxtyping import Array, Float

from dynplug.core import Context, Drive, Neuron, Parameter, as_size, param
from dynplug.integrators import ExponentialEuler
from dynplug.neurons.start import initial


class ThresholdLinearState(eqx.Module):
    """Rate `r` [kHz]."""

    r: Float[Array, "*size"]


class ThresholdLinear(Neuron):
    r"""A rate that follows its input above a threshold. Its output is the rate.

    $$\tau \frac{dr}{dt} = -r + \beta\,[I(r) - \theta]_+, \qquad [x]_+ = \max(x, 0)$$

    A network of such units with weights $W$ rests where $r = \beta\,[W r + I - \theta]_+$, a linear equation among the
    units that are active. Units are coupled by a `dynplug.Coupling`.

    ```python
    W = np.array([[0.0, -0.5], [-0.5, 0.0]])     # two units that inhibit each other
    net = dp.Network({"r": dp.neurons.ThresholdLinear(2)},
                     {"W": dp.Coupling("r", "r", W, weight=W, form="additive")}, input_to="r", output_from="r")
    _, r = dp.LoopOverTime(net, dt=0.1)(jnp.tile(jnp.array([1.0, 0.8]), (1000, 1)))
    assert np.allclose(r[-1], [0.8, 0.4], atol=5e-3)
    ```

    **Arguments:**

    - `size`: the number of units, or the shape of a grid of them.
    - `tau`: time constant [ms].
    - `gain`: $\beta$, the slope of the rate over the input [kHz/nA].
    - `threshold`: $\theta$, the input above which the unit is active [nA].
    - `r_init`: initial rate, or an initializer that draws it [kHz].
    - `integrator`: a diffrax solver; exponential Euler is exact for an input that does not depend on the rate.

    **Reference:** Hahnloser, R. H. R. et al. (2000), Digital selection and analogue amplification coexist in a
    cortex-inspired silicon circuit, doi:10.1038/35016072.
    """

    size: tuple[int, ...] = eqx.field(static=True, converter=as_size)
    tau: Parameter = param(10.0, positive=True)
    gain: Parameter = param(1.0, positive=True)
    threshold: Parameter = param(0.0)
    r_init: Parameter | Callable[..., ArrayLike] = param(0.0, drawn=True)
    integrator: AbstractSolver = ExponentialEuler()

    potential: ClassVar[str] = "r"
    jump_to: ClassVar[str] = "r"
    equations: ClassVar = {"r": "(-r + gain * max(I - threshold, 0)) / tau"}
    starts_at: ClassVar = {"r": "r_init"}

    def init_state(self, ctx: Context) -> ThresholdLinearState:
        return ThresholdLinearState(initial(self, "r_init", self.r_init, ctx))

    def vector_field(self, t: object, y: ThresholdLinearState, drive: Drive) -> ThresholdLinearState:
        active = jnp.maximum(drive(y.r) - self.threshold, 0.0)
        return ThresholdLinearState((self.gain * active - y.r) / self.tau)

    def emit(
        self, old: ThresholdLinearState, new: ThresholdLinearState, ctx: Context
    ) -> tuple[ThresholdLinearState, Float[Array, "*size"]]:
        return new, new.r
