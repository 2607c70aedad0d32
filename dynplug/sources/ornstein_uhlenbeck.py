"""The Ornstein-Uhlenbeck process."""

from typing import Literal, get_args

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from dynplug.core import Context, Parameter, as_size, check_not_negative, param
from dynplug.errors import ParameterError, nearest
from dynplug.sources.source import Source

Start = Literal["stationary", "mean"]


def _known(start: str) -> str:
    if start not in get_args(Start):
        raise ParameterError(f"OrnsteinUhlenbeck(start={start!r}): {nearest(start, get_args(Start))}")
    return start


class OrnsteinUhlenbeckState(eqx.Module):
    """The current [nA]."""

    current: Float[Array, "*size"]


class OrnsteinUhlenbeck(Source):
    r"""Noise with a correlation time, of each unit its own. The output is a current, that at the end of the step.

    $$dI = -\frac{I - \mu}{\tau}\,dt + \sigma \sqrt{\frac{2}{\tau}}\,dW$$

    Steps are exact, $I_{i+1} = \mu + (I_i - \mu)\,e^{-\Delta t/\tau} + \sigma\sqrt{1 - e^{-2\Delta t/\tau}}\,N(0, 1)$,
    so that the mean $\mu$, the standard deviation $\sigma$ and the correlation $e^{-|t|/\tau}$ do not depend on `dt`.

    ```python
    noise = dp.sources.OrnsteinUhlenbeck(2000, sigma=0.5, tau=5.0)
    _, current = dp.LoopOverTime(noise, dt=1.0)(10.0, key=jax.random.key(0))
    early, late = np.asarray(current)[[4, 9]]     # 5 ms apart
    assert abs(late.std() - 0.5) < 0.05 and abs((early * late).mean() / 0.5**2 - np.exp(-1)) < 0.1
    ```

    **Arguments:**

    - `size`: the number of units, or the shape of a grid of them.
    - `sigma`: $\sigma$, the standard deviation, one number, or one per unit [nA].
    - `tau`: $\tau$, the correlation time [ms].
    - `mu`: $\mu$, the mean, one number, or one per unit [nA].
    - `start`: `"stationary"` draws the first current from the stationary distribution, `"mean"` starts at $\mu$.

    **Raises:** `ParameterError`; `KeyRequiredError` in a run without a key.

    **Reference:** Gillespie, D. T. (1996), Exact numerical simulation of the Ornstein-Uhlenbeck process and its
    integral, doi:10.1103/PhysRevE.54.2084.
    """

    size: tuple[int, ...] = eqx.field(static=True, converter=as_size)
    sigma: Parameter = param()
    tau: Parameter = param(5.0, positive=True)
    mu: Parameter = param(0.0)
    start: Start = eqx.field(default="stationary", static=True, converter=_known)

    def __check_init__(self) -> None:
        check_not_negative(self, "sigma")

    def init_state(self, ctx: Context) -> OrnsteinUhlenbeckState:
        mu, sigma = (jnp.asarray(value, ctx.dtype) for value in (self.mu, self.sigma))
        if self.start == "mean":
            return OrnsteinUhlenbeckState(jnp.broadcast_to(mu, self.size))
        return OrnsteinUhlenbeckState(mu + sigma * jax.random.normal(ctx.random_key(), self.size, ctx.dtype))

    def generate(
        self, state: OrnsteinUhlenbeckState, ctx: Context
    ) -> tuple[OrnsteinUhlenbeckState, Float[Array, "*size"]]:
        mu, sigma, tau = (jnp.asarray(value, ctx.dtype) for value in (self.mu, self.sigma, self.tau))
        drawn = jax.random.normal(ctx.random_key(), self.size, ctx.dtype)
        kept, spread = jnp.exp(-ctx.dt / tau), jnp.sqrt(-jnp.expm1(-2.0 * ctx.dt / tau))
        new = mu + (state.current - mu) * kept + sigma * spread * drawn
        return OrnsteinUhlenbeckState(new), new
