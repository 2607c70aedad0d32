"""The synapse with two time constants."""

from typing import ClassVar

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from diffrax import AbstractSolver, Bosh3
from jax.core import Tracer
from jaxtyping import Array, Float

from dynplug.core import Context, Drive, Parameter, Synapse, param, target_size
from dynplug.errors import ParameterError
from dynplug.synapses.outputs import CUBA, Output


class DualExponentialState(eqx.Module):
    """Conductance `g` and the variable `h` that makes it rise [both µS], or currents [nA]."""

    g: Float[Array, "*size"]
    h: Float[Array, "*size"]


class DualExponential(Synapse):
    r"""A conductance that rises with one time constant and decays with another. Its output is a `Drive`.

    $$\frac{dg}{dt} = -\frac{g}{\tau_\mathrm{decay}} + c\,h, \qquad
      \frac{dh}{dt} = -\frac{h}{\tau_\mathrm{rise}}, \qquad \text{event of weight } w: \; h \leftarrow h + w$$

    $$c = \frac{\tau_\mathrm{decay} - \tau_\mathrm{rise}}{\tau_\mathrm{decay}\,\tau_\mathrm{rise}} \,
      \frac{1}{e^{-t_p/\tau_\mathrm{decay}} - e^{-t_p/\tau_\mathrm{rise}}}, \qquad
      t_p = \frac{\tau_\mathrm{decay}\,\tau_\mathrm{rise}}{\tau_\mathrm{decay} - \tau_\mathrm{rise}}
      \ln\frac{\tau_\mathrm{decay}}{\tau_\mathrm{rise}}$$

    From the start of its step, an event gives a difference of two exponentials, whose peak, at $t_p$, is $w$. The
    target receives the mean over each step.

    ```python
    event = jnp.zeros((100, 1)).at[0].set(2.0)
    _, (_, g) = dp.LoopOverTime(dp.synapses.DualExponential(1, tau_rise=1.0, tau_decay=5.0), "g", dt=0.1)(event)
    assert np.argmax(g) == 19 and np.isclose(g.max(), 2.0, rtol=1e-3)     # the peak is the weight, after 5/4 ln 5 ms
    ```

    **Arguments:**

    - `size`: the number of target units, or the shape of a grid of them; in a `Projection` that of its targets.
    - `tau_rise`: time constant of the rise [ms].
    - `tau_decay`: time constant of the decay [ms].
    - `output`: `CUBA()` for a current, `COBA(E)` for a conductance.
    - `integrator`: a diffrax solver.

    **Raises:** `ParameterError` for equal time constants, of which the limit is `Alpha`.

    **Reference:** Roth, A. & van Rossum, M. C. W. (2009), Modeling synapses, in Computational Modeling Methods for
    Neuroscientists, doi:10.7551/mitpress/9780262013277.003.0007.
    """

    size: tuple[int, ...] = target_size()
    tau_rise: Parameter = param(1.0, positive=True)
    tau_decay: Parameter = param(5.0, positive=True)
    output: Output = CUBA()
    integrator: AbstractSolver = Bosh3()
    linear: ClassVar[bool] = True
    jump_to: ClassVar[str] = "h"

    definitions: ClassVar = {
        "t_p": "tau_decay * tau_rise / (tau_decay - tau_rise) * log(tau_decay / tau_rise)",
        "c": "(tau_decay - tau_rise) / (tau_decay * tau_rise) / (exp(-t_p / tau_decay) - exp(-t_p / tau_rise))",
    }
    equations: ClassVar = {"g": "-g / tau_decay + c * h", "h": "-h / tau_rise"}
    starts_at: ClassVar = {"g": "0", "h": "0"}
    on_event: ClassVar = {"h": "h + w"}

    def __check_init__(self) -> None:
        given = self.tau_rise, self.tau_decay
        if not any(isinstance(tau, Tracer) for tau in given) and np.any(np.equal(*given)):
            raise ParameterError(
                f"DualExponential: tau_rise and tau_decay are both {self.tau_rise} ms; they must differ. With one time "
                "constant the conductance is that of dp.synapses.Alpha."
            )

    def init_state(self, ctx: Context) -> DualExponentialState:
        nothing = jnp.zeros(self.size, ctx.dtype)
        return DualExponentialState(nothing, nothing)

    def vector_field(self, t: object, y: DualExponentialState, drive: Drive) -> DualExponentialState:
        rise, decay = jnp.asarray(self.tau_rise, y.g.dtype), jnp.asarray(self.tau_decay, y.g.dtype)
        rate = (decay - rise) / (decay * rise)
        peak = jnp.log(decay / rise) / rate
        c = rate / (jnp.exp(-peak / decay) - jnp.exp(-peak / rise))
        return DualExponentialState(c * y.h - y.g / decay, -y.h / rise)

    def emit(
        self, old: DualExponentialState, new: DualExponentialState, ctx: Context
    ) -> tuple[DualExponentialState, Drive]:
        return new, self.output(new.g)
