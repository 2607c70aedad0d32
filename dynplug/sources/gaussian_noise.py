"""White noise."""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from dynplug.core import Context, Parameter, as_size, check_not_negative, param, white
from dynplug.sources.source import Source


class WhiteNoise(Source):
    r"""Gaussian white noise, of each unit its own. The output is a current.

    $$I(t) = \mu + \sigma\,\xi(t), \qquad I_i = \mu + \frac{\sigma}{\sqrt{\Delta t}}\,N(0, 1)$$

    The charge in a time $T$ has the mean $\mu T$ and the standard deviation $\sigma \sqrt{T}$, whatever the step. A
    leaky membrane with the resistance $R$ driven by it has a potential of the standard deviation
    $R\,\sigma / \sqrt{2\tau}$.

    ```python
    noise = dp.sources.WhiteNoise(2000, sigma=0.5)
    _, current = dp.LoopOverTime(noise, dt=0.1)(1.0, key=jax.random.key(0))
    assert abs((0.1 * current).sum(0).std() - 0.5) < 0.05     # sigma times the root of 1 ms
    ```

    **Arguments:**

    - `size`: the number of units, or the shape of a grid of them.
    - `sigma`: $\sigma$, one number, or one per unit [nA·√ms].
    - `mu`: $\mu$, the mean, one number, or one per unit [nA].

    **Raises:** `ParameterError`; `KeyRequiredError` in a run without a key.

    **Reference:** Gerstner, W. et al. (2014), Neuronal Dynamics, section 8.1, doi:10.1017/CBO9781107447615.
    """

    size: tuple[int, ...] = eqx.field(static=True, converter=as_size)
    sigma: Parameter = param()
    mu: Parameter = param(0.0)

    def __check_init__(self) -> None:
        check_not_negative(self, "sigma")

    def init_state(self, ctx: Context) -> None:
        return None

    def generate(self, state: None, ctx: Context) -> tuple[None, Float[Array, "*size"]]:
        return None, jnp.asarray(self.mu, ctx.dtype) + white(self.sigma, self.size, ctx)
