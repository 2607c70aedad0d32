"""Poisson spike trains."""

from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike
from jaxtyping import Array, Float

from dynplug.core import Context, Parameter, as_size, check_number, check_parameters, param
from dynplug.errors import ShapeError
from dynplug.sources.source import Source, SpikesState


class Poisson(Source):
    r"""Independent Poisson processes. The output is the spikes of a step, 0 or 1.

    $$P(s_i = 1) = 1 - e^{-r(t_i)\,\Delta t}$$

    A step with one event of the process or more has a spike: the mean number of spikes is $r\,\Delta t$ up to a share
    of $r\,\Delta t / 2$, the second of two events within a step being lost.

    ```python
    rate = 0.02 + 0.01 * dp.inputs.sine(1.0, 0.005)     # 20 Hz, modulated at 5 Hz
    weights = dp.layers.Dense(100, 3, key=jax.random.key(0))
    model = dp.sources.Poisson(100, rate) >> weights >> dp.synapses.Exponential(3) >> dp.neurons.LIF(3)
    runner = dp.DSRunner(model, key=jax.random.key(1), dt=0.1)
    runner.run(1000.0)
    assert runner.state.i == 10_000
    ```

    **Arguments:**

    - `size`: the number of units, or the shape of a grid of them.
    - `rate`: $r$, one number, one per unit, or a function of the context such as those of `dynplug.inputs`, whose
        negative values count as 0 [kHz].

    **Raises:** `ParameterError` for a negative rate; `KeyRequiredError` in a run without a key.

    **Reference:** Gerstner, W. et al. (2014), Neuronal Dynamics, section 7.2, doi:10.1017/CBO9781107447615.
    """

    size: tuple[int, ...] = eqx.field(static=True, converter=as_size)
    # nothing has a derivative by the rate
    rate: Parameter | Callable[[Context], ArrayLike] = param(drawn=True, stepwise=True)

    def __check_init__(self) -> None:
        check_parameters(self)
        if not callable(self.rate):
            check_number("Poisson: rate", self.rate, least=0.0)

    def init_state(self, ctx: Context) -> SpikesState:
        return SpikesState(jnp.zeros(self.size, ctx.dtype))

    def generate(self, state: SpikesState, ctx: Context) -> tuple[SpikesState, Float[Array, "*size"]]:
        fine = np.promote_types(ctx.dtype, np.float32)  # half precision has no numbers for rare spikes
        drawn = jax.random.uniform(ctx.random_key(), self.size, fine)
        spike = (drawn < -jnp.expm1(-self._now(ctx).astype(fine) * ctx.dt)).astype(ctx.dtype)
        return SpikesState(spike), spike

    def _now(self, ctx: Context) -> Float[Array, "..."]:
        """The rate in a step, a scalar or one number per unit."""
        if not callable(self.rate):
            return jnp.asarray(self.rate, ctx.dtype)
        rate = jnp.asarray(self.rate(ctx.child("rate")), ctx.dtype)
        if rate.shape not in ((), self.size):
            raise ShapeError(
                f"{ctx.path or 'Poisson'} has {self.size} units, but its rate is of shape {rate.shape}: one number, or "
                "one per unit, is expected."
            )
        return jnp.maximum(rate, 0.0)
